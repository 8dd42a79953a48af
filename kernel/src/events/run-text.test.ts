/** Runs as text: cut into pieces without gap or loss, and read again as they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventsIn, piecesOf, recordOf } from "./mod.ts";
import { runOf } from "./testing/conformance.ts";

test("the pieces of a run join on to one another, fit, and have every event after the head once", () => {
  const shape = fc.record({
    after: fc.nat(50),
    length: fc.integer({ min: 1, max: 40 }),
    without: fc.array(fc.integer({ min: 1, max: 100 })),
    head: fc.nat(100),
    bytesMax: fc.integer({ min: 400, max: 5_000 }),
  });
  fc.assert(
    fc.property(shape, ({ after, length, without, head, bytesMax }) => {
      const run = runOf(after, after + length, { without });
      const pieces = piecesOf(run, head, bytesMax);
      let at = Math.max(after, head);
      for (const piece of pieces) {
        assert.equal(piece.after, at);
        assert.ok(piece.upTo > piece.after && Buffer.byteLength(piece.text) <= bytesMax);
        for (const { position } of eventsIn(piece.text)) assert.ok(position > piece.after && position <= piece.upTo);
        at = piece.upTo;
      }
      assert.equal(at, Math.max(run.upTo, head));
      const read = pieces.flatMap(({ text }) => eventsIn(text).map(recordOf));
      assert.deepEqual(
        read,
        run.events.filter(({ position }) => position > head),
      );
    }),
  );
});

test("what is no run is not taken for one", () => {
  for (const text of ["x", "1 moved", "one moved {}", "{}"]) assert.throws(() => eventsIn(text), TypeError);
});
