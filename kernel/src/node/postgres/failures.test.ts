/** What PostgreSQL's own troubles come to, and what credentials reach. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import pg from "pg";
import { DeadlineExceeded } from "../../guard/mod.ts";
import { type Database, MigrationFailed, type MigrationSet } from "../../store/mod.ts";
import { gate, rejectsWith } from "../../store/testing/subject.ts";
import { systemClock } from "../clock.ts";
import { type TestDatabases, testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster({ isDurable: true });
const skip = withoutPostgres;
const clock = systemClock();
const WRITE = { label: "test.write" };
const TABLE: MigrationSet = {
  owner: "test",
  migrations: [{ name: "0001_t", sql: "CREATE TABLE t (id BIGINT PRIMARY KEY, twin BIGINT)" }],
};

async function opened(context: TestContext): Promise<{ database: Database; databases: TestDatabases }> {
  const databases = await cluster.databases(["orders", "stock"]);
  const database = await databases.storage.open("orders");
  await database.migrate([TABLE]);
  context.after(async () => {
    await database.close();
    await databases.drop();
  });
  return { database, databases };
}

function insert(database: Database, id: number): Promise<number> {
  return database.write(WRITE, async (connection) => {
    await connection.run("INSERT INTO t (id) VALUES (?)", [id]);
    return connection.run("UPDATE t SET twin = id WHERE id = ?", [id]);
  });
}

function rowsOf(database: Database): Promise<{ id: number; twin: number | null }[]> {
  return database.read({ label: "test.read" }, (connection) => connection.all("SELECT id, twin FROM t ORDER BY id"));
}

/** Ends all connections of a database, as a failover does. */
async function disconnectAll(databases: TestDatabases): Promise<void> {
  const { adminUrl } = await cluster.server();
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  const name = new URL(databases.urlOf("orders")).pathname.slice(1);
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
  await admin.end();
}

test("connections that were cut while nobody used them are noticed by nobody", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  await insert(database, 1);
  await disconnectAll(databases);
  await insert(database, 2);
  await disconnectAll(databases);
  assert.equal((await rowsOf(database)).length, 2);
});

test("a write whose connection is cut before its commit runs again, once in effect", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  let runs = 0;
  await database.write(WRITE, async (connection) => {
    runs += 1;
    await connection.run("INSERT INTO t (id) VALUES (?)", [runs]);
    if (runs === 1) await disconnectAll(databases);
    await connection.run("UPDATE t SET twin = id");
  });
  assert.equal(runs, 2);
  assert.deepEqual(await rowsOf(database), [{ id: 2, twin: 2 }]);
});

test(
  "a server that is killed in the middle of writing keeps what was acknowledged, whole, and work goes on",
  { skip },
  async (context) => {
    const { database } = await opened(context);
    const server = await cluster.server();
    const acknowledged: number[] = [];
    const unknown: number[] = [];
    let next = 0;
    let over = false;
    const write = async (): Promise<void> => {
      while (!over) {
        const id = (next += 1);
        await insert(database, id).then(
          () => acknowledged.push(id),
          () => unknown.push(id),
        );
      }
    };
    const writers = Array.from({ length: 8 }, write);
    const reached = async (count: number): Promise<void> => {
      while (acknowledged.length < count) await new Promise((resolve) => clock.after(5, () => resolve(0)));
    };
    await reached(100);
    await server.stop("SIGKILL");
    await server.start();
    await reached(acknowledged.length + 50);
    over = true;
    await Promise.all(writers);
    const rows = await rowsOf(database);
    const kept = new Set(rows.map(({ id }) => id));
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    );
    assert.ok(
      rows.every(({ id, twin }) => id === twin),
      "half a write is there",
    );
    assert.equal(kept.size, acknowledged.length + unknown.filter((id) => kept.has(id)).length);
  },
);

test("a statement that waits for another's lock ends at its deadline, in the server too", { skip }, async (context) => {
  const { database } = await opened(context);
  await insert(database, 1);
  const [locked, go] = [gate(), gate()];
  const holding = database.write({ ...WRITE, isolation: "read committed" }, async (connection) => {
    await connection.run("UPDATE t SET twin = 5");
    locked.open();
    await go.passed;
  });
  await locked.passed;
  const waiting = database.write({ ...WRITE, deadlineAt: clock.monotonicMs() + 100 }, (connection) =>
    connection.run("UPDATE t SET twin = 6"),
  );
  await rejectsWith(DeadlineExceeded, waiting);
  go.open();
  await holding;
  assert.deepEqual(await rowsOf(database), [{ id: 1, twin: 5 }]);
});

test("another service's database is out of reach with a service's own credentials", { skip }, async (context) => {
  const { databases } = await opened(context);
  for (const url of [databases.urlOf("orders"), databases.migrationUrlOf("orders")]) {
    const elsewhere = new URL(url);
    elsewhere.pathname = new URL(databases.urlOf("stock")).pathname;
    const client = new pg.Client({ connectionString: elsewhere.href });
    await assert.rejects(client.connect(), /permission denied for database/);
    const nobody = new URL(url);
    nobody.password = "wrong";
    await assert.rejects(new pg.Client({ connectionString: nobody.href }).connect(), /password authentication failed/);
  }
});

test("the role of every day changes rows, and no tables", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  for (const sql of [
    "CREATE TABLE more (id BIGINT)",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN x TEXT",
    "TRUNCATE t",
  ]) {
    await assert.rejects(
      database.write(WRITE, (connection) => connection.run(sql)),
      /permission denied|must be owner/,
    );
  }
  const migrating = databases.replica({ migrationUrlOf: databases.urlOf });
  const powerless = await migrating.open("orders");
  const more = { owner: "more", migrations: [{ name: "0001_more", sql: "CREATE TABLE more (id BIGINT)" }] };
  assert.deepEqual(await powerless.migrate([TABLE]), []);
  await rejectsWith(MigrationFailed, powerless.migrate([more]));
  await powerless.close();
});

test("replicas that start together apply each migration once", { skip }, async (context) => {
  const databases = await cluster.databases(["orders"]);
  const replicas = await Promise.all(Array.from({ length: 5 }, () => databases.replica().open("orders")));
  context.after(async () => {
    for (const replica of replicas) await replica.close();
    await databases.drop();
  });
  const steps = [...TABLE.migrations, { name: "0002_row", sql: "INSERT INTO t (id) VALUES (1)" }];
  const applied = await Promise.all(replicas.map((replica) => replica.migrate([{ ...TABLE, migrations: steps }])));
  assert.deepEqual(applied.flat().toSorted(), ["test/0001_t", "test/0002_row"]);
});

test("reads that may be a little old go to the copy, others and all writes do not", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  await insert(database, 1);
  const copied = await databases.storage.open("stock");
  await copied.migrate([TABLE]);
  const both = await databases.replica({ replicaUrlOf: () => databases.urlOf("stock") }).open("orders");
  context.after(async () => {
    await copied.close();
    await both.close();
  });
  const count = (mayBeStale: boolean): Promise<number> =>
    both.read(
      { label: "test.read", mayBeStale },
      async (connection) => (await connection.all("SELECT id FROM t")).length,
    );
  assert.deepEqual([await count(false), await count(true)], [1, 0]);
  await insert(both, 2);
  assert.deepEqual([await count(false), await count(true)], [2, 0]);
});
