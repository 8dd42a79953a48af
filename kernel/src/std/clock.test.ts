import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fromInstant, sleep, toInstant } from "./clock.ts";
import { ManualClock } from "./testing/manual-clock.ts";

void test("sleep ends when its time has come, not before", async () => {
  const clock = new ManualClock();
  let awake = false;
  void sleep(clock, 100).then(() => {
    awake = true;
  });
  await clock.advance(99);
  assert.equal(awake, false);
  await clock.advance(1);
  assert.equal(awake, true);
});

void test("sleep ends at once when the signal is aborted, and leaves neither timer nor listener", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1_000, controller.signal);
  controller.abort();
  await sleeping;
  await sleep(clock, 1_000, controller.signal);
  assert.equal(clock.pending, 0);
});

void test("instants read back as what they were", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => fromInstant(toInstant(ms)) === ms));
});

void test("the manual clock fires timers in the order of their time, equal ones in the order they were set", async () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push("c"));
  clock.after(10, () => {
    fired.push("a");
    clock.after(5, () => fired.push("b"));
  });
  clock.after(20, () => fired.push("d"));
  clock.after(10, () => fired.push("x")).cancel();
  await clock.advance(20);
  assert.deepEqual(fired, ["a", "b", "c", "d"]);
  assert.equal(clock.monotonicMs(), 20);
});
