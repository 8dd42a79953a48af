import { test } from "node:test";
import assert from "node:assert/strict";
import { sleep } from "../std/mod.ts";
import { systemClock } from "./clock.ts";
import { eventLoopMonitor } from "./event-loop.ts";

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
