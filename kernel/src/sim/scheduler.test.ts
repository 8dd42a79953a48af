/** Virtual time: what runs when, and in which order. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { forkedRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

const schedulerOf = (seed: number): Scheduler => new Scheduler(forkedRandom(seed, "scheduler"));

/** The order in which events of one moment run. */
async function tiesOf(seed: number, count = 12): Promise<string> {
  const scheduler = schedulerOf(seed);
  const order: number[] = [];
  for (let n = 0; n < count; n += 1) scheduler.at(5, () => order.push(n));
  await scheduler.run(5);
  assert.equal(new Set(order).size, count);
  return order.join();
}

describe("the scheduler", () => {
  test("runs events in the order of their time, whatever the order they were set in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 200 }), { maxLength: 60 }), fc.nat(), async (times, seed) => {
        const scheduler = schedulerOf(seed);
        const ran: number[] = [];
        for (const at of times) {
          scheduler.at(at, () => {
            assert.equal(scheduler.now, at);
            ran.push(at);
            // What is set on the way takes its place, too.
            if (at % 3 === 0) scheduler.after(7, () => ran.push(scheduler.now));
          });
        }
        await scheduler.run(1_000);
        const expected = times.flatMap((at) => (at % 3 === 0 ? [at, at + 7] : [at]));
        assert.deepEqual(
          ran,
          expected.toSorted((a, b) => a - b),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("decides by its seed which of two events of one moment is first", async () => {
    const orders = await Promise.all(Array.from({ length: 10 }, (_, seed) => tiesOf(seed)));
    assert.equal(new Set(orders).size, 10);
    assert.deepEqual(await Promise.all(Array.from({ length: 10 }, (_, seed) => tiesOf(seed))), orders);
  });

  test("lets everything follow from an event before the next one, however long the chain of promises", async () => {
    const scheduler = schedulerOf(1);
    const order: string[] = [];
    scheduler.at(1, () => {
      void (async () => {
        for (let step = 0; step < 100; step += 1) await Promise.resolve();
        order.push("what follows");
      })();
    });
    scheduler.at(1.0001, () => order.push("next"));
    await scheduler.run(2);
    assert.deepEqual(order, ["what follows", "next"]);
  });

  test("does not run what was cancelled, and goes past it", async () => {
    const scheduler = schedulerOf(1);
    const order: string[] = [];
    const timers = ["a", "b", "c"].map((name, index) => scheduler.at(index, () => order.push(name)));
    timers[0]?.cancel();
    scheduler.at(0.5, () => timers[2]?.cancel());
    await scheduler.run(10);
    timers[1]?.cancel();
    assert.deepEqual(order, ["b"]);
    assert.equal(scheduler.events, 2);
  });

  test("jumps from event to event, and to where it was told to stop when nothing is left", async () => {
    const scheduler = schedulerOf(1);
    const at: number[] = [];
    scheduler.after(3_600_000, () => at.push(scheduler.now));
    assert.equal(await scheduler.run(3_599_999), false);
    assert.equal(scheduler.now, 3_599_999);
    assert.equal(await scheduler.run(5_000_000), false);
    assert.deepEqual([at, scheduler.now], [[3_600_000], 5_000_000]);
  });

  test("stops in between when it is done, and goes on from there", async () => {
    const scheduler = schedulerOf(1);
    const order: number[] = [];
    for (let n = 1; n <= 4; n += 1) scheduler.at(n, () => order.push(n));
    assert.equal(await scheduler.run(10, () => order.length === 2), true);
    assert.deepEqual([order, scheduler.now], [[1, 2], 2]);
    await scheduler.run(10);
    assert.deepEqual(order, [1, 2, 3, 4]);
  });

  test("never goes back: what is set for the past runs now, and spent time stays spent", async () => {
    const scheduler = schedulerOf(1);
    const at: number[] = [];
    await scheduler.run(100);
    scheduler.at(50, () => at.push(scheduler.now));
    scheduler.after(-5, () => at.push(scheduler.now));
    scheduler.after(Number.NaN, () => at.push(scheduler.now));
    scheduler.after(10, () => at.push(scheduler.now));
    scheduler.spend(30);
    await scheduler.run(1_000);
    assert.deepEqual(at, [130, 130, 130, 130]);
  });

  test("has no end of time: run without a limit, it stays at its last event", async () => {
    const scheduler = schedulerOf(1);
    scheduler.after(5, () => {});
    assert.equal(await scheduler.run(Infinity), false);
    assert.equal(scheduler.now, 5);
  });
});
