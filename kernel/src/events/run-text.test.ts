/** Runs as text: cut into pieces without gap or loss, and read again as they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventTooLarge, piecesOf, readRun, recordOf } from "./mod.ts";
import { UNREADABLE, eventAt, runOf } from "./testing/conformance.ts";

test("the pieces of a run join on to one another, fit, and have every event after the head once", () => {
  const shape = fc.record({
    after: fc.nat(50),
    length: fc.integer({ min: 1, max: 40 }),
    without: fc.array(fc.integer({ min: 1, max: 100 })),
    head: fc.nat(100),
    cutAt: fc.integer({ min: 100, max: 5_000 }),
  });
  fc.assert(
    fc.property(shape, ({ after, length, without, head, cutAt }) => {
      const run = runOf(after, after + length, { without });
      const pieces = piecesOf(run, head, { cutAt, bytesMax: 5_000 });
      let at = Math.max(after, head);
      for (const piece of pieces) {
        assert.equal(piece.after, at);
        const { events } = readRun({ service: "shop", ...piece });
        assert.ok(piece.upTo > piece.after && (Buffer.byteLength(piece.text) <= cutAt || events.length === 1));
        for (const { position } of events) assert.ok(position > piece.after && position <= piece.upTo);
        at = piece.upTo;
      }
      assert.equal(at, Math.max(run.upTo, head));
      const read = pieces.flatMap((piece) => readRun({ service: "shop", ...piece }).events.map(recordOf));
      assert.deepEqual(
        read,
        run.events.filter(({ position }) => position > head),
      );
    }),
  );
});

test("an event that is larger than the cut is a piece of its own, and one that is larger than a message is refused", () => {
  const run = runOf(0, 3);
  const large = { ...run, events: run.events.with(1, { ...eventAt(2), data: { text: "x".repeat(2_000) } }) };
  const pieces = piecesOf(large, 0, { cutAt: 1_000, bytesMax: 3_000 });
  assert.deepEqual(
    pieces.map(({ after, upTo }) => [after, upTo]),
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  );
  const refused = (): unknown => piecesOf(large, 0, { cutAt: 1_000, bytesMax: 2_000 });
  assert.throws(refused, (error) => EventTooLarge.is(error) && error.data.position === 2);
});

test("what is no run is not taken for one, and the reason does not tell what is in it", () => {
  const claim = { service: "shop", after: 3, upTo: 6 };
  assert.deepEqual(readRun({ ...claim, text: "" }).events, []);
  for (const [why, text] of Object.entries(UNREADABLE)) {
    assert.throws(
      () => readRun({ ...claim, text }),
      { name: "TypeError", message: /^[^{}"]+(?:"shop")?[^{}"]*$/ },
      why,
    );
  }
  for (const places of [{ after: undefined }, { upTo: undefined }, { after: 7 }]) {
    assert.throws(() => readRun({ ...claim, ...places, text: "" }), /where it belongs/);
  }
  for (const holes of ["", "[", "7", '{"moved":"x"}']) {
    assert.throws(() => readRun({ ...claim, text: "", holes }), /missing/, holes);
  }
});
