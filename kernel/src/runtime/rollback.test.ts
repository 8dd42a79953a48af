/** A build that is put back starts over what a newer one has migrated, works, and says so. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { anyone, command, contract } from "../contract/mod.ts";
import { testCluster, withoutPostgres } from "../node/postgres/testing/mod.ts";
import { openWorld } from "../node/world.ts";
import { t } from "../schema/mod.ts";
import { type Logger, silentLogger } from "../std/mod.ts";
import { type Migration, MigrationMismatch, type Storage } from "../store/mod.ts";
import { systemClock } from "../node/clock.ts";
import { Host, type Service, defineSystem, implement } from "./mod.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

const Note = t.object({ id: t.text() });
const notes = contract("notes", {
  version: "1.0.0",
  commands: { add: command({ input: Note, output: Note, allow: [anyone] }) },
});

const first = { name: "0001_note", sql: "CREATE TABLE note (id TEXT PRIMARY KEY)" };
const second = { name: "0002_note_author", sql: "ALTER TABLE note ADD COLUMN author TEXT NOT NULL DEFAULT ''" };

function build(migrations: readonly Migration[]): Service {
  return implement<{ note: { id: string } }>()(notes, {
    database: { migrations },
    commands: {
      add: (note, ctx) =>
        ctx.transaction(async ({ connection }) => {
          await connection.run("INSERT INTO note (id) VALUES (?)", [note.id]);
          return note;
        }),
    },
    queries: {},
  });
}

/** Starts a build, lets it work, ends it; resolves to what it warned of. */
async function run(storage: Storage, migrations: readonly Migration[], id: string): Promise<unknown[]> {
  const warnings: unknown[] = [];
  const log: Logger = { ...silentLogger, warn: (_, fields) => void warnings.push(fields), with: () => log };
  const open = openWorld({ dataFolder: ":memory:", storage, log });
  try {
    const system = defineSystem({ name: "notes", services: [build(migrations)], roles: {} });
    const host = await Host.start({ system, world: open.world, jobs: false, replica: id });
    try {
      await host.invoke({ service: "notes", operation: "add", input: { id } });
    } finally {
      await host.stop();
    }
  } finally {
    open.close();
  }
  return warnings;
}

async function rollsBack(storage: Storage): Promise<void> {
  assert.deepEqual(await run(storage, [first], "a"), []);
  assert.deepEqual(await run(storage, [first, second], "b"), []);
  assert.deepEqual(await run(storage, [first], "c"), [{ service: "notes", ahead: ["notes/0002_note_author"] }]);
  const other = { ...first, sql: "CREATE TABLE note (id TEXT)" };
  await assert.rejects(run(storage, [other], "d"), MigrationMismatch.is);
  assert.deepEqual(await run(storage, [first, second], "e"), []);
}

test("on SQLite", async () => {
  const { storage, close } = sharedStorage({ clock: systemClock() });
  after(close);
  await rollsBack(storage);
});

test("on PostgreSQL", { skip: withoutPostgres }, async () => {
  const databases = await cluster.databases(["notes"]);
  await rollsBack(databases.storage);
  await databases.drop();
});

const cluster = testCluster();
