/** The simulated database server: what becomes of transactions whose clients die, stand still or are cut off. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionLost, type SqlConnection } from "../../store/mod.ts";
import type { Incarnation, Machine } from "../machine.ts";
import { INSERT, entrySchema } from "../testing/ledger.ts";
import { Stage, type StageOptions, outcomeOf } from "../testing/stage.ts";
import { DATABASE, DatabaseServer } from "./server.ts";
import { SharedDatabase } from "./shared-database.ts";

interface Replica {
  readonly machine: Machine;
  readonly incarnation: Incarnation;
  readonly database: SharedDatabase;
}

/** A server, and two replicas that share a database of entries. */
async function setup(options: StageOptions = {}) {
  const stage = new Stage(options);
  const { scheduler, network, faults, history, disks } = stage;
  const notes: string[] = [];
  const note = (what: string): void => void notes.push(what);
  const machine = stage.machine(DATABASE);
  const server = new DatabaseServer({ machine, scheduler, network, faults, history, disks, note });
  server.start();
  const replica = (name: string): Replica => {
    const own = stage.machine(name);
    const incarnation = own.born();
    const parts = { name: "orders", machine: own, incarnation, clock: own.clockOf(incarnation), server, faults, note };
    const crash = (why: string): void => stage.crash(own, why);
    const stall = async (): Promise<void> => {};
    const database = new SharedDatabase({ ...parts, backups: disks.backups, crash, stall });
    return { machine: own, incarnation, database };
  };
  const [one, two] = [replica("orders-a"), replica("orders-b")];
  await stage.settle(one.database.migrate([entrySchema]));
  const insert = (at: Replica, id: string): Promise<number> =>
    at.database.write({ label: `write ${id}` }, (connection) => connection.run(INSERT, [id, 1]));
  const entries = (at: Replica): Promise<string[]> =>
    stage.settle(
      at.database.read({ label: "look" }, async (connection) =>
        (await connection.all<{ id: string }>("SELECT id FROM entry ORDER BY id")).map(({ id }) => id),
      ),
    );
  return { stage, server, one, two, insert, entries, notes };
}

/** A body that writes, waits to be let go on, and writes again. */
function slowBody(): { readonly body: (connection: SqlConnection) => Promise<void>; runs(): number; goOn(): void } {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  return {
    async body(connection) {
      runs += 1;
      await connection.run(INSERT, ["first", 1]);
      await gate.promise;
      await connection.run(INSERT, ["second", 1]);
    },
    runs: () => runs,
    goOn: () => gate.resolve(),
  };
}

test("each replica sees the columns that its build knows, whoever migrated last", async () => {
  const { stage, one, two, insert } = await setup();
  const place = { name: "0002_place", sql: "ALTER TABLE entry ADD COLUMN place TEXT DEFAULT 'here'" };
  const newer = { ...entrySchema, migrations: [...entrySchema.migrations, place] };
  const look = (at: Replica): Promise<object[]> =>
    stage.settle(at.database.read({ label: "look" }, (connection) => connection.all<object>("SELECT * FROM entry")));
  await stage.settle(insert(one, "x"));
  const [older, whole] = [[{ id: "x", n: 1 }], [{ id: "x", n: 1, place: "here" }]];
  assert.deepEqual(await look(one), older);
  await stage.settle(two.database.migrate([newer]));
  assert.deepEqual([await look(one), await look(two)], [older, whole]);
  await stage.settle(one.database.migrate([entrySchema]));
  assert.deepEqual([await look(one), await look(two)], [older, whole]);
});

describe("replicas on one database", () => {
  test("take turns: none loses what another has written", async () => {
    const { stage, one, two, insert } = await setup();
    await stage.settle(insert(one, "n"));
    const add = (at: Replica): Promise<number> =>
      at.database.write({ label: "add" }, async (connection) => {
        const [row] = await connection.all<{ n: number }>("SELECT n FROM entry WHERE id = 'n'");
        return connection.run("UPDATE entry SET n = ? WHERE id = 'n'", [Number(row?.n) + 1]);
      });
    await stage.settle(Promise.all(Array.from({ length: 20 }, (_, n) => add(n % 2 === 0 ? one : two))));
    const sum = one.database.read({ label: "sum" }, (connection) => connection.all("SELECT n FROM entry"));
    assert.deepEqual(await stage.settle(sum), [{ n: 21 }]);
  });

  test("do not wait for one that died with a transaction open, and nothing of it is there", async () => {
    const { stage, one, two, insert, entries } = await setup();
    const { body } = slowBody();
    const dying = one.database.write({ label: "dying" }, body);
    await stage.pass(10);
    stage.crash(one.machine, "test");
    await stage.settle(insert(two, "other"), 20);
    assert.deepEqual(await entries(two), ["other"]);
    assert.equal(await outcomeOf(dying), "waits");
  });

  test("wait for one that stands still no longer than the server does; it begins anew when it goes on", async () => {
    const { stage, one, two, insert, entries } = await setup();
    const { body, runs, goOn } = slowBody();
    const still = one.database.write({ label: "still" }, body);
    await stage.pass(10);
    one.machine.pausedUntil = stage.scheduler.now + 5_000;
    one.machine.enter(one.incarnation, goOn);
    const other = insert(two, "other");
    await stage.pass(1_000);
    assert.equal(await outcomeOf(other), "waits");
    await stage.settle(other, 1_000);
    assert.deepEqual(await entries(two), ["other"]);
    await stage.settle(still);
    assert.equal(runs(), 2);
    assert.deepEqual(await entries(two), ["first", "other", "second"]);
  });

  test("go on when one is cut off from the server, which goes on later", async () => {
    const { stage, one, two, insert, entries } = await setup();
    const { body, goOn } = slowBody();
    const away = one.database.write({ label: "away" }, body);
    await stage.pass(10);
    for (const [from, to] of [
      [one.machine.name, DATABASE],
      [DATABASE, one.machine.name],
    ] as const)
      stage.network.cut(from, to, stage.scheduler.now + 4_000);
    goOn();
    await stage.settle(insert(two, "other"), 3_000);
    assert.deepEqual(await entries(two), ["other"]);
    await stage.settle(away);
    assert.deepEqual(await entries(two), ["first", "other", "second"]);
  });
});

describe("a server that dies", () => {
  test("has undone what was open, which runs again when it is back; what was committed is there", async () => {
    const { stage, server, one, two, insert, entries } = await setup();
    await stage.settle(insert(two, "kept"));
    const { body, runs, goOn } = slowBody();
    const open = one.database.write({ label: "open" }, body);
    await stage.pass(10);
    server.dies();
    goOn();
    await stage.pass(100);
    server.start();
    await stage.settle(open);
    assert.ok(runs() > 1);
    assert.deepEqual(await entries(two), ["first", "kept", "second"]);
  });

  test("leaves whoever was committing in doubt: it is there or not, and is not run again", async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const { stage, server, one, two, insert, entries } = await setup({ seed });
      const outcomes = Promise.allSettled([insert(one, "doubtful")]);
      // Until the commit is on its way to the disk.
      while (stage.disks.isQuiet) await stage.pass(0.05);
      await stage.pass(1.2);
      if (stage.disks.isQuiet) continue;
      server.dies();
      server.start();
      const [outcome] = await stage.settle(outcomes);
      if (outcome?.status === "rejected") assert.ok(ConnectionLost.is(outcome.reason), String(outcome.reason));
      seen.add(`${outcome?.status ?? ""}, ${(await entries(two)).length} there`);
    }
    assert.ok(seen.has("rejected, 1 there"), [...seen].join("; "));
    assert.ok(seen.has("rejected, 0 there"), [...seen].join("; "));
    assert.ok(!seen.has("fulfilled, 0 there"));
  });
});

test("a commit whose answer is lost is a connection that is lost, and the commit is there", async () => {
  const { stage, one, two, insert, entries } = await setup({ rates: { "commit unknown": 1 } });
  await assert.rejects(stage.settle(insert(one, "a")), (error) => ConnectionLost.is(error));
  assert.deepEqual(await entries(two), ["a"]);
});

test("a machine that sleeps has no way to know it: its clock stands still, and timers are as far away as before", async () => {
  const stage = new Stage();
  const machine = stage.machine("host");
  const clock = machine.clockOf(machine.born());
  const fired: number[] = [];
  clock.after(1_000, () => fired.push(stage.scheduler.now));
  await stage.pass(400);
  const before = clock.monotonicMs();
  machine.sleep(5_000);
  await stage.pass(5_000);
  assert.equal(Math.round(clock.monotonicMs()), Math.round(before));
  await stage.pass(599);
  assert.deepEqual(fired, []);
  await stage.pass(2);
  assert.equal(fired.length, 1);
  machine.sleep(1_000);
  machine.sleep(1_000);
  await stage.pass(3_000);
  assert.equal(Math.round(clock.monotonicMs()), 3_001 + 1_001 - 1_001);
});
