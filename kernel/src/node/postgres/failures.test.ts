/** What PostgreSQL's own troubles come to, and what credentials reach. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import pg from "pg";
import { DeadlineExceeded } from "../../guard/mod.ts";
import { type Database, MigrationFailed, type MigrationSet, ProvisioningBlocked, ReadOnly } from "../../store/mod.ts";
import { gate, rejectsWith } from "../../store/testing/subject.ts";
import { systemClock } from "../clock.ts";
import { provisionDatabases } from "./mod.ts";
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

async function asAdmin(action: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const { adminUrl } = await cluster.server();
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await action(admin);
  await admin.end();
}

/** Ends all connections of a database, as a failover does. */
function disconnectAll(databases: TestDatabases): Promise<void> {
  const name = new URL(databases.urlOf("orders")).pathname.slice(1);
  return asAdmin((admin) =>
    admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]),
  );
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
  const waiting = database.write({ ...WRITE, deadlineAt: clock.monotonicMs() + 1_000 }, (connection) =>
    connection.run("UPDATE t SET twin = 6"),
  );
  const isOver = rejectsWith(DeadlineExceeded, waiting);
  // The server itself ends it while the lock is still held, so that its connection is there for others: nobody had to cut it.
  const waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  await asAdmin(async (admin) => {
    const pidsOf = async (sql: string): Promise<number[]> =>
      (await admin.query<{ pid: number }>(sql)).rows.map(({ pid }) => pid);
    let pids: number[] = [];
    while (pids.length === 0) pids = await pidsOf(waits);
    await isOver;
    while ((await pidsOf(waits)).length > 0);
    assert.deepEqual(await pidsOf(`SELECT pid FROM pg_stat_activity WHERE pid = ${pids[0]}`), pids);
  });
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

test("a server that becomes read-only is left as soon as new connections reach another", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  await insert(database, 1);
  const role = new URL(databases.urlOf("orders")).username;
  // Sessions of this role are those of a server that was demoted; later ones reach the new primary.
  await asAdmin((admin) => admin.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`));
  await disconnectAll(databases);
  await rejectsWith(ReadOnly, insert(database, 2));
  await asAdmin((admin) => admin.query(`ALTER ROLE ${role} RESET default_transaction_read_only`));
  await insert(database, 3);
  await database.write({ ...WRITE, isolation: "read committed", urgent: true }, (connection) =>
    connection.run("UPDATE t SET twin = 0 WHERE id = 1"),
  );
  assert.deepEqual(await rowsOf(database), [
    { id: 1, twin: 0 },
    { id: 3, twin: 3 },
  ]);
  // A read that writes is not the server's doing, and fails at once.
  const { retries } = database.stats();
  await assert.rejects(
    database.read(WRITE, (connection) => connection.run("DELETE FROM t")),
    /read-only transaction/,
  );
  assert.equal(database.stats().retries, retries);
});

test("roles reach no database but their own, where the server is the system's", { skip }, async (context) => {
  const { databases } = await opened(context);
  for (const url of [databases.urlOf("orders"), databases.migrationUrlOf("orders")]) {
    for (const shared of ["postgres", "template1"]) {
      const elsewhere = new URL(url);
      elsewhere.pathname = `/${shared}`;
      const client = new pg.Client({ connectionString: elsewhere.href });
      await assert.rejects(client.connect(), /permission denied for database/);
    }
  }
});

test("what was migrated is read by the role of every day, and not written", { skip }, async (context) => {
  const { database, databases } = await opened(context);
  // As it was in databases that were made before.
  const role = new URL(databases.urlOf("orders")).username;
  const owner = new pg.Client({ connectionString: databases.migrationUrlOf("orders") });
  await owner.connect();
  await owner.query(`GRANT UPDATE ON isomer_migrations TO ${role}`);
  await owner.end();
  await database.migrate([TABLE]);
  for (const sql of [
    "UPDATE isomer_migrations SET checksum = 'x'",
    "DELETE FROM isomer_migrations",
    "INSERT INTO isomer_migrations (owner, name, checksum, applied_at) VALUES ('x', 'x', 'x', 0)",
  ]) {
    await assert.rejects(
      database.write(WRITE, (connection) => connection.run(sql)),
      /permission denied/,
    );
  }
  assert.equal(
    (await database.read(WRITE, (connection) => connection.all("SELECT * FROM isomer_migrations"))).length,
    1,
  );
});

test("who holds the lock of provisioning is named, and not waited for without end", { skip }, async (context) => {
  const { adminUrl } = await cluster.server();
  const holder = new pg.Client({ connectionString: adminUrl });
  await holder.connect();
  context.after(() => holder.end());
  await holder.query("SELECT pg_advisory_lock(1769172845, 2)");
  const made = { adminUrl, services: ["late"], passwordOf: () => "secret", lockWaitMs: 200 };
  await assert.rejects(
    provisionDatabases(made),
    (error) => ProvisioningBlocked.is(error) && /the process \d+ of the role postgres/.test(error.message),
  );
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

test(
  "a replica that stands still while it migrates holds others up for a while only",
  { skip, timeout: 60_000 },
  async (context) => {
    const databases = await cluster.databases(["orders"]);
    const script = new URL("testing/paused-migration-main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [script, databases.migrationUrlOf("orders")], { stdio: "ignore" });
    const ended = once(child, "exit");
    const database = await databases.storage.open("orders");
    context.after(async () => {
      child.kill("SIGKILL");
      await database.close();
      await databases.drop();
    });
    const name = new URL(databases.urlOf("orders")).pathname.slice(1);
    const isPaused = `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND state = 'idle in transaction'`;
    await asAdmin(async (admin) => {
      while ((await admin.query(isPaused, [name])).rowCount === 0)
        await new Promise((resolve) => setTimeout(resolve, 10));
    });
    assert.deepEqual(await database.migrate([TABLE]), ["test/0001_t"], "it did nothing of it");
    child.kill("SIGCONT");
    const [code] = (await ended) as [number];
    assert.equal(code, 1, "it does not take for done what it lost");
  },
);
