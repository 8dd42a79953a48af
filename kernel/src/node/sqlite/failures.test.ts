import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DiskFull, MigrationFailed, StoreDamaged } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { type SqliteStorageOptions, sqliteStorage } from "./mod.ts";

const clock = systemClock();
const WRITE = { label: "test.write" };
const SCHEMA = {
  owner: "test",
  migrations: [{ name: "0001_t", sql: "CREATE TABLE t (id TEXT PRIMARY KEY, body TEXT)" }],
};
const INSERT = "INSERT INTO t (id, body) VALUES (?, ?)";

async function place(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "isomer-failures-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function opened(context: TestContext, options: Partial<SqliteStorageOptions> = {}) {
  const folder = await place(context);
  const database = await sqliteStorage({ folder, clock, ...options }).open("orders");
  context.after(() => database.close());
  await database.migrate([SCHEMA]);
  const insert = (id: string, body: string): Promise<number> =>
    database.write(WRITE, (connection) => connection.run(INSERT, [id, body]));
  const ids = async (): Promise<unknown[]> => {
    const rows = await database.read(WRITE, (connection) => connection.all("SELECT id FROM t ORDER BY id"));
    return rows.map(({ id }) => id);
  };
  return { folder, database, insert, ids };
}

test("a full disk is said so, loses nothing that was acknowledged, and smaller writes go on", async (context) => {
  const { insert, ids } = await opened(context, { maxPages: 20 });
  await insert("a", "small");
  await assert.rejects(insert("b", "x".repeat(200_000)), (error) => DiskFull.is(error));
  await insert("c", "small");
  assert.deepEqual(await ids(), ["a", "c"]);
});

test("a full disk fails the whole group when SQLite undoes the transaction, although the body hides it", async (context) => {
  const { database, insert, ids } = await opened(context, { maxPages: 20 });
  await insert("kept", "small");
  const beside = insert("beside", "small");
  const hiding = database.write(WRITE, async (connection) => {
    await connection.run(INSERT, ["big", "x".repeat(200_000)]).catch(() => {});
    await connection.run(INSERT, ["on its own", "would commit at once"]).catch(() => {});
  });
  const results = await Promise.allSettled([beside, hiding]);
  const reasons = results.map((result) => (result.status === "rejected" ? result.reason : result));
  assert.ok(
    reasons.every((reason) => DiskFull.is(reason)),
    String(reasons),
  );
  await insert("after", "small");
  assert.deepEqual(await ids(), ["after", "kept"]);
});

test("a file that is no database is refused by name", async (context) => {
  const folder = await place(context);
  await writeFile(join(folder, "orders.sqlite"), "This was a database once. ".repeat(100));
  await assert.rejects(sqliteStorage({ folder, clock }).open("orders"), (error) => {
    assert.ok(StoreDamaged.is(error));
    assert.match(error.message, /"orders" is damaged.*not a database/s);
    return true;
  });
});

test("a file that lost pages, or had them overwritten, is refused when it is opened", async (context) => {
  const { folder, database, insert } = await opened(context);
  for (let index = 0; index < 50; index += 1) await insert(`k${index}`, "x".repeat(1_000));
  await database.close();
  const path = join(folder, "orders.sqlite");
  const whole = await readFile(path);
  await truncate(path, whole.length - 3 * 4096);
  await assert.rejects(sqliteStorage({ folder, clock }).open("orders"), (error) => StoreDamaged.is(error));
  await writeFile(path, Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(4096, 7), whole.subarray(12_288)]));
  await assert.rejects(sqliteStorage({ folder, clock }).open("orders"), (error) => StoreDamaged.is(error));
  await writeFile(path, whole);
  await (await sqliteStorage({ folder, clock }).open("orders")).close();
});

test("constraints that would fail at the commit of a group are refused", async (context) => {
  const { database } = await opened(context);
  const sql = "CREATE TABLE u (id TEXT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)";
  const set = { owner: "test", migrations: [...SCHEMA.migrations, { name: "0002_u", sql }] };
  await assert.rejects(database.migrate([set]), (error) => {
    assert.ok(MigrationFailed.is(error));
    assert.match(error.message, /INITIALLY DEFERRED/);
    return true;
  });
});

test("services' names cannot leave the folder, and a database is opened once", async (context) => {
  const folder = await place(context);
  const storage = sqliteStorage({ folder, clock });
  await assert.rejects(storage.open("../orders"), TypeError);
  const database = await storage.open("orders");
  await assert.rejects(storage.open("orders"), TypeError);
  await database.close();
});
