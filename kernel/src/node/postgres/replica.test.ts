/** Reads that may be a little old, and a copy that streams what the primary writes. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { Invalid } from "../../schema/mod.ts";
import type { Database } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { type RunningPostgres, startPostgres } from "../engines/mod.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const skip = withoutPostgres;
const cluster = testCluster();
const clock = systemClock();
const TABLE = { owner: "test", migrations: [{ name: "0001_t", sql: "CREATE TABLE t (id BIGINT PRIMARY KEY)" }] };
/** An age that is never reached here, and one that is reached soon. */
const [LONG_MS, SHORT_MS] = [60_000, 1_000];

let copy: RunningPostgres;
let folder: string;

before(async () => {
  if (skip !== false) return;
  const primary = await cluster.server();
  folder = await mkdtemp(join(tmpdir(), "isomer-standby-"));
  await chmod(folder, 0o711);
  const { password } = new URL(primary.adminUrl);
  copy = await startPostgres({ folder: join(folder, "copy"), password, copyOf: primary, isDurable: false });
});

after(async () => {
  if (skip !== false) return;
  await copy.stop("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function opened(context: TestContext): Promise<Database> {
  const databases = await cluster.databases(["orders"]);
  const replicaUrlOf = (service: string): string => {
    const url = new URL(databases.urlOf(service));
    url.port = String(copy.port);
    return url.href;
  };
  const database = await databases.replica({ replicaUrlOf }).open("orders");
  context.after(async () => {
    await copy.start();
    await onCopy("SELECT pg_wal_replay_resume()");
    await database.close();
    await databases.drop();
  });
  await database.migrate([TABLE]);
  return database;
}

/** What an administrator does on the copy. */
async function onCopy<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: copy.adminUrl });
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Stops all that could answer on the copy; returns what lets it go on. */
async function hang(context: TestContext): Promise<() => void> {
  const sessions = await onCopy<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
  );
  const pids = [copy.program.pid, ...sessions.map(({ pid }) => pid)];
  const signal = (name: NodeJS.Signals): void => pids.forEach((pid) => process.kill(pid, name));
  signal("SIGSTOP");
  let isOver = false;
  const goOn = (): void => {
    if (!isOver) signal("SIGCONT");
    isOver = true;
  };
  context.after(goOn);
  return goOn;
}

const insert = (database: Database, id: number): Promise<number> =>
  database.write({ label: "insert" }, (connection) => connection.run("INSERT INTO t (id) VALUES (?)", [id]));

/** Who answers, and which rows it has. */
async function look(database: Database, staleMaxMs?: number): Promise<{ from: "copy" | "primary"; ids: number[] }> {
  const options = { label: "look", deadlineAt: clock.monotonicMs() + 3_000, ...(staleMaxMs && { staleMaxMs }) };
  return database.read(options, async (connection) => {
    const [row] = await connection.all<{ copied: number }>("SELECT pg_is_in_recovery() AS copied");
    const rows = await connection.all<{ id: number }>("SELECT id FROM t ORDER BY id");
    return { from: row?.copied === 1 ? "copy" : "primary", ids: rows.map(({ id }) => id) };
  });
}

async function untilFrom(database: Database, from: "copy" | "primary", staleMaxMs: number): Promise<number[]> {
  for (;;) {
    const answer = await look(database, staleMaxMs);
    if (answer.from === from) return answer.ids;
    await pause(10);
  }
}

test("a read that may be old is answered by the copy, others and writes by the primary", { skip }, async (context) => {
  const database = await opened(context);
  await insert(database, 1);
  await untilFrom(database, "copy", LONG_MS);
  await insert(database, 2);
  assert.deepEqual(await look(database), { from: "primary", ids: [1, 2] });
  const serializable = { label: "exact", isolation: "serializable", staleMaxMs: LONG_MS } as const;
  const [row] = await database.read(serializable, (connection) =>
    connection.all("SELECT pg_is_in_recovery() AS copied"),
  );
  assert.deepEqual(row, { copied: 0 });
  while ((await look(database, LONG_MS)).ids.length < 2) await pause(10);
  assert.ok((database.stats().copyReads ?? 0) > 0);
});

test(
  "a copy that is further behind than a read allows does not answer it, until it has caught up",
  { skip },
  async (context) => {
    const database = await opened(context);
    await insert(database, 1);
    await untilFrom(database, "copy", SHORT_MS);
    await onCopy("SELECT pg_wal_replay_pause()");
    await insert(database, 2);
    // What it shows is old, and it says so: who allows more goes on to be answered by it.
    assert.deepEqual(await untilFrom(database, "primary", SHORT_MS), [1, 2]);
    assert.deepEqual(await look(database, LONG_MS), { from: "copy", ids: [1] });
    assert.ok((database.stats().copyAgeMs ?? 0) > SHORT_MS);
    await onCopy("SELECT pg_wal_replay_resume()");
    assert.deepEqual(await untilFrom(database, "copy", SHORT_MS), [1, 2]);
  },
);

test("a copy that is down or hangs fails no read, and answers again when it is back", { skip }, async (context) => {
  const database = await opened(context);
  await insert(database, 1);
  await untilFrom(database, "copy", LONG_MS);
  await copy.stop();
  assert.deepEqual(await look(database, LONG_MS), { from: "primary", ids: [1] });
  await copy.start();
  await untilFrom(database, "copy", SHORT_MS);
  const goOn = await hang(context);
  assert.deepEqual(await look(database, LONG_MS), { from: "primary", ids: [1] });
  assert.deepEqual(await look(database, LONG_MS), { from: "primary", ids: [1] });
  goOn();
  await untilFrom(database, "copy", SHORT_MS);
});

test("what the body says itself is the answer, also on the copy", { skip }, async (context) => {
  const database = await opened(context);
  await untilFrom(database, "copy", LONG_MS);
  let runs = 0;
  const refused = database.read({ label: "refuse", staleMaxMs: LONG_MS }, async (connection) => {
    runs += 1;
    await connection.all("SELECT 1");
    throw Invalid.with({ what: "it", issues: [] });
  });
  await assert.rejects(refused, Invalid.is);
  assert.equal(runs, 1);
  const wrong = database.read({ label: "wrong", staleMaxMs: LONG_MS }, (connection) =>
    connection.all("SELECT nothing FROM t"),
  );
  await assert.rejects(wrong, /column "nothing" does not exist/);
});
