import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Stock, availableAt, availableOver, mergeLines, planLine, sameLines, signalOf, spread } from "./domain.ts";

const anyLevels: fc.Arbitrary<Stock[]> = fc.uniqueArray(
  fc.record({
    location: fc.constantFrom("a", "b", "c", "d"),
    priority: fc.integer({ min: 0, max: 3 }),
    on_hand: fc.integer({ min: 0, max: 30 }),
    reserved: fc.integer({ min: 0, max: 10 }),
    allocated: fc.integer({ min: 0, max: 10 }),
    safety: fc.integer({ min: 0, max: 5 }),
  }),
  { selector: (level) => level.location, maxLength: 4 },
);

describe("planLine", () => {
  test("takes exactly what is asked for, never more than a location can promise, or says how much there is", () => {
    fc.assert(
      fc.property(anyLevels, fc.integer({ min: 1, max: 60 }), (levels, quantity) => {
        const plan = planLine(levels, quantity);
        if (plan.kind === "short") {
          assert.equal(plan.left, availableOver(levels));
          assert.ok(plan.left < quantity);
          return;
        }
        assert.equal(
          plan.parts.reduce((sum, part) => sum + part.quantity, 0),
          quantity,
        );
        for (const part of plan.parts) {
          const level = levels.find((each) => each.location === part.location);
          assert.ok(level !== undefined && part.quantity > 0 && part.quantity <= availableAt(level));
        }
        if (levels.some((level) => availableAt(level) >= quantity)) assert.equal(plan.parts.length, 1);
      }),
    );
  });

  const level = (location: string, priority: number, available: number): Stock => {
    return { location, priority, on_hand: available + 3, reserved: 1, allocated: 1, safety: 1 };
  };

  test("prefers one parcel from the first location that has all of it", () => {
    const levels = [level("far", 2, 9), level("near", 1, 4), level("next", 1, 9)];
    assert.deepEqual(planLine(levels, 4), {
      kind: "take",
      parts: [{ location: "near", quantity: 4 }],
    });
    assert.deepEqual(planLine(levels, 5), {
      kind: "take",
      parts: [{ location: "next", quantity: 5 }],
    });
  });

  test("splits over as few locations as it can when none has all", () => {
    const levels = [level("a", 1, 2), level("b", 2, 6), level("c", 3, 5)];
    assert.deepEqual(planLine(levels, 10), {
      kind: "take",
      parts: [
        { location: "b", quantity: 6 },
        { location: "c", quantity: 4 },
      ],
    });
  });
});

describe("lines", () => {
  test("of one variant are summed, in sku order", () => {
    const lines = [
      { sku: "B", quantity: 1 },
      { sku: "A", quantity: 2 },
      { sku: "B", quantity: 3 },
    ];
    assert.deepEqual(mergeLines(lines), [
      { sku: "A", quantity: 2 },
      { sku: "B", quantity: 4 },
    ]);
    assert.ok(sameLines(mergeLines(lines), mergeLines(lines.toReversed())));
    assert.equal(sameLines(mergeLines(lines), mergeLines(lines.slice(1))), false);
  });

  test("are spread over what a reservation has, and not beyond", () => {
    const line = (sku: string, location: string, quantity: number, fulfilled: number) => {
      return { reservation_id: "r", sku, location, quantity, fulfilled, returned: 0 };
    };
    const has = [line("A", "x", 3, 1), line("A", "y", 2, 0)];
    const open = (each: { quantity: number; fulfilled: number }) => each.quantity - each.fulfilled;
    const plan = spread([{ sku: "A", quantity: 3 }], has, open);
    assert.deepEqual(plan.kind === "take" && plan.parts.map((part) => part.quantity), [2, 1]);
    assert.deepEqual(spread([{ sku: "A", quantity: 5 }], has, open), {
      kind: "exceeded",
      sku: "A",
      asked: 5,
      left: 4,
    });
  });
});

test("signals mark crossings only", () => {
  const seen = [
    [9, 5],
    [5, 4],
    [4, 0],
    [0, 0],
    [0, 2],
    [2, 9],
  ].map(([before = 0, after = 0]) => signalOf(before, after, 5));
  assert.deepEqual(seen, ["low", undefined, "out", undefined, "back", undefined]);
});
