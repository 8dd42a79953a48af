/**
 * What durable small transactions cost: a commit and a sync each, and in groups. Each transaction inserts a row and
 * updates another. What must be there is counted in the file, before any figure is printed.
 *
 *   npx node bench/group-commit.ts [transactions]
 */
import assert from "node:assert/strict";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteStorage } from "@isomer/kernel/node/sqlite";
import { systemClock } from "../kernel/src/node/clock.ts";

const COUNT = Number(process.argv[2] ?? 5_000);
const ACCOUNTS = 100;
const INSERT = "INSERT INTO entry (id, account, amount) VALUES (?, ?, ?)";
const UPDATE = "UPDATE account SET balance = balance + ? WHERE id = ?";
const SCHEMA = `
  CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL);
  CREATE TABLE entry (id TEXT PRIMARY KEY, account BIGINT NOT NULL, amount BIGINT NOT NULL);
  INSERT INTO account SELECT value, 0 FROM (
    WITH RECURSIVE n (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < ${ACCOUNTS - 1})
    SELECT value FROM n);`;

interface Result {
  readonly name: string;
  readonly perSecond: number;
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly note: string;
}

async function measure(name: string, run: () => Promise<string> | string): Promise<Result> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const note = await run();
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return {
    name,
    perSecond: Math.round((COUNT * 1_000) / elapsedMs),
    wallUs: (elapsedMs * 1_000) / COUNT,
    cpuUs: (user + system) / COUNT,
    note,
  };
}

function check(path: string): void {
  const database = new DatabaseSync(path);
  const row = database
    .prepare("SELECT (SELECT count(*) FROM entry) AS entries, (SELECT sum(balance) FROM account) AS total")
    .get();
  database.close();
  assert.deepEqual({ ...row }, { entries: COUNT, total: COUNT });
}

/** Bare `node:sqlite`, a transaction at a time. */
async function raw(path: string, mode: "sync each" | "never sync"): Promise<Result> {
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${mode === "sync each" ? "NORMAL" : "OFF"}; ${SCHEMA}`,
  );
  const [begin, insert, update, commit] = ["BEGIN IMMEDIATE", INSERT, UPDATE, "COMMIT"].map((sql) =>
    database.prepare(sql),
  );
  assert.ok(begin && insert && update && commit);
  const log = openSync(`${path}-wal`, "r+");
  const result = await measure(`node:sqlite, ${mode}`, () => {
    for (let index = 0; index < COUNT; index += 1) {
      begin.run();
      insert.run(`entry-${index}`, index % ACCOUNTS, 1);
      update.run(1, index % ACCOUNTS);
      commit.run();
      if (mode === "sync each") fdatasyncSync(log);
    }
    return "";
  });
  closeSync(log);
  database.close();
  check(path);
  return result;
}

/** Our store, with so many callers that each wait for their own write before the next. */
async function store(folder: string, writers: number, relaxed = false): Promise<Result> {
  const database = await sqliteStorage({ folder, clock: systemClock(), relaxed }).open("bench");
  await database.migrate([{ owner: "bench", migrations: [{ name: "0001_schema", sql: SCHEMA }] }]);
  let next = 0;
  const caller = async (): Promise<void> => {
    for (let index = next++; index < COUNT; index = next++) {
      await database.write({ label: "bench.write", deadlineAt: performance.now() + 5_000 }, async (connection) => {
        await connection.run(INSERT, [`entry-${index}`, index % ACCOUNTS, 1]);
        await connection.run(UPDATE, [1, index % ACCOUNTS]);
      });
    }
  };
  const before = database.stats();
  const name = `our store, ${writers} writer${writers > 1 ? "s" : ""}${relaxed ? ", relaxed" : ""}`;
  const result = await measure(name, async () => {
    await Promise.all(Array.from({ length: writers }, caller));
    const { transactions, commits, syncs } = database.stats();
    assert.equal(transactions - before.transactions, COUNT);
    return `${commits - before.commits} commits, ${syncs - before.syncs} syncs`;
  });
  await database.close();
  check(join(folder, "bench.sqlite"));
  return result;
}

/** A lookup by primary key, bare and as a read of the store. */
async function reads(folder: string): Promise<string> {
  const database = await sqliteStorage({ folder, clock: systemClock() }).open("bench");
  const bare = new DatabaseSync(join(folder, "bench.sqlite"), { readOnly: true });
  const sql = "SELECT id, balance FROM account WHERE id = ?";
  const select = bare.prepare(sql);
  const time = async (read: (id: number) => unknown): Promise<number> => {
    const start = performance.now();
    for (let index = 0; index < COUNT; index += 1) await read(index % ACCOUNTS);
    return ((performance.now() - start) * 1_000) / COUNT;
  };
  const ours = (id: number) => database.read({ label: "bench.read" }, (connection) => connection.all(sql, [id]));
  await time(ours);
  const rawUs = await time((id) => select.all(id));
  const oursUs = await time(ours);
  bare.close();
  await database.close();
  return `read by key: node:sqlite ${rawUs.toFixed(1)} µs, our store ${oursUs.toFixed(1)} µs`;
}

const folder = mkdtempSync(join(tmpdir(), "isomer-group-commit-"));
try {
  const results = [
    await raw(join(folder, "each.sqlite"), "sync each"),
    await store(join(folder, "1"), 1),
    await store(join(folder, "16"), 16),
    await store(join(folder, "64"), 64),
    await store(join(folder, "relaxed"), 16, true),
    await raw(join(folder, "off.sqlite"), "never sync"),
  ];
  const floor = results[0]?.perSecond ?? 1;
  console.log(`${COUNT} transactions each; all rows were there.`);
  for (const { name, perSecond, wallUs, cpuUs, note } of results) {
    const figures = `${String(perSecond).padStart(7)}/s ${(perSecond / floor).toFixed(1).padStart(5)}x`;
    const costs = `${wallUs.toFixed(0).padStart(5)} µs wall ${cpuUs.toFixed(0).padStart(5)} µs CPU`;
    console.log(`${name.padEnd(28)} ${figures} ${costs}  ${note}`);
  }
  console.log(await reads(join(folder, "64")));
} finally {
  rmSync(folder, { recursive: true });
}
