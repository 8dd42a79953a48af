/** What crashes leave of a simulated database, and what its faults do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeadlineExceeded } from "../guard/mod.ts";
import { ConnectionLost } from "../store/mod.ts";
import { INSERT, Ledger } from "./testing/ledger.ts";
import { outcomeOf } from "./testing/stage.ts";

const ids = (...names: string[]): ReadonlySet<string> => new Set(names);

describe("a crash of the process", () => {
  test("between commit and sync keeps what was committed, though nobody was told", async () => {
    const before = await Ledger.open();
    const written = Promise.all([before.write("first", "a"), before.write("second", "b")]);
    // The bodies have run; the sync takes at least 0.2 ms.
    await before.stage.pass(0.1);
    before.stage.crash(before.machine, "test");
    assert.equal(await outcomeOf(written), "waits");
    assert.deepEqual(await (await before.again()).entries(), ["a", "b"]);
  });

  test("rolls back a transaction that is open, and those that share its commit", async () => {
    const before = await Ledger.open();
    const written = before.write("first", "a");
    const open = before.database.write({ label: "open" }, async (connection) => {
      await connection.run(INSERT, ["b", 1]);
      await new Promise(() => {});
    });
    await before.stage.pass(1);
    before.stage.crash(before.machine, "test");
    assert.deepEqual(await (await before.again()).entries(), []);
    await before.stage.pass(60_000);
    assert.deepEqual([await outcomeOf(written), await outcomeOf(open)], ["waits", "waits"]);
  });

  test("keeps what was acknowledged", async () => {
    const before = await Ledger.open();
    await before.stage.settle(before.write("first", "a"));
    before.stage.crash(before.machine, "test");
    assert.deepEqual(await (await before.again()).entries(), ["a"]);
  });

  test("leaves a body that goes on afterwards without effect on the next process", async () => {
    const before = await Ledger.open();
    const go = Promise.withResolvers<void>();
    const ghost = before.database.write({ label: "ghost" }, async (connection) => {
      await connection.run(INSERT, ["ghost", 1]);
      await go.promise;
      throw new Error("late");
    });
    await before.stage.pass(1);
    before.stage.crash(before.machine, "test");
    const after = await before.again();
    const living = after.database.write({ label: "living" }, async (connection) => {
      await connection.run(INSERT, ["living", 1]);
      go.resolve();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      await connection.run(INSERT, ["living too", 1]);
    });
    await after.stage.settle(living);
    assert.deepEqual(await after.entries(), ["living", "living too"]);
    assert.equal(await outcomeOf(ghost), "waits");
  });
});

describe("a power cut", () => {
  test("between commit and sync loses what was committed", async () => {
    const before = await Ledger.open();
    await before.stage.settle(before.write("earlier", "synced"));
    const written = Promise.all([before.write("first", "a"), before.write("second", "b")]);
    await before.stage.pass(0.1);
    before.stage.crash(before.machine, "test", true);
    assert.equal(await outcomeOf(written), "waits");
    assert.deepEqual(await (await before.again()).entries(), ["synced"]);
  });

  test("keeps what was acknowledged", async () => {
    const before = await Ledger.open();
    await before.stage.settle(before.write("first", "a"));
    before.stage.crash(before.machine, "test", true);
    assert.deepEqual(await (await before.again()).entries(), ["a"]);
  });
});

describe("a drawn crash", () => {
  for (const kind of ["crash before statement", "crash after statement"] as const) {
    test(`(${kind}) ends the process within the body, and nothing of it stays`, async () => {
      const before = await Ledger.open({ rates: { [kind]: 1 }, only: ids(`${kind}: orders many`) });
      await before.stage.settle(before.write("earlier", "kept"));
      const carriedOut: string[] = [];
      const many = before.database.write({ label: "many" }, async (connection) => {
        for (let n = 0; n < 8; n += 1) {
          await connection.run(INSERT, [`k${n}`, n]);
          carriedOut.push(`k${n}`);
        }
      });
      await before.stage.pass(10);
      assert.equal(before.incarnation.alive, false);
      assert.equal(await outcomeOf(many), "waits");
      const what = before.stage.history.events.find((event) => event.kind === "crash")?.what ?? "";
      const [, when, at] = /^(before|after) statement (\d) of orders many$/.exec(what) ?? assert.fail(what);
      assert.equal(`crash ${when} statement`, kind);
      // The fatal statement's own answer never comes, whether it was carried out or not.
      assert.equal(carriedOut.length, Number(at) - 1);
      assert.deepEqual(await (await before.again()).entries(), ["kept"]);
    });
  }

  test("before the commit takes the whole group with it", async () => {
    const before = await Ledger.open({
      rates: { "crash before commit": 1 },
      only: ids("crash before commit: orders two"),
    });
    const both = [before.write("one", "a"), before.write("two", "b")];
    await before.stage.pass(100);
    assert.deepEqual(await Promise.all(both.map((write) => outcomeOf(write))), ["waits", "waits"]);
    assert.deepEqual(await (await before.again()).entries(), []);
  });

  test("after the commit keeps the whole group, and nobody hears of it", async () => {
    const before = await Ledger.open({
      rates: { "crash after commit": 1 },
      only: ids("crash after commit: orders two"),
    });
    const both = [before.write("one", "a"), before.write("two", "b")];
    await before.stage.pass(100);
    assert.deepEqual(await Promise.all(both.map((write) => outcomeOf(write))), ["waits", "waits"]);
    assert.deepEqual(await (await before.again()).entries(), ["a", "b"]);
  });
});

describe("an error of the database", () => {
  for (const kind of ["serialization failure", "deadlock"] as const) {
    test(`(${kind}) runs the body twice, with effect once`, async () => {
      const ledger = await Ledger.open({ rates: { [kind]: 1 }, only: ids(`${kind}: orders twice`) });
      let runs = 0;
      const twice = ledger.database.write({ label: "twice" }, async (connection) => {
        runs += 1;
        return connection.run(INSERT, ["a", runs]);
      });
      const beside = ledger.write("beside", "b");
      assert.equal(await ledger.stage.settle(twice), 1);
      await ledger.stage.settle(beside);
      assert.equal(runs, 2);
      assert.deepEqual(await ledger.entries(), ["a", "b"]);
      assert.equal(ledger.happened(kind), 1);
    });
  }

  test("(connection lost) undoes the whole group, and tells everybody", async () => {
    const ledger = await Ledger.open({
      rates: { "connection lost": 1 },
      only: ids("connection lost: orders two"),
    });
    const three = [ledger.write("one", "a"), ledger.write("two", "b"), ledger.write("three", "c")];
    const [one, two, three_] = await ledger.stage.settle(Promise.allSettled(three));
    assert.ok(one?.status === "rejected" && ConnectionLost.is(one.reason));
    assert.ok(two?.status === "rejected" && ConnectionLost.is(two.reason));
    assert.deepEqual(three_, { status: "fulfilled", value: "three" });
    assert.deepEqual(await ledger.entries(), ["c"]);
  });

  test("(commit unknown) keeps what was written, and says that the connection is lost", async () => {
    const ledger = await Ledger.open({ rates: { "commit unknown": 1 }, only: ids("commit unknown: orders two") });
    const both = [ledger.write("one", "a"), ledger.write("two", "b")];
    const [one, two] = await ledger.stage.settle(Promise.allSettled(both));
    assert.deepEqual(one, { status: "fulfilled", value: "one" });
    assert.ok(two?.status === "rejected" && ConnectionLost.is(two.reason));
    assert.deepEqual(await ledger.entries(), ["a", "b"]);
  });

  test("(slow database) lets a write wait, and its deadline pass", async () => {
    const rates = { "slow database": 1 };
    const ledger = await Ledger.open({ rates, only: ids("slow database: orders late", "slow database: orders slow") });
    const deadlineAt = ledger.machine.clockOf(ledger.incarnation).monotonicMs() + 2;
    const late = ledger.database.write({ label: "late", deadlineAt }, (c) => c.run(INSERT, ["late", 1]));
    const slow = ledger.write("slow", "slow");
    await assert.rejects(ledger.stage.settle(late), DeadlineExceeded.is);
    await ledger.stage.settle(slow);
    assert.deepEqual(await ledger.entries(), ["slow"]);
  });

  test("at which SQLite ends the transaction by itself fails those who share it", async () => {
    const ledger = await Ledger.open();
    await ledger.stage.settle(ledger.write("earlier", "taken"));
    const beside = ledger.write("beside", "b");
    const ending = ledger.database.write({ label: "ending" }, async (connection) => {
      await connection.run(INSERT, ["c", 1]);
      await connection.run("INSERT OR ROLLBACK INTO entry (id, n) VALUES ('taken', 1)").catch(() => {});
      await connection.run(INSERT, ["on its own", 1]).catch(() => {});
    });
    const results = await ledger.stage.settle(Promise.allSettled([beside, ending, ledger.write("next", "d")]));
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "rejected", "fulfilled"],
    );
    assert.deepEqual(await ledger.entries(), ["d", "taken"]);
  });
});

describe("a simulated database", () => {
  test("is opened by one process at a time", async () => {
    const { stage, machine, incarnation, database } = await Ledger.open();
    await assert.rejects(stage.storage(machine, incarnation).open("orders"), TypeError);
    const other = stage.machine("other");
    await assert.rejects(stage.storage(other, other.born()).open("orders"), TypeError);
    await stage.settle(database.close());
    await stage.storage(machine, incarnation).open("orders");
  });

  test("is not opened by a process that died, and is not taken from the next one", async () => {
    const before = await Ledger.open();
    before.stage.crash(before.machine, "test");
    const after = await before.again();
    const opening = before.stage.storage(before.machine, before.incarnation).open("orders");
    assert.equal(await outcomeOf(opening), "waits");
    const open = after.database.write({ label: "open" }, async (connection) => {
      await connection.run(INSERT, ["open", 1]);
      await new Promise(() => {});
    });
    await after.stage.pass(1);
    after.stage.crash(after.machine, "test");
    assert.equal(await outcomeOf(open), "waits");
    assert.deepEqual(await (await after.again()).entries(), []);
  });

  test("closes although its queue is full, and for everybody at once", async () => {
    const { stage, machine, incarnation, database } = await Ledger.open();
    await stage.settle(database.close());
    const small = await stage.storage(machine, incarnation, { queuedMax: 2 }).open("orders");
    const writes = ["x", "y", "z"].map((id) => small.write({ label: id }, (c) => c.run(INSERT, [id, 1])));
    const order: string[] = [];
    const closings = ["one", "two"].map(async (name) => {
      await small.close();
      order.push(name);
    });
    void writes[2]?.then(() => order.push("written"));
    await stage.settle(Promise.all([...writes, ...closings]));
    assert.deepEqual(order, ["written", "one", "two"]);
  });

  test("does not notice when another machine dies", async () => {
    const ledger = await Ledger.open();
    const [here, elsewhere] = [ledger.write("here", "a"), ledger.stage.machine("other")];
    elsewhere.born();
    await ledger.stage.pass(0.1);
    ledger.stage.crash(elsewhere, "test", true);
    assert.equal(await ledger.stage.settle(here), "here");
    assert.deepEqual(await ledger.entries(), ["a"]);
  });
});
