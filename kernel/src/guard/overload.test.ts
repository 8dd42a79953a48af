/** Stories of overload in virtual time: a server with few workers and a queue, and callers with and without guards. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { defineFault, sleep } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { Admission } from "./admission.ts";
import { promptEventLoop } from "./event-loop-delay.ts";
import { Outbound } from "./outbound.ts";

const TimedOut = defineFault({
  code: "test/timed-out",
  kind: "unavailable",
  message: () => "timed out",
});

const WORKERS = 4;
const SERVICE_MS = 40;
/** Calls per second. */
const CAPACITY = (WORKERS * 1_000) / SERVICE_MS;

/** Serves calls first come, first served, and finishes what it began although nobody waits any more. */
class QueueServer {
  stalledUntil = 0;
  readonly #clock: ManualClock;
  readonly #queue: (() => void)[] = [];
  #busy = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  handle(): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push(resolve);
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy === WORKERS) return;
    const done = this.#queue.shift();
    if (done === undefined) return;
    this.#busy += 1;
    const stallMs = Math.max(0, this.stalledUntil - this.#clock.monotonicMs());
    this.#clock.after(stallMs + SERVICE_MS, () => {
      this.#busy -= 1;
      done();
      this.#next();
    });
  }
}

interface Second {
  offered: number;
  good: number;
  refused: number;
  readonly tookMs: number[];
}

/** Offers calls at `ratePerSecond(second)` for some seconds, and tells what became of those of each second. */
async function offer(
  clock: ManualClock,
  seconds: number,
  ratePerSecond: (second: number) => number,
  call: () => Promise<void>,
): Promise<Second[]> {
  const results: Second[] = [];
  const random = seededRandom(99);
  for (let second = 0; second < seconds; second += 1) {
    const result: Second = { offered: 0, good: 0, refused: 0, tookMs: [] };
    results.push(result);
    let leftMs = 1_000;
    for (;;) {
      const gapMs = (-Math.log(1 - random.next()) * 1_000) / ratePerSecond(second);
      if (gapMs > leftMs) break;
      leftMs -= gapMs;
      await clock.advance(gapMs);
      result.offered += 1;
      const startedAt = clock.monotonicMs();
      void call().then(
        () => {
          result.good += 1;
          result.tookMs.push(clock.monotonicMs() - startedAt);
        },
        () => {
          result.refused += 1;
        },
      );
    }
    await clock.advance(leftMs);
  }
  await clock.advance(10_000);
  return results;
}

function sumOf(results: readonly Second[], key: "offered" | "good" | "refused"): number {
  return results.reduce((sum, result) => sum + result[key], 0);
}

function p99(results: readonly Second[]): number {
  const all = results.flatMap((result) => result.tookMs).toSorted((a, b) => a - b);
  return all[Math.floor(all.length * 0.99)] ?? 0;
}

void test("three times the load: those who get in are served in time, near capacity, and all is well afterwards", async () => {
  const clock = new ManualClock();
  const server = new QueueServer(clock);
  const admission = new Admission({
    clock,
    random: seededRandom(3),
    eventLoop: promptEventLoop,
    limit: { initial: 40, min: 4 },
  });
  const results = await offer(
    clock,
    60,
    (second) => (second < 20 || second >= 40 ? 0.6 : 1.8) * CAPACITY,
    async () => {
      const leave = admission.enter("critical", Number.POSITIVE_INFINITY);
      await server.handle();
      leave();
    },
  );
  const baseline = p99(results.slice(5, 20));
  // The bound finds itself within a few seconds.
  const overload = results.slice(25, 40);
  const after = results.slice(42);
  const goodput = sumOf(overload, "good") / overload.length;
  assert.ok(goodput >= 0.9 * CAPACITY, `goodput ${goodput} of ${CAPACITY}`);
  assert.ok(p99(overload) <= 3 * baseline, `p99 ${p99(overload)} ms, was ${baseline} ms`);
  assert.equal(sumOf(after, "refused"), 0);
  assert.ok(p99(after) <= 1.5 * baseline, `p99 ${p99(after)} ms afterwards, was ${baseline} ms`);
});

/** A call that gives up after `timeoutMs`; the server does not learn of it. */
async function within(clock: ManualClock, timeoutMs: number, work: Promise<void>): Promise<void> {
  const late = sleep(clock, timeoutMs).then(() => {
    throw TimedOut.with(undefined);
  });
  await Promise.race([work, late]);
}

/** 80 % load for 60 s; from 10 s on the server stalls for 10 s. Resolves to the share served in the last 20 s. */
async function afterStall(clock: ManualClock, server: QueueServer, call: () => Promise<void>): Promise<number> {
  clock.after(10_000, () => {
    server.stalledUntil = clock.monotonicMs() + 10_000;
  });
  const results = await offer(clock, 60, () => 0.8 * CAPACITY, call);
  const last = results.slice(40);
  return sumOf(last, "good") / sumOf(last, "offered");
}

void test("without guards a stall outlasts its cause: callers retry what is queued already", async () => {
  const clock = new ManualClock();
  const server = new QueueServer(clock);
  const share = await afterStall(clock, server, async () => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await within(clock, 300, server.handle());
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  });
  assert.ok(share < 0.2, `the story is void: ${share} were served`);
});

void test("with guards the same system returns to normal by itself", async () => {
  const clock = new ManualClock();
  const server = new QueueServer(clock);
  const outbound = new Outbound({ clock, random: seededRandom(4) });
  const admission = new Admission({ clock, random: seededRandom(5), eventLoop: promptEventLoop });
  const share = await afterStall(clock, server, () =>
    outbound.run(
      { service: "a", operation: "b", retry: true, criticality: "critical" },
      clock.monotonicMs() + 1_000,
      undefined,
      () => {
        const leave = admission.enter("critical", clock.monotonicMs() + 300);
        return within(clock, 300, server.handle().finally(leave));
      },
    ),
  );
  assert.ok(share > 0.999, `${share} were served`);
});
