/** The lease on PostgreSQL: what its leader itself writes does not starve it, and nothing gets around its fence. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { testCluster, withoutPostgres } from "../node/postgres/testing/mod.ts";
import { systemClock } from "../node/clock.ts";
import { systemRandom } from "../node/random.ts";
import { type Clock, type Timer, silentLogger } from "../std/mod.ts";
import type { Database, SqlConnection } from "../store/mod.ts";
import { LeaseLost } from "./faults.ts";
import { Leadership, leaseMigrations } from "./leadership.ts";

const skip = withoutPostgres;
const cluster = testCluster();
const LOOK_MS = 10;
/** Long enough that a busy machine does not lose it by itself; four beats go into it. */
const LEASE_MS = 8_000;
const BEATS = 3;

interface Candidate {
  readonly leadership: Leadership;
  readonly database: Database;
  /** The token of each time that it gained the lease. */
  readonly gained: number[];
  /** How often it lost it. */
  readonly state: { lost: number; beats: number };
}

async function places(context: TestContext, more: { connectionsMax?: number; longestMs?: number } = {}) {
  const databases = await cluster.databases(["orders"]);
  const all: Candidate[] = [];
  context.after(async () => {
    await Promise.all(all.map(({ leadership }) => leadership.stop()));
    await Promise.all(all.map(({ database }) => database.close()));
    await databases.drop();
  });
  return async (
    replica: string,
    leaseMs: number,
    onGained?: (token: number) => Promise<void>,
    /** Runs before the commit of each beat; who has one beats soon, however long its lease. */
    beating?: () => Promise<void>,
  ): Promise<Candidate> => {
    const database = await databases.replica(more).open("orders");
    await database.migrate([
      { owner: "orders", migrations: [{ name: "0001_work", sql: "CREATE TABLE work (token BIGINT NOT NULL)" }] },
      { owner: "kernel.lease", migrations: leaseMigrations },
    ]);
    const gained: number[] = [];
    const state = { lost: 0, beats: 0 };
    const write: Database["write"] = async (options, body) => {
      const isBeat = options.label.endsWith(".lease.beat");
      const value = await database.write(options, async (connection) => {
        const done = await body(connection);
        if (isBeat) await beating?.();
        return done;
      });
      if (isBeat && (value as unknown) === 1) state.beats += 1;
      return value;
    };
    const leadership = new Leadership({
      service: "orders",
      database: { ...Object.create(database), name: "orders", dialect: "postgres", write } as Database,
      replica,
      clock: beating === undefined ? systemClock() : hasty(systemClock()),
      random: systemRandom(),
      log: silentLogger,
      leaseMs,
      gained: async (token) => {
        gained.push(token);
        await onGained?.(token);
      },
      lost: () => {
        state.lost += 1;
        return Promise.resolve();
      },
    });
    const candidate = { leadership, database, gained, state };
    all.push(candidate);
    return candidate;
  };
}

/** A clock whose timers come early. */
function hasty(clock: Clock): Clock {
  const early = { after: (ms: number, action: () => void): Timer => clock.after(ms / 100, action) };
  return Object.assign(Object.create(clock) as Clock, early);
}

async function until(condition: () => boolean, { signal }: TestContext): Promise<void> {
  while (!condition()) {
    signal.throwIfAborted();
    await pause(LOOK_MS);
  }
}

/** A fenced transaction that stays open until it is told to end; resolves once it is fenced. */
async function fenced({ database }: Candidate, token: number): Promise<() => Promise<void>> {
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isOver = false;
  const over = database.write({ label: "journal" }, async (connection) => {
    await Leadership.fence(connection, "orders", token);
    begun.resolve();
    while (!isOver) {
      await connection.all("SELECT 1 AS alive");
      await Promise.race([end.promise, pause(100)]);
    }
  });
  await Promise.race([begun.promise, over]);
  return () => {
    isOver = true;
    end.resolve();
    return over;
  };
}

test("a leader that is never without a fenced transaction keeps its lease", { skip }, async (context) => {
  const join = await places(context);
  const one = await join("one", LEASE_MS);
  await one.leadership.start();
  let end = await fenced(one, 1);
  // The next is begun before the last one ends.
  while (one.state.beats < BEATS && one.state.lost === 0) {
    const next = await fenced(one, 1);
    await end();
    end = next;
  }
  await end();
  assert.deepEqual([one.gained, one.state.lost], [[1], 0]);
});

test("a leader whose connections are all in use keeps its lease", { skip }, async (context) => {
  const join = await places(context, { connectionsMax: 2, longestMs: 10 * LEASE_MS });
  const one = await join("one", LEASE_MS);
  await one.leadership.start();
  const end = Promise.withResolvers<void>();
  const held = [1, 2, 3, 4].map(() =>
    one.database.write({ label: "business" }, async (connection) => {
      await connection.run("INSERT INTO work (token) VALUES (0)");
      await end.promise;
    }),
  );
  await until(() => one.state.beats >= BEATS || one.state.lost > 0, context);
  end.resolve();
  await Promise.all(held);
  assert.deepEqual([one.gained, one.state.lost], [[1], 0]);
});

test(
  "a leader that stops within a fenced transaction does not hold up its successor",
  { skip, timeout: 60_000 },
  async (context) => {
    // Nothing but the fence itself ends such a transaction within the time of this test.
    const join = await places(context, { longestMs: 600_000 });
    const [one, two] = [await join("one", 60_000), await join("two", 1_000)];
    await one.leadership.start();
    const stopped = Promise.withResolvers<void>();
    context.signal.addEventListener("abort", () => stopped.resolve());
    const late = one.database.write({ label: "journal" }, async (connection) => {
      await Leadership.fence(connection, "orders", 1);
      await stopped.promise;
      await connection.run("INSERT INTO work (token) VALUES (1)");
    });
    await two.leadership.start();
    await until(() => two.gained.length > 0, context);
    stopped.resolve();
    await assert.rejects(late, LeaseLost.is);
    assert.deepEqual(
      await two.database.read({ label: "work" }, (connection) => connection.all("SELECT 1 FROM work")),
      [],
    );
  },
);

test(
  "a leader that stops while it beats does not hold up its successor",
  { skip, timeout: 40_000 },
  async (context) => {
    // Nothing else ends its beat within the time of this test: its own time is long, and it does not look at it.
    const join = await places(context, { longestMs: 600_000 });
    const [began, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    context.signal.addEventListener("abort", () => stopped.resolve());
    const beating = (): Promise<void> => {
      began.resolve();
      return stopped.promise;
    };
    const one = await join("one", 60_000, undefined, beating);
    const two = await join("two", 1_000);
    await one.leadership.start();
    await began.promise;
    await two.leadership.start();
    await until(() => two.gained.length > 0, context);
    assert.deepEqual(two.gained, [2]);
    stopped.resolve();
  },
);

test("nothing of an earlier token commits after a later one was given", { skip }, async (context) => {
  /** How much of earlier tokens was there when a token was gained. */
  const seen: { readonly token: number; readonly before: number }[] = [];
  const earlier = (connection: SqlConnection, token: number): Promise<number> =>
    connection
      .all<{ n: number }>("SELECT count(*) AS n FROM work WHERE token < ?", [token])
      .then(([row]) => row?.n ?? 0);
  const join = await places(context);
  const { database } = await join("reader", LEASE_MS);
  let newest = 0;
  const gained = async (token: number): Promise<void> => {
    newest = token;
    seen.push({ token, before: await database.read({ label: "seen" }, (connection) => earlier(connection, token)) });
  };
  let over = false;
  let [written, refused] = [0, 0];
  const writer = async (isolation: "serializable" | "read committed"): Promise<void> => {
    while (!over) {
      const token = newest;
      const write = database.write({ label: "journal", isolation }, async (connection) => {
        await Leadership.fence(connection, "orders", token);
        await connection.all("SELECT pg_sleep(0.005)");
        await connection.run("INSERT INTO work (token) VALUES (?)", [token]);
      });
      await write.then(
        () => (written += 1),
        (error: unknown) => {
          if (!LeaseLost.is(error)) throw error;
          refused += 1;
        },
      );
    }
  };
  const first = await join("same", LEASE_MS, gained);
  await first.leadership.start();
  const writers = [writer("serializable"), writer("serializable"), writer("read committed"), writer("read committed")];
  // One that starts again under its name takes the lease at once; the last life is still at work.
  for (let life = 0; life < 20; life += 1) {
    const before = written;
    await until(() => written > before, context);
    await (await join("same", LEASE_MS, gained)).leadership.start();
  }
  over = true;
  await Promise.all(writers);
  assert.ok(refused > 0);
  assert.ok(seen.length > 10, `${seen.length} takings`);
  for (const { token, before } of seen) {
    const now = await database.read({ label: "seen" }, (connection) => earlier(connection, token));
    assert.equal(now, before, `of tokens before ${token}`);
  }
});
