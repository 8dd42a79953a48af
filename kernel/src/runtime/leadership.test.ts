/** Of several replicas one leads; another takes over when it ends or falls silent, and what the old one writes is refused. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../node/clock.ts";
import { sqliteStorage } from "../node/sqlite/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import type { Database } from "../store/mod.ts";
import { LeaseLost } from "./faults.ts";
import { Leadership, leaseMigrations } from "./leadership.ts";

const LEASE_MS = 4_000;
const owner = { owner: "kernel.lease", migrations: leaseMigrations };

async function election(context: TestContext) {
  const clock = new ManualClock();
  // The database has a clock of its own: what is in time by this one is so by that.
  await clock.advance(3_600_000);
  const database = await sqliteStorage({ folder: ":memory:", clock: systemClock() }).open("orders");
  context.after(() => database.close());
  await database.migrate([owner]);
  /** Which replicas lead now. */
  const leading = new Set<string>();
  const join = (replica: string, over: Database = database, beforeWork?: () => void): Leadership =>
    new Leadership({
      service: "orders",
      database: over,
      replica,
      clock,
      random: seededRandom(7),
      log: silentLogger,
      leaseMs: LEASE_MS,
      gained: () => {
        leading.add(replica);
        beforeWork?.();
        return Promise.resolve();
      },
      lost: () => {
        leading.delete(replica);
        return Promise.resolve();
      },
    });
  /** Time passes, and what falls due is carried out: the database answers in its own time. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      await clock.advance(100);
      await database.read({ label: "settle" }, () => new Promise((resolve) => setImmediate(resolve)));
    }
  };
  const isFenced = async (token: number): Promise<boolean> => {
    const write = database.write({ label: "work" }, (connection) => Leadership.fence(connection, "orders", token));
    return write.then(
      () => false,
      (error: unknown) => LeaseLost.is(error) || assert.fail(String(error)),
    );
  };
  return { clock, database, leading, join, pass, isFenced };
}

/** A database that can be cut off from a replica. */
function cuttable(database: Database): { readonly database: Database; cut: boolean } {
  const state: { cut: boolean; readonly database: Database } = {
    cut: false,
    database: {
      name: database.name,
      dialect: database.dialect,
      write: (options, body) => (state.cut ? Promise.reject(new Error("cut off")) : database.write(options, body)),
      read: (options, body) => database.read(options, body),
      migrate: (sets) => database.migrate(sets),
      backup: (path) => database.backup(path),
      stats: () => database.stats(),
      close: () => database.close(),
    },
  };
  return state;
}

/** A database whose writes wait until something is over. */
function delayed(database: Database, over: Promise<void>): Database {
  const write: Database["write"] = async ({ deadlineAt: _, ...options }, body) => {
    await over;
    return database.write(options, body);
  };
  return Object.assign(Object.create(database) as Database, {
    write,
    read: database.read.bind(database),
    close: () => database.close(),
  });
}

test("one leads, however long it goes on; when it ends, another leads at its next look", async (context) => {
  const { leading, join, pass } = await election(context);
  const [one, other] = [join("orders-1"), join("orders-2")];
  await one.start();
  await other.start();
  await pass(10 * LEASE_MS);
  assert.deepEqual([...leading], ["orders-1"]);
  await one.stop();
  assert.deepEqual([...leading], []);
  await pass(LEASE_MS / 2);
  assert.deepEqual([...leading], ["orders-2"]);
  assert.equal(other.token, 2);
  await other.stop();
});

test("one that cannot reach the database leads no longer than its lease, and then another does", async (context) => {
  const { database, leading, join, pass, isFenced } = await election(context);
  const way = cuttable(database);
  const [one, other] = [join("orders-1", way.database), join("orders-2")];
  await one.start();
  await other.start();
  await pass(LEASE_MS);
  const token = one.token ?? assert.fail();
  assert.equal(await isFenced(token), false);
  way.cut = true;
  await pass(LEASE_MS + LEASE_MS / 2);
  assert.ok(!leading.has("orders-1"));
  await pass(LEASE_MS);
  assert.deepEqual([...leading], ["orders-2"]);
  assert.equal(await isFenced(token), true);
  way.cut = false;
  await pass(3 * LEASE_MS);
  assert.deepEqual([...leading], ["orders-2"]);
  await Promise.all([one.stop(), other.stop()]);
});

test("a look that took long does not count against one that leads", async (context) => {
  const { database, leading, join, pass } = await election(context);
  const [way, slow] = [cuttable(database), Promise.withResolvers<void>()];
  const [one, other] = [join("orders-1", way.database), join("orders-2", delayed(database, slow.promise))];
  await one.start();
  const looked = other.start();
  // Meanwhile the one that leads beats, as it should.
  await pass(LEASE_MS - 200);
  slow.resolve();
  await looked;
  // It has been seen with a beat that is hardly old: from now on it is silent, for less than the lease's time.
  way.cut = true;
  await pass(LEASE_MS - 500);
  assert.ok(!leading.has("orders-2"));
  await pass(2 * LEASE_MS);
  assert.deepEqual([...leading], ["orders-2"]);
  await Promise.all([one.stop(), other.stop()]);
});

test("one that starts again under its name leads at once, and its earlier life is fenced off", async (context) => {
  const { leading, join, isFenced } = await election(context);
  const earlier = join("orders-1");
  await earlier.start();
  const now = join("orders-1");
  await now.start();
  assert.deepEqual([earlier.token, now.token], [1, 2]);
  assert.deepEqual([await isFenced(1), await isFenced(2)], [true, false]);
  assert.deepEqual([...leading], ["orders-1"]);
  await now.stop();
  await earlier.stop();
});

test("one that cannot begin what a leader does gives the lease up", async (context) => {
  const { leading, join, pass } = await election(context);
  const broken = join("orders-1", undefined, () => {
    throw new Error("no broker");
  });
  await broken.start();
  assert.equal(broken.token, undefined);
  assert.deepEqual([...leading], []);
  await broken.stop();
  const other = join("orders-2");
  await other.start();
  await pass(2 * LEASE_MS);
  assert.deepEqual([...leading], ["orders-2"]);
  await other.stop();
});
