/** The log of events in PostgreSQL: the suite of sources, and many writers at once. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { type TestContext, test } from "node:test";
import { type EventRecord, type LogSource, eventsMigrations, logSource } from "../../events/mod.ts";
import { sourceConformance } from "../../events/testing/conformance.ts";
import { pruningConformance } from "../../events/testing/pruning.ts";
import { logSubject } from "../../events/testing/log-subject.ts";
import { Teller, shop } from "../../events/testing/setup.ts";
import { silentLogger } from "../../std/mod.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import type { Database } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { type TestDatabases, testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();
const skip = withoutPostgres;
const clock = systemClock();

const WRITERS = 16;
const WRITES_EACH = 40;
const KEYS = 12;

if (withoutPostgres === false) {
  sourceConformance("the log in PostgreSQL", async () => {
    const databases = await cluster.databases(["shop"]);
    const database = await open(databases);
    return logSubject(database, async () => {
      await database.close();
      await databases.drop();
    });
  });
}

if (withoutPostgres === false) {
  pruningConformance("pruning the log in PostgreSQL", async () => {
    const databases = await cluster.databases(["shop"]);
    const database = await open(databases);
    const close = async (): Promise<void> => {
      await database.close();
      await databases.drop();
    };
    return { database, close };
  });
}

async function open(databases: TestDatabases): Promise<Database> {
  const database = await databases.replica({ connectionsMax: WRITERS + 4 }).open("shop");
  await database.migrate([{ owner: "kernel.events", migrations: eventsMigrations }]);
  return database;
}

async function opened(context: TestContext, replicas: number): Promise<Database[]> {
  const databases = await cluster.databases(["shop"]);
  const list: Database[] = [];
  context.after(async () => {
    for (const database of list) await database.close();
    await databases.drop();
  });
  for (let count = 0; count < replicas; count += 1) list.push(await open(databases));
  return list;
}

function sourceOf(database: Database): LogSource {
  return logSource({ service: "shop", database, clock, random: seededRandom(1), log: silentLogger });
}

/** Reads while others write, as a consumer does: by position, and never again what it has passed. */
async function readBeside(source: LogSource, limit: number, isOver: () => boolean): Promise<EventRecord[]> {
  const events: EventRecord[] = [];
  let after = 0;
  for (let ends = false; ;) {
    const over = isOver();
    source.notify();
    const batch = await source.read({ after, limit });
    events.push(...batch.events);
    after = batch.upTo;
    // Two rounds after the last commit: the first may have begun before it.
    if (over && ends && !batch.more) return events;
    ends = over;
    await turn();
  }
}

/** One writer's transactions: on shared keys, of several events, some of them slow, some given up. */
async function writeMany(teller: Teller, seed: number, recorded: Set<string>): Promise<void> {
  const random = seededRandom(seed);
  const upTo = (count: number): number => Math.floor(random.next() * count);
  for (let write = 0; write < WRITES_EACH; write += 1) {
    const isolation = random.next() < 0.5 ? "serializable" : "read committed";
    const keys = [...new Set(Array.from({ length: 1 + upTo(3) }, () => upTo(KEYS)))].toSorted((a, b) => a - b);
    const turns = upTo(30);
    const gives = random.next() < 0.15;
    const ids = await teller.database
      .write({ label: "tell", isolation }, async (connection) => {
        const recorder = teller.recorder(connection);
        const drawn: string[] = [];
        for (const key of keys) {
          const { id } = await recorder.emit(shop.events.moved, { id: `key ${key}`, n: write });
          drawn.push(id);
          for (let count = 0; count < turns; count += 1) await turn();
        }
        if (gives) throw new Error("given up");
        return drawn;
      })
      .catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== "given up") throw error;
        return [];
      });
    for (const id of ids) recorded.add(id);
  }
}

test(
  "with 16 writers no event is left out, none comes twice, and each key's are in order",
  { skip },
  async (context) => {
    const [here, there] = await opened(context, 2);
    assert.ok(here && there);
    const recorded = new Set<string>();
    const tellers = [new Teller(here, 1), new Teller(there, 2)];
    let over = false;
    const readers = [readBeside(sourceOf(here), 7, () => over), readBeside(sourceOf(there), 200, () => over)];
    await Promise.all(
      Array.from({ length: WRITERS }, (_, index) => writeMany(tellers[index % 2] as Teller, index, recorded)),
    );
    over = true;
    const [first, second] = await Promise.all(readers);
    assert.ok(first && second);
    assert.deepEqual(
      first.map(({ position }) => position),
      first.map((_, index) => index + 1),
    );
    assert.deepEqual(first, second);
    assert.deepEqual(new Set(first.map(({ id }) => id)), recorded);
    const last = new Map<string, number>();
    for (const { key, sequence } of first) {
      assert.equal(sequence, (last.get(key) ?? 0) + 1, `${key}: ${sequence} after ${last.get(key)}`);
      last.set(key, sequence);
    }
  },
);

test(
  "a transaction that stays open holds no other's events up, and its own come when it ends",
  { skip },
  async (context) => {
    const [database] = await opened(context, 1);
    assert.ok(database);
    const teller = new Teller(database);
    const source = sourceOf(database);
    const recorded = Promise.withResolvers<void>();
    const ends = Promise.withResolvers<void>();
    const slow = database.write({ label: "slow" }, async (connection) => {
      await teller.recorder(connection).emit(shop.events.moved, { id: "slow", n: 1 });
      recorded.resolve();
      await ends.promise;
    });
    await recorded.promise;
    for (const n of [1, 2, 3]) await teller.tell({ id: "quick", n });
    const keys = async (): Promise<string[]> => {
      source.notify();
      return (await source.read({ after: 0, limit: 10 })).events.map(({ key }) => key);
    };
    assert.deepEqual(await keys(), ["quick", "quick", "quick"]);
    ends.resolve();
    await slow;
    assert.deepEqual(await keys(), ["quick", "quick", "quick", "slow"]);
  },
);

test("what another replica records is heard without a notification", { skip }, async (context) => {
  const [here, there] = await opened(context, 2);
  assert.ok(here && there);
  const source = sourceOf(here);
  const heard = Promise.withResolvers<void>();
  context.after(source.onAppend(() => heard.resolve()));
  await new Teller(there).tell({ id: "a", n: 1 });
  await heard.promise;
  assert.equal((await source.read({ after: 0, limit: 10 })).events.length, 1);
});
