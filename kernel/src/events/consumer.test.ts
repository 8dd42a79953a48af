import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Broken, defineFault, silentLogger } from "../std/mod.ts";
import { contract, event } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import { listDeadLetters } from "./dead-letters.ts";
import type { Outcome } from "./consumer.ts";
import type { EventRecord } from "./event.ts";
import { Hearer, type Seen, Teller, drive, see, settle, shop } from "./testing/setup.ts";

const Refused = defineFault({ code: "test/refused", kind: "invalid", message: () => "Refused." });
const Away = defineFault({ code: "test/away", kind: "unavailable", message: () => "Away." });
const DEAD = { consumer: "hearer", source: "shop" };

async function setup() {
  const teller = await Teller.open();
  const hearer = await Hearer.open(teller);
  return { teller, hearer };
}

function numbersOf(event: EventRecord): Seen {
  return event.data as Seen;
}

describe("a consumer", () => {
  test("delivers what was told before it ran and while it runs, in order within each key", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 }, { id: "b", n: 1 }, { id: "a", n: 2 });
    const consumer = hearer.consumer();
    const stop = new AbortController();
    const running = consumer.run(stop.signal);
    await drive(teller.clock, consumer.idle());
    await teller.tell({ id: "b", n: 2 }, { id: "a", n: 3 });
    await drive(teller.clock, consumer.idle());
    assert.deepEqual(await hearer.seenOf("a"), [1, 2, 3]);
    assert.deepEqual(await hearer.seenOf("b"), [1, 2]);
    assert.equal(await consumer.lag(), 0);
    stop.abort();
    await drive(teller.clock, running);
    await teller.clock.advance(0);
    assert.equal(teller.clock.pending, 0, "nothing is left running");
    await assert.rejects(consumer.idle(), TypeError);
  });

  test("goes on after a restart where it stopped, without asking the inbox again", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 });
    await settle(teller, hearer.consumer());
    await teller.tell({ id: "a", n: 2 });
    const outcomes: Outcome[] = [];
    await settle(teller, hearer.consumer({ observe: (_, outcome) => outcomes.push(outcome) }));
    assert.deepEqual(outcomes, ["done"]);
    assert.deepEqual(await hearer.seenOf("a"), [1, 2]);
  });

  test("after a crash between effect and cursor, reads again and changes nothing", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 }, { id: "b", n: 1 }, { id: "a", n: 2 });
    const never = new AbortController();
    const before = hearer.consumer({ limits: { cursorEveryMs: 1e9 } });
    void before.run(never.signal);
    await drive(teller.clock, before.idle());
    // The process is gone: nothing of it was saved but its transactions.
    const outcomes: Outcome[] = [];
    await settle(teller, hearer.consumer({ observe: (_, outcome) => outcomes.push(outcome) }));
    assert.deepEqual(outcomes, ["repeated", "repeated", "repeated"]);
    assert.deepEqual(await hearer.seenOf("a"), [1, 2]);
    assert.deepEqual(await hearer.seenOf("b"), [1]);
  });

  test("when nobody knows whether the commit happened, finds out by the inbox", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 }, { id: "a", n: 2 });
    let lost = 1;
    await settle(
      teller,
      hearer.consumer({
        transact: async (label, body, event) => {
          const result = await hearer.transact(label, body);
          if (event !== undefined && lost > 0) {
            lost -= 1;
            throw new Error("The connection was lost after the commit.");
          }
          return result;
        },
      }),
    );
    assert.deepEqual(await hearer.seenOf("a"), [1, 2]);
  });

  test("tries a failing event again in its place, while other keys go on", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "bad", n: 1 }, { id: "bad", n: 2 }, { id: "good", n: 1 }, { id: "good", n: 2 });
    let failures = 5;
    const stop = new AbortController();
    const consumer = hearer.consumer({
      handle: async (one, connection) => {
        await see(one, connection);
        const { id, n } = numbersOf(one);
        if (id === "bad" && n === 1 && failures > 0) {
          failures -= 1;
          throw new Error("not yet");
        }
      },
      limits: { keysConcurrentMax: 1 },
    });
    const running = consumer.run(stop.signal);
    await drive(teller.clock, consumer.idle());
    assert.deepEqual(await hearer.seen(), [
      { id: "good", n: 1 },
      { id: "good", n: 2 },
      { id: "bad", n: 1 },
      { id: "bad", n: 2 },
    ]);
    stop.abort();
    await drive(teller.clock, running);
  });

  test("gives a poisonous event up after the attempts allowed; nothing behind it waits for ever", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 0 }, { id: "a", n: 1 }, { id: "b", n: 1 });
    const outcomes: Outcome[] = [];
    const told: unknown[] = [];
    const consumer = hearer.consumer({
      handle: async (one, connection) => {
        await see(one, connection);
        if (numbersOf(one).n === 0) throw Refused.with(undefined);
      },
      observe: (_, outcome) => outcomes.push(outcome),
      log: { ...silentLogger, error: (_, details) => told.push([details?.["key"], details?.["code"]]) },
      limits: { attemptsMax: 3 },
    });
    await settle(teller, consumer);
    assert.deepEqual(await hearer.seenOf("a"), [1]);
    assert.deepEqual(await hearer.seenOf("b"), [1]);
    assert.deepEqual(outcomes.toSorted(), ["dead", "done", "done", "failed", "failed"]);
    assert.deepEqual(told, [["a", "test/refused"]]);
    const [letter, ...others] = await hearer.database.read({ label: "test" }, (c) =>
      listDeadLetters(c, DEAD, { limit: 9 }),
    );
    assert.deepEqual(others, []);
    assert.equal(letter?.fault.code, "test/refused");
    assert.equal(letter?.attempts, 3);
    assert.deepEqual(letter?.event.data, { id: "a", n: 0 });
    assert.equal(letter?.event.sequence, 1);
    await settle(teller, hearer.consumer());
    assert.deepEqual(await hearer.seenOf("a"), [1], "it is not delivered again by itself");
  });

  test("waits as long as it takes when the fault says so", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 });
    let failures = 40;
    await settle(
      teller,
      hearer.consumer({
        handle: async (one, connection) => {
          failures -= 1;
          if (failures >= 0) throw Away.with(undefined);
          await see(one, connection);
        },
        limits: { attemptsMax: 2 },
      }),
    );
    assert.deepEqual(await hearer.seenOf("a"), [1]);
  });

  test("keeps the cursor before what is unfinished", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 }, { id: "b", n: 1 }, { id: "c", n: 1 });
    const stop = new AbortController();
    const running = hearer.consumer({
      handle: async (one, connection) => {
        if (numbersOf(one).id === "b") throw Away.with(undefined);
        await see(one, connection);
      },
    });
    const ended = running.run(stop.signal);
    await drive(teller.clock, teller.clock.advance(10_000));
    assert.deepEqual(running.stats().position, 1);
    assert.equal(running.stats().parkedKeys, 1);
    stop.abort();
    await drive(teller.clock, ended);
    await settle(teller, hearer.consumer());
    assert.deepEqual(
      (await hearer.seen()).map((row) => row.id),
      ["a", "c", "b"],
    );
  });

  test("never holds more than its bounds", async () => {
    const { teller, hearer } = await setup();
    for (let n = 0; n < 20; n += 1)
      await teller.tell(...Array.from({ length: 30 }, (_, key) => ({ id: `k${key}`, n })));
    const limits = { batchMax: 16, unfinishedMax: 40, keysConcurrentMax: 4 };
    let active = 0;
    let most = 0;
    const consumer = hearer.consumer({
      limits,
      handle: async (one, connection) => {
        active += 1;
        most = Math.max(most, consumer.stats().unfinished);
        assert.ok(active <= 1, "SQLite runs one at a time");
        await see(one, connection);
        active -= 1;
        assert.ok(consumer.stats().active <= limits.keysConcurrentMax);
      },
    });
    await settle(teller, consumer);
    assert.ok(most > 16 && most <= limits.unfinishedMax, `${most}`);
    for (const key of ["k0", "k29"])
      assert.deepEqual(
        await hearer.seenOf(key),
        Array.from({ length: 20 }, (_, n) => n),
      );
    assert.throws(() => hearer.consumer({ limits: { batchMax: 10, unfinishedMax: 5 } }), TypeError);
  });

  test("rides out a source and a database that fail for a while", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 });
    let failures = 6;
    const failing = <T>(action: () => Promise<T>): Promise<T> => {
      failures -= 1;
      return failures >= 0 && failures % 2 === 0 ? Promise.reject(Broken.with(undefined)) : action();
    };
    const consumer = hearer.consumer({
      source: {
        service: "shop",
        head: () => teller.source.head(),
        begin: () => teller.source.begin(),
        read: (request) => failing(() => teller.source.read(request)),
        onAppend: (listener) => teller.source.onAppend(listener),
      },
      transact: (label, body) => failing(() => hearer.transact(label, body)),
    });
    await settle(teller, consumer);
    assert.deepEqual(await hearer.seenOf("a"), [1]);
  });

  test("goes on from the end of a log that was restored from a backup", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 }, { id: "a", n: 2 });
    await settle(teller, hearer.consumer());
    const restored = await Teller.open();
    await restored.tell({ id: "a", n: 1 });
    const after = new Hearer(hearer.database, restored);
    await settle(restored, after.consumer());
    await restored.tell({ id: "a", n: 3 });
    await settle(restored, after.consumer());
    assert.deepEqual(await hearer.seenOf("a"), [1, 2, 3]);
  });

  test("hands the newest version of an event to its handler", async () => {
    const { teller, hearer } = await setup();
    await teller.tell({ id: "a", n: 1 });
    const data = t.object({ id: t.text(), n: t.integer(), twice: t.integer() });
    const upcasts = { 1: (old: Seen) => ({ ...old, twice: 2 * old.n }) };
    const { moved } = contract("shop", {
      version: "2.0.0",
      events: { moved: event({ key: "id", version: 2, data, upcasts }) },
    }).events;
    const got: unknown[] = [];
    await settle(teller, hearer.consumer({ events: [moved], handle: async (one) => void got.push(one.data) }));
    assert.deepEqual(got, [{ id: "a", n: 1, twice: 2 }]);
  });

  test("hears only the source that it was made for", async () => {
    const { hearer } = await setup();
    const other = contract("other", {
      version: "1.0.0",
      events: { moved: event({ key: "id", data: t.object({ id: t.text() }) }) },
    });
    assert.throws(() => hearer.consumer({ events: [shop.events.moved, other.events.moved] }), TypeError);
  });
});
