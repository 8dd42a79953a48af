/** Two hosts of one service on one PostgreSQL: both serve, one leads, and when it does not any more, the other does. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { type TestDatabases, testCluster, withoutPostgres } from "../node/postgres/testing/mod.ts";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import type { Database, Storage } from "../store/mod.ts";
import { LeaseLost } from "./faults.ts";
import { Leadership } from "./leadership.ts";
import { Host, defineSystem } from "./mod.ts";
import { type Deed, diaryService } from "./testing/diary.ts";

const skip = withoutPostgres;
const cluster = testCluster();
/** How often conditions are looked at: the databases are busy enough. */
const LOOK_MS = 10;

/** A host with what it can be cut off from: its lease, as if it were paused. */
interface Replica {
  readonly name: string;
  readonly host: Host;
  /** Positions that this host brought to the broker. */
  readonly published: number[];
  /** What it writes about its lease does not get through any more, and it is not told before it is stopped. */
  pause(): void;
}

/** Databases whose writes about the lease come to nothing, late, once it is paused: it goes on to believe that it leads. */
function pausable(storage: Storage, state: { paused: boolean; readonly over: Promise<void> }): Storage {
  const pausing = (database: Database): Database => {
    const write: Database["write"] = async (options, body) => {
      if (!state.paused || !options.label.includes(".lease.")) return database.write(options, body);
      await state.over;
      throw new Error("cut off");
    };
    return new Proxy(database, {
      get: (target, name) => {
        if (name === "write") return write;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return { open: async (service) => pausing(await storage.open(service)) };
}

function through(broker: MemoryBroker, published: number[]): Broker {
  return {
    append: (run) => {
      published.push(...run.events.map(({ position }) => position));
      return broker.append(run);
    },
    head: (service) => broker.head(service),
    source: (service) => broker.source(service),
  };
}

interface Shared {
  readonly databases: TestDatabases;
  readonly broker: MemoryBroker;
  readonly leaseMs: number;
}

async function replica(name: string, shared: Shared): Promise<Replica> {
  const { promise: over, resolve: resume } = Promise.withResolvers<void>();
  const state = { paused: false, over };
  const published: number[] = [];
  const storage = pausable(shared.databases.replica(), state);
  const open = openWorld({ dataFolder: ":memory:", storage, log: silentLogger });
  const host = await Host.start({
    system: defineSystem({ name: "diaries", services: [diaryService(name)], roles: {} }),
    world: open.world,
    replica: name,
    leaseMs: shared.leaseMs,
    elsewhere: {
      transport: { send: () => assert.fail("everything is placed here") },
      broker: through(shared.broker, published),
    },
  });
  const stop = host.stop.bind(host);
  host.stop = async () => {
    resume();
    await stop();
    open.close();
  };
  return { name, host, published, pause: () => (state.paused = true) };
}

/** The first leads. A lease is long, unless a test waits for its end: on a busy machine it must not get lost by itself. */
async function pair(context: TestContext, leaseMs = 8_000): Promise<readonly [Replica, Replica]> {
  const databases = await cluster.databases(["diary"]);
  const shared = { databases, broker: new MemoryBroker(), leaseMs };
  const one = await replica("one", shared);
  const two = await replica("two", shared);
  context.after(async () => {
    await Promise.all([one.host.stop(), two.host.stop()]);
    await databases.drop();
  });
  return [one, two];
}

const databaseOf = ({ host }: Replica): Database => host.databases().get("diary") ?? assert.fail();

function deeds(of: Replica): Promise<Deed[]> {
  return databaseOf(of).read({ label: "deeds" }, (connection) => connection.all<Deed>("SELECT * FROM deed"));
}

function leases(of: Replica): Promise<{ holder: string; token: number }[]> {
  return databaseOf(of).read({ label: "leases" }, (connection) =>
    connection.all("SELECT holder, token FROM isomer_lease"),
  );
}

const write = ({ host }: Replica, id: string) => host.invoke({ service: "diary", operation: "write", input: { id } });

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(LOOK_MS);
}

const count = (all: readonly Deed[], what: Deed["what"], host?: string): number =>
  all.filter((deed) => deed.what === what && (host === undefined || deed.host === host)).length;

/** Waits until all entries are heard, and their journeys over. */
async function settled(of: Replica, entries: number): Promise<Deed[]> {
  await until(async () => {
    const all = await deeds(of);
    return count(all, "heard") >= entries && count(all, "arrived") >= entries;
  });
  return deeds(of);
}

/** Each of these things was done once, and by this host. */
function assertDoneOnce(all: readonly Deed[], ids: readonly string[], by: string): void {
  for (const what of ["heard", "left", "arrived"] as const) {
    const done = all.filter((deed) => deed.what === what && ids.includes(deed.about));
    const expected = ids.map((about) => ({ host: by, what, about }));
    assert.deepEqual(
      done.toSorted((a, b) => a.about.localeCompare(b.about)),
      expected,
    );
  }
}

test("of two hosts on one database one does what nobody calls for, and does it once", { skip }, async (context) => {
  const [one, two] = await pair(context);
  const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
  for (const [index, id] of ids.entries()) await write(index % 2 === 0 ? one : two, id);
  await settled(two, ids.length);
  await until(async () => count(await deeds(one), "ticked") >= 3);
  await until(async () => one.published.length >= ids.length);
  const all = await deeds(one);
  assertDoneOnce(all, ids, "one");
  assert.equal(count(all, "ticked", "two"), 0);
  assert.deepEqual(one.published, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(two.published, []);
  assert.deepEqual(await leases(two), [{ holder: "one", token: 1 }]);
});

test("when the one that leads is stopped, the other does, with what comes then", { skip }, async (context) => {
  const [one, two] = await pair(context);
  await write(two, "a");
  await settled(two, 1);
  await until(async () => one.published.length === 1);
  await one.host.stop();
  await write(two, "b");
  const all = await settled(two, 2);
  await until(async () => two.published.length >= 1);
  assertDoneOnce(all, ["a"], "one");
  assertDoneOnce(all, ["b"], "two");
  assert.deepEqual([one.published, two.published], [[1], [2]]);
  assert.deepEqual(await leases(two), [{ holder: "two", token: 2 }]);
});

test("one that still believes that it leads is refused what it writes for its sagas", { skip }, async (context) => {
  const [one, two] = await pair(context, 2_000);
  one.pause();
  await until(async () => (await leases(two)).some(({ holder }) => holder === "two"));
  // Its engine is told first, and tries; the other finds the journey when it looks.
  await write(one, "a");
  const all = await settled(two, 1);
  assert.deepEqual(
    // Rows come in any order: what the other's undone transaction leaves free is used again.
    all.filter(({ what }) => what === "left" || what === "arrived").toSorted((a, b) => b.what.localeCompare(a.what)),
    [
      { host: "two", what: "left", about: "a" },
      { host: "two", what: "arrived", about: "a" },
    ],
  );
  const late = databaseOf(one).write({ label: "late" }, (connection) => Leadership.fence(connection, "diary", 1));
  await assert.rejects(late, LeaseLost.is);
});

test("nobody takes the lease over while a transaction of its leader is open", { skip }, async (context) => {
  const [one, two] = await pair(context, 2_000);
  const begun = Promise.withResolvers<void>();
  let isOver = false;
  const open = databaseOf(one).write({ label: "long" }, async (connection) => {
    await Leadership.fence(connection, "diary", 1);
    begun.resolve();
    // It is at work: one that stands still is ended by the server.
    for (; !isOver; await pause(100)) await connection.all("SELECT 1 AS alive");
    return (await connection.all<{ token: number }>("SELECT token FROM isomer_lease"))[0]?.token;
  });
  // Should it fail, it fails here, and is not waited for.
  await Promise.race([begun.promise, open]);
  one.pause();
  const admin = databaseOf(two);
  // The other's try to take it waits for the lock on the row.
  await until(() =>
    admin.read({ label: "waits" }, async (connection) => {
      const waiting = await connection.all(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%isomer_lease%'",
      );
      return waiting.length > 0;
    }),
  );
  assert.deepEqual(await leases(two), [{ holder: "one", token: 1 }]);
  isOver = true;
  assert.equal(await open, 1);
  await until(async () => (await leases(two)).some(({ token }) => token === 2));
});
