import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contract, event } from "../contract/mod.ts";
import { Invalid, t } from "../schema/mod.ts";
import { EVENT_BYTES_MAX, EventDataTooLarge, appendEvent, logHead, readKey, readLog } from "./mod.ts";
import { Teller, shop } from "./testing/setup.ts";

const READ = { label: "test.read" };
const WRITE = { label: "test.write" };

describe("the log", () => {
  test("gives each key the sequence 1, 2, 3, … under concurrent writers, of which some fail", async () => {
    const write = fc.record({
      keys: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 30 }), async (writes) => {
        const teller = await Teller.open();
        const outcomes = await Promise.allSettled(
          writes.map(({ keys, fails }, n) =>
            teller.database.write(WRITE, async (connection) => {
              const recorder = teller.recorder(connection);
              for (const id of keys) await recorder.emit(shop.events.moved, { id, n });
              if (fails) throw new Error("no");
            }),
          ),
        );
        const expected = writes.flatMap(({ keys, fails }) => (fails ? [] : keys)).toSorted();
        const events = await teller.database.read(READ, (c) => readLog(c, "shop", { after: 0, limit: 1_000 }));
        assert.equal(outcomes.filter((one) => one.status === "rejected").length, writes.filter((w) => w.fails).length);
        assert.deepEqual(events.map((one) => one.key).toSorted(), expected);
        for (const key of ["a", "b", "c"]) {
          const sequences = events.filter((one) => one.key === key).map((one) => one.sequence);
          assert.deepEqual(
            sequences,
            sequences.map((_, index) => index + 1),
          );
        }
        assert.ok(events.every((one, index) => index === 0 || one.position > (events[index - 1]?.position ?? 0)));
      }),
      { numRuns: 40 },
    );
  });

  test("refuses an event that no broker would carry, and takes one that is as large as may be", async () => {
    const teller = await Teller.open();
    const append = (length: number) =>
      teller.database.write(WRITE, (connection) => {
        const rest = { service: "shop", type: "moved", version: 1, at: 0, actor: {}, trace: undefined };
        // Two bytes of UTF-8 each; with the quotes around them, and the key.
        return appendEvent(connection, { ...rest, id: `event ${length}`, key: "é", data: "é".repeat(length) });
      });
    const most = EVENT_BYTES_MAX / 2 - 2;
    await append(most);
    await assert.rejects(append(most + 1), (error) => {
      assert.ok(EventDataTooLarge.is(error) && error.kind === "invalid");
      return error.data.event === "shop.moved" && error.data.bytes === EVENT_BYTES_MAX + 2;
    });
    assert.equal(await teller.database.read(READ, logHead), 1);
  });

  test("returns from emit what it reads later, but for the position", async () => {
    const teller = await Teller.open();
    const emitted = await teller.database.write(WRITE, (c) =>
      teller.recorder(c).emit(shop.events.moved, { id: "a", n: 1 }),
    );
    const [read] = await teller.database.read(READ, (c) => readLog(c, "shop", { after: 0, limit: 10 }));
    assert.deepEqual(read, { ...emitted, position: 1 });
    assert.equal(emitted.sequence, 1);
    assert.equal(emitted.service, "shop");
  });

  test("is read by position, type and key, in bounded pieces", async () => {
    const teller = await Teller.open();
    await teller.tell({ id: "a", n: 1 }, { id: "b", n: 2 }, { id: "a", n: 3 });
    await teller.database.write(WRITE, (c) => teller.recorder(c).emit(shop.events.noted, { id: "a", n: 4 }));
    await teller.database.read(READ, async (c) => {
      const numbers = (events: readonly { data: unknown }[]) => events.map((one) => (one.data as { n: number }).n);
      assert.equal(await logHead(c), 4);
      assert.deepEqual(numbers(await readLog(c, "shop", { after: 1, limit: 2 })), [2, 3]);
      assert.deepEqual(numbers(await readLog(c, "shop", { after: 0, limit: 9, types: new Set(["noted"]) })), [4]);
      assert.deepEqual(numbers(await readKey(c, "shop", { key: "a", afterSequence: 0, limit: 9 })), [1, 3, 4]);
      assert.deepEqual(numbers(await readKey(c, "shop", { key: "a", afterSequence: 1, limit: 1 })), [3]);
    });
  });

  test("takes neither what does not fit the schema nor the events of others", async () => {
    const teller = await Teller.open();
    const other = contract("other", {
      version: "1.0.0",
      events: { moved: event({ key: "id", data: t.object({ id: t.text(), n: t.integer() }) }) },
    });
    await teller.database.write(WRITE, async (c) => {
      const recorder = teller.recorder(c);
      await assert.rejects(recorder.emit(shop.events.moved, { id: "a", n: 0.5 }), (error) => Invalid.is(error));
      await assert.rejects(recorder.emit(other.events.moved, { id: "a", n: 1 }), TypeError);
    });
    assert.equal(await teller.database.read(READ, logHead), 0);
  });

  test("shares nothing with what was emitted", async () => {
    const teller = await Teller.open();
    const data = { id: "a", n: 1 };
    const emitted = await teller.database.write(WRITE, (c) => teller.recorder(c).emit(shop.events.moved, data));
    data.n = 2;
    assert.deepEqual(emitted.data, { id: "a", n: 1 });
  });
});
