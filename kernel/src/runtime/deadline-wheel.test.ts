import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";

/** How late a deadline may be noticed, in milliseconds. */
const LATE_MS = 8;

interface Entry {
  readonly deadlineAt: number;
  expiredAt: number | undefined;
  times: number;
  expire(): void;
}

function entryAt(clock: ManualClock, deadlineAt: number): Entry {
  return {
    deadlineAt,
    expiredAt: undefined,
    times: 0,
    expire() {
      this.expiredAt = clock.monotonicMs();
      this.times += 1;
    },
  };
}

describe("deadline wheel", () => {
  test("each deadline is noticed once, never early, and at most a slot late", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ after: fc.integer({ min: 0, max: 2_000 }), removed: fc.boolean() }), { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }),
        async (asked, steps) => {
          const clock = new ManualClock();
          const wheel = new DeadlineWheel(clock);
          const entries = asked.map(({ after }) => entryAt(clock, after));
          for (const entry of entries) wheel.add(entry);
          asked.forEach(({ removed }, index) => {
            const entry = entries[index];
            if (removed && entry !== undefined) wheel.remove(entry);
          });
          for (const step of [...steps, 3_000]) await clock.advance(step);
          entries.forEach((entry, index) => {
            if (asked[index]?.removed) assert.equal(entry.times, 0);
            else {
              assert.equal(entry.times, 1);
              const late = (entry.expiredAt ?? -1) - entry.deadlineAt;
              assert.ok(late >= 0 && late <= LATE_MS, `noticed ${late} ms after`);
            }
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  test("one timer serves all, and none is left when nothing waits", async () => {
    const clock = new ManualClock();
    const wheel = new DeadlineWheel(clock);
    const entries = [500, 100, 900].map((at) => entryAt(clock, at));
    for (const entry of entries) wheel.add(entry);
    assert.equal(clock.pending, 1);
    for (const entry of entries) wheel.remove(entry);
    await clock.advance(2_000);
    assert.equal(clock.pending, 0);
  });

  test("a nearer deadline that comes later is noticed in time", async () => {
    const clock = new ManualClock();
    const wheel = new DeadlineWheel(clock);
    const [far, near] = [entryAt(clock, 5_000), entryAt(clock, 50)];
    wheel.add(far);
    wheel.add(near);
    await clock.advance(60);
    assert.deepEqual([near.times, far.times], [1, 0]);
    await clock.advance(5_000);
    assert.equal(far.times, 1);
  });

  test("a deadline that has passed already is noticed at once", async () => {
    const clock = new ManualClock();
    await clock.advance(1_000);
    const wheel = new DeadlineWheel(clock);
    const entry = entryAt(clock, 10);
    wheel.add(entry);
    await clock.advance(0);
    assert.equal(entry.times, 1);
  });

  test("stopped, it leaves no timer", () => {
    const clock = new ManualClock();
    const wheel = new DeadlineWheel(clock);
    wheel.add(entryAt(clock, 100));
    wheel.stop();
    assert.equal(clock.pending, 0);
  });
});
