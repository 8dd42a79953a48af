import { test } from "node:test";
import assert from "node:assert/strict";
import { sleep } from "../std/mod.ts";
import { systemClock } from "./clock.ts";
import { eventLoopMonitor } from "./event-loop.ts";
import { systemRandom } from "./random.ts";

void test("a timer does not fire early, and one that was cancelled not at all", async () => {
  const clock = systemClock();
  let fired = false;
  const cancelled = clock.after(1, () => {
    fired = true;
  });
  cancelled.cancel();
  const start = clock.monotonicMs();
  await sleep(clock, 5.5);
  assert.ok(clock.monotonicMs() - start >= 5);
  assert.equal(fired, false);
  cancelled.cancel();
});

void test("a delay beyond what setTimeout takes waits instead of firing at once", async () => {
  const clock = systemClock();
  let fired = false;
  const far = clock.after(2 ** 31 + 5, () => {
    fired = true;
  });
  await sleep(clock, 5);
  far.cancel();
  assert.equal(fired, false);
});

void test("soon runs after promises that are ready", async () => {
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    systemClock().soon(() => {
      order.push("soon");
      resolve();
    });
  });
  await Promise.resolve().then(() => order.push("promise"));
  await done;
  assert.deepEqual(order, ["promise", "soon"]);
});

void test("random numbers lie in [0, 1) and spread evenly", () => {
  const random = systemRandom();
  const tenths = new Uint32Array(10);
  for (let draw = 0; draw < 100_000; draw += 1) {
    const value = random.next();
    assert.ok(value >= 0 && value < 1);
    const tenth = Math.floor(value * 10);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  // A standard deviation is 95: chance does not go this far.
  for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 900, String(count));
});

void test("random bytes are as many as asked for, and never the same twice", () => {
  const random = systemRandom();
  const seen = new Set<string>();
  for (let draw = 0; draw < 3_000; draw += 1) seen.add(random.bytes(16).toString());
  assert.equal(seen.size, 3_000);
  for (const count of [0, 1, 8_191, 8_192, 8_193, 100_000]) assert.equal(random.bytes(count).length, count);
});

void test("bytes that were handed out do not change when the pool is filled anew", () => {
  const random = systemRandom();
  const first = random.bytes(16);
  const before = first.toString();
  for (let draw = 0; draw < 2_000; draw += 1) random.bytes(16);
  assert.equal(first.toString(), before);
});

void test("a handler that holds the processor shows as delay", async () => {
  const clock = systemClock();
  const monitor = eventLoopMonitor(clock);
  try {
    assert.equal(monitor.delayMs(), 0);
    while (monitor.delayMs() < 20) {
      const until = clock.monotonicMs() + 60;
      while (clock.monotonicMs() < until);
      await sleep(clock, 1);
    }
  } finally {
    monitor.close();
  }
});
