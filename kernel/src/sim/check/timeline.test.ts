/** The row of a timeline stands for the set of operations taken: searches remember nothing else. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Timeline } from "./timeline.ts";

interface Span {
  readonly input: null;
  readonly invokedAt: number;
  readonly completed?: { readonly at: number; readonly output: null };
}

const anySpan: fc.Arbitrary<Span> = fc
  .tuple(fc.nat(60), fc.option(fc.nat(9), { freq: 8 }))
  .map(([invokedAt, lasts]) =>
    lasts === null
      ? { input: null, invokedAt }
      : { input: null, invokedAt, completed: { at: invokedAt + lasts, output: null } },
  );

function candidatesOf(timeline: Timeline): number[] {
  const candidates: number[] = [];
  for (let one = timeline.next(); one !== undefined; one = timeline.next(one)) candidates.push(one);
  return candidates;
}

/** What may be taken next, by definition: nothing left completed before it was invoked. */
function expectedOf(spans: readonly Span[], taken: ReadonlySet<number>): number[] {
  const left = [...spans.keys()].filter((one) => !taken.has(one));
  const end = Math.min(...left.map((one) => spans[one]?.completed?.at ?? Infinity));
  return left.filter((one) => (spans[one]?.invokedAt ?? 0) <= end);
}

void test("sets of operations taken and rows are the same thing, forwards and backwards", () => {
  const spans = fc.array(anySpan, { maxLength: 40, size: "max" });
  const moves = fc.array(fc.nat(99), { maxLength: 200, size: "max" });
  fc.assert(
    fc.property(spans, moves, (history, choices) => {
      const timeline = new Timeline(history);
      const rowOf = new Map<string, string>();
      const setOf = new Map<string, string>();
      const taken: number[] = [];
      for (const choice of choices) {
        const candidates = candidatesOf(timeline);
        assert.deepEqual(candidates.toSorted(), expectedOf(history, new Set(taken)).toSorted());
        const last = taken.at(-1);
        // More forwards than back, and back in the reverse order.
        if (last !== undefined && (choice < 40 || candidates.length === 0)) timeline.putBack(taken.pop() as number);
        else if (candidates.length > 0) {
          const next = candidates[choice % candidates.length] as number;
          timeline.take(next);
          taken.push(next);
        }
        const [row, set] = [timeline.row.join(), taken.toSorted().join()];
        assert.equal(rowOf.get(set) ?? row, row);
        assert.equal(setOf.get(row) ?? set, set);
        rowOf.set(set, row);
        setOf.set(row, set);
        const isDone = history.every(({ completed }, one) => completed === undefined || taken.includes(one));
        assert.equal(timeline.isDone, isDone);
      }
    }),
    { numRuns: 300 },
  );
});
