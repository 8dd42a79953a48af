import { test } from "node:test";
import assert from "node:assert/strict";
import { Metrics } from "../observe/mod.ts";
import { defineFault } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { Overloaded } from "./deadline.ts";
import { Outbound, type OutboundOptions, type Target } from "./outbound.ts";

const Down = defineFault({ code: "test/down", kind: "unavailable", message: () => "down" });
const Wrong = defineFault({ code: "test/wrong", kind: "invalid", message: () => "wrong" });
const RESERVE: Target = {
  service: "inventory",
  operation: "reserve",
  retry: true,
  criticality: "critical",
};

function make(options: Partial<OutboundOptions> = {}): {
  clock: ManualClock;
  outbound: Outbound;
  metrics: Metrics;
} {
  const clock = new ManualClock();
  const metrics = new Metrics();
  return {
    clock,
    metrics,
    outbound: new Outbound({ clock, metrics, random: seededRandom(1), ...options }),
  };
}

/** Fails with these, one after another, then succeeds; and counts. */
function failing(...faults: readonly Error[]): { (n: number): Promise<string>; attempts: number } {
  const attempt = (n: number): Promise<string> => {
    attempt.attempts += 1;
    assert.equal(n, attempt.attempts);
    const fault = faults[n - 1];
    return fault === undefined ? Promise.resolve("done") : Promise.reject(fault);
  };
  attempt.attempts = 0;
  return attempt;
}
const down = (): Error => Down.with(undefined);

void test("what is unavailable is tried again, up to three times in all", async () => {
  const { clock, outbound } = make();
  const twice = failing(down(), down());
  assert.equal(await clock.until(outbound.run(RESERVE, 10_000, undefined, twice)), "done");
  assert.equal(twice.attempts, 3);
  const always = failing(down(), down(), down(), down());
  await assert.rejects(clock.until(outbound.run(RESERVE, 10_000, undefined, always)), {
    code: "test/down",
  });
  assert.equal(always.attempts, 3);
});

void test("what does not pass by itself is not tried again, nor what is not safe to repeat, nor what can wait", async () => {
  const { clock, outbound } = make();
  for (const [target, fault] of [
    [RESERVE, Wrong.with(undefined)],
    [RESERVE, new TypeError("a bug")],
    [{ ...RESERVE, operation: "once", retry: false }, down()],
    [{ ...RESERVE, operation: "later", criticality: "sheddable" }, down()],
  ] as const) {
    const attempt = failing(fault);
    await assert.rejects(clock.until(outbound.run(target, 10_000, undefined, attempt)), fault);
    assert.equal(attempt.attempts, 1);
  }
});

void test("whoever is overloaded is asked again when it said, not before", async () => {
  const { clock, outbound } = make();
  const attempt = failing(Overloaded.with({ retryAfterMs: 700 }));
  await clock.until(outbound.run(RESERVE, 10_000, undefined, attempt));
  assert.ok(clock.monotonicMs() >= 700);
});

void test("an attempt is not begun when the deadline leaves no time for it", async () => {
  const { clock, outbound } = make({ backoff: { baseMs: 1e6, capMs: 1e6 } });
  const attempt = failing(down());
  await assert.rejects(clock.until(outbound.run(RESERVE, 1_000, undefined, attempt)), {
    code: "test/down",
  });
  assert.equal(attempt.attempts, 1);
  await clock.advance(1_000);
  const late = failing();
  await assert.rejects(outbound.run(RESERVE, 1_000, undefined, late), {
    code: "kernel/deadline-exceeded",
  });
  assert.equal(late.attempts, 0);
});

void test("a caller that gave up is not waited for, and says nothing about the callee", async () => {
  const { clock, outbound } = make({ backoff: { baseMs: 500, capMs: 500 } });
  const controller = new AbortController();
  const attempt = failing(down(), down());
  const call = outbound.run(RESERVE, 10_000, controller.signal, attempt);
  await clock.advance(0);
  controller.abort();
  await assert.rejects(clock.until(call), { code: "test/down" });
  assert.equal(attempt.attempts, 1);
  assert.equal(clock.pending, 0);
});

void test("when all fails, what arrives at the bottom is a tenth more than what was asked", async () => {
  const { clock, outbound } = make({ breaker: { callsMin: Number.POSITIVE_INFINITY } });
  let arrived = 0;
  const calls: Promise<unknown>[] = [];
  for (let call = 0; call < 10_000; call += 1) {
    const made = outbound.run(RESERVE, 1e9, undefined, () => {
      arrived += 1;
      return Promise.reject(down());
    });
    calls.push(made.catch(() => undefined));
    if (call % 10 === 0) await clock.advance(10);
  }
  await clock.until(Promise.all(calls));
  assert.ok(arrived > 10_900 && arrived <= 11_010, String(arrived));
});

void test("a failure that was retried below is not retried again above: five layers do not multiply", async () => {
  const { clock, metrics } = make();
  let arrived = 0;
  const layers = Array.from(
    { length: 5 },
    () =>
      new Outbound({
        clock,
        metrics,
        random: seededRandom(2),
        breaker: { callsMin: Number.POSITIVE_INFINITY },
      }),
  );
  const call = (depth: number): Promise<unknown> => {
    const layer = layers[depth];
    if (layer === undefined) {
      arrived += 1;
      return Promise.reject(down());
    }
    return layer.run(RESERVE, 1e9, undefined, () => call(depth + 1));
  };
  for (let asked = 0; asked < 2_000; asked += 1) await clock.until(call(0).catch(() => undefined));
  assert.ok(arrived <= 2_210, `${arrived} arrived of 2,000`);
});

void test("an open breaker refuses at once, for its operation only, and metrics tell", async () => {
  const { clock, outbound, metrics } = make({
    breaker: { graceMs: 0 },
    retryBudget: { ratio: 0, freePerSecond: 0 },
  });
  for (let call = 0; call < 30; call += 1) {
    await clock.until(outbound.run(RESERVE, 1e6, undefined, () => Promise.reject(down()))).catch(() => undefined);
  }
  const attempt = failing();
  await assert.rejects(outbound.run(RESERVE, 1e6, undefined, attempt), {
    code: "kernel/breaker-open",
  });
  assert.equal(attempt.attempts, 0);
  assert.equal(await outbound.run({ ...RESERVE, operation: "release" }, 1e6, undefined, failing()), "done");
  const text = metrics.toPrometheus();
  assert.match(text, /isomer_outbound_breaker_state\{rpc_service="inventory",rpc_method="reserve"\} 2/);
  assert.match(text, /isomer_outbound_running\{rpc_service="inventory"\} 0/);
  assert.match(text, /isomer_outbound_breaker_refused_total\{rpc_service="inventory",rpc_method="reserve"\} [1-9]/);
});

void test("faults that the caller caused do not open the breaker", async () => {
  const { clock, outbound } = make({ breaker: { graceMs: 0 } });
  for (let call = 0; call < 100; call += 1) {
    const fault = call % 2 === 0 ? Wrong.with(undefined) : Overloaded.with({ retryAfterMs: 1e9 });
    await assert.rejects(clock.until(outbound.run(RESERVE, 1e6, undefined, () => Promise.reject(fault))));
  }
  assert.equal(outbound.target(RESERVE).breaker.state.name, "closed");
});

void test("a slow callee holds only its own places", async () => {
  const { clock, outbound } = make({ bulkhead: { runningMax: 2, waitingMax: 1 } });
  const hang = (): Promise<string> => new Promise(() => {});
  const slow: Target = { ...RESERVE, service: "payments" };
  for (let call = 0; call < 2; call += 1) void outbound.run(slow, 1e6, undefined, hang);
  const waiting = assert.rejects(outbound.run(slow, 500, undefined, hang), {
    code: "kernel/deadline-exceeded",
  });
  await assert.rejects(outbound.run(slow, 1e6, undefined, hang), { code: "kernel/overloaded" });
  assert.equal(await outbound.run(RESERVE, 1e6, undefined, failing()), "done");
  await clock.advance(500);
  await waiting;
});
