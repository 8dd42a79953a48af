import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine } from "./machine.ts";
import { forkedRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

test("on a slow machine everything is late, but not for much longer than it is slow", async () => {
  const scheduler = new Scheduler(forkedRandom(1, "scheduler"));
  const machine = new Machine("host", scheduler);
  const incarnation = machine.born();
  const clock = machine.clockOf(incarnation);
  const rang: [delayMs: number, at: number][] = [];
  machine.slowness = 30;
  for (const delayMs of [10, 60_000]) clock.after(delayMs, () => void rang.push([delayMs, scheduler.now]));
  machine.slowness = 1;
  await scheduler.run(2_000_000);
  assert.deepEqual(rang, [
    [10, 300],
    [60_000, 66_000],
  ]);
});
