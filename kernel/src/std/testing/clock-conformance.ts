/** What every clock must do: one suite, run against each. It waits for timers, never for a time to have passed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock } from "../clock.ts";
import { sleep, toInstant } from "../mod.ts";

/** A clock, and what ends it. While a case awaits, its time passes. */
export interface ClockSubject {
  readonly clock: Clock;
  close(): Promise<void>;
}

type Case = (clock: Clock) => Promise<void>;

/** Resolves to the names of what fired, in order, when the last has. */
function fired(clock: Clock, delays: Readonly<Record<string, number>>): Promise<string[]> {
  const order: string[] = [];
  return new Promise((resolve) => {
    const names = Object.keys(delays);
    for (const name of names) {
      clock.after(delays[name] ?? 0, () => {
        order.push(name);
        if (order.length === names.length) resolve(order);
      });
    }
  });
}

const cases: Readonly<Record<string, Case>> = {
  async "fires no timer before its time, by its own monotonic time"(clock) {
    for (const delayMs of [0, 0.4, 1, 5.5, 20]) {
      const start = clock.monotonicMs();
      await sleep(clock, delayMs);
      // A sum of fractions may be off by the last bit.
      assert.ok(clock.monotonicMs() - start >= delayMs - 1e-6, `${delayMs} ms`);
    }
  },

  async "fires timers in the order of their time, not in the order they were set"(clock) {
    assert.deepEqual(await fired(clock, { late: 60, middle: 30, early: 1 }), ["early", "middle", "late"]);
  },

  async "fires no timer before `after` has returned"(clock) {
    let isBack = false;
    const firing = new Promise<boolean>((resolve) => clock.after(0, () => resolve(isBack)));
    isBack = true;
    assert.equal(await firing, true);
  },

  async "fires each timer once"(clock) {
    let count = 0;
    clock.after(1, () => (count += 1));
    await sleep(clock, 20);
    assert.equal(count, 1);
  },

  async "does not fire what was cancelled; cancelling again, or too late, does nothing"(clock) {
    const order: string[] = [];
    const cancelled = clock.after(1, () => order.push("cancelled"));
    const kept = clock.after(2, () => order.push("kept"));
    cancelled.cancel();
    cancelled.cancel();
    await sleep(clock, 20);
    kept.cancel();
    await sleep(clock, 2);
    assert.deepEqual(order, ["kept"]);
  },

  async "lets a timer be cancelled by one that fires at the same time"(clock) {
    const order: string[] = [];
    const timers = ["a", "b"].map((name) =>
      clock.after(5, () => {
        order.push(name);
        for (const timer of timers) timer.cancel();
      }),
    );
    await sleep(clock, 20);
    assert.equal(order.length, 1);
  },

  async "takes a delay below zero, or that is no number, for none"(clock) {
    const order: string[] = [];
    clock.after(60_000_000, () => order.push("far")).cancel();
    clock.after(-5, () => order.push("below"));
    clock.after(Number.NaN, () => order.push("none"));
    clock.after(Number.NEGATIVE_INFINITY, () => order.push("far below"));
    await sleep(clock, 20);
    assert.deepEqual(order.toSorted(), ["below", "far below", "none"]);
    assert.ok(Number.isFinite(clock.monotonicMs()) && Number.isFinite(clock.now()));
  },

  async "waits for delays that are longer than 2^31 ms, and for ever if need be"(clock) {
    let count = 0;
    const timers = [2 ** 31 + 5, Infinity].map((delayMs) => clock.after(delayMs, () => (count += 1)));
    await sleep(clock, 20);
    for (const timer of timers) timer.cancel();
    assert.equal(count, 0);
  },

  async "runs what comes soon after promises that are ready, in a turn of its own"(clock) {
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      clock.soon(() => {
        order.push("soon");
        void Promise.resolve().then(() => order.push("what follows from it"));
        clock.soon(() => {
          order.push("sooner or later");
          resolve();
        });
      });
    });
    order.push("now");
    await Promise.resolve().then(() => order.push("promise"));
    await done;
    assert.deepEqual(order, ["now", "promise", "soon", "what follows from it", "sooner or later"]);
  },

  async "has a time in whole milliseconds that reads as an instant, and a monotonic one that never goes back"(clock) {
    let last = clock.monotonicMs();
    for (let look = 0; look < 50; look += 1) {
      await sleep(clock, look % 10 === 0 ? 1 : 0);
      const [now, monotonicMs] = [clock.now(), clock.monotonicMs()];
      assert.ok(Number.isSafeInteger(now), String(now));
      assert.match(toInstant(now), /^20[2-9]\d-/);
      assert.ok(monotonicMs >= last, `${monotonicMs} after ${last}`);
      last = monotonicMs;
    }
  },

  async "goes on while nobody waits for a timer of its own"(clock) {
    const [start, now] = [clock.monotonicMs(), clock.now()];
    await sleep(clock, 20);
    assert.ok(clock.monotonicMs() > start);
    assert.ok(clock.now() > now);
  },
};

/** Declares the suite for a clock. */
export function clockConformance(name: string, make: () => ClockSubject): void {
  void describe(`clock: ${name}`, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, async () => {
        const subject = make();
        try {
          await run(subject.clock);
        } finally {
          await subject.close();
        }
      });
    }
  });
}
