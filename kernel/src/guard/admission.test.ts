import { test } from "node:test";
import assert from "node:assert/strict";
import type { Criticality } from "../contract/mod.ts";
import { Metrics } from "../observe/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { Admission } from "./admission.ts";
import { Overloaded } from "./deadline.ts";

const BY_RANK: readonly Criticality[] = ["sheddable", "normal", "high", "critical"];

function make(limit = 100): {
  admission: Admission;
  late: { ms: number };
  clock: ManualClock;
  metrics: Metrics;
} {
  const clock = new ManualClock();
  const late = { ms: 0 };
  const metrics = new Metrics();
  const admission = new Admission({
    clock,
    metrics,
    random: seededRandom(1),
    eventLoop: { delayMs: () => late.ms },
    limit: { initial: limit, min: limit, max: limit },
  });
  return { admission, late, clock, metrics };
}

function admits(admission: Admission, criticality: Criticality): boolean {
  try {
    admission.enter(criticality, 1e9);
    return true;
  } catch (error) {
    assert.ok(Overloaded.is(error));
    return false;
  }
}

void test("as the host fills, the least important are refused first, and the critical last", () => {
  const { admission, metrics } = make(100);
  const lastAdmitted: Partial<Record<Criticality, number>> = {};
  for (const criticality of BY_RANK) {
    while (admits(admission, criticality)) lastAdmitted[criticality] = admission.running;
  }
  assert.deepEqual(lastAdmitted, { sheddable: 50, normal: 75, high: 90, critical: 100 });
  assert.match(metrics.toPrometheus(), /isomer_admission_refused_total\{criticality="critical"\} [1-9]/);
});

void test("as the event loop gets late, the share of refused calls grows, by importance", () => {
  const { admission, late } = make(10_000);
  const admitted = (delayMs: number): readonly number[] => {
    late.ms = delayMs;
    return BY_RANK.map((criticality) => {
      let count = 0;
      for (let call = 0; call < 500; call += 1) if (admits(admission, criticality)) count += 1;
      return count;
    });
  };
  assert.deepEqual(admitted(40), [500, 500, 500, 500]);
  const [sheddable = 0, normal = 0, high, critical] = admitted(75);
  assert.ok(sheddable > 150 && sheddable < 350, String(sheddable));
  assert.deepEqual([normal, high, critical], [500, 500, 500]);
  assert.deepEqual(
    admitted(250).map((count) => count > 0),
    [false, false, true, true],
  );
  assert.deepEqual(admitted(900), [0, 0, 0, 0]);
});

void test("a late event loop does not turn away the few calls of a host that is hardly used", () => {
  const { admission, late } = make();
  late.ms = 10_000;
  let count = 0;
  while (count < 100 && admits(admission, "sheddable")) count += 1;
  assert.ok(count > 0 && count < 20, String(count));
});

void test("a refusal says when to return, spread so that not all return at once", () => {
  const { admission, late } = make();
  late.ms = 10_000;
  const waits = new Set<number>();
  for (let call = 0; call < 100; call += 1) {
    try {
      admission.enter("critical", 1e9);
    } catch (error) {
      assert.ok(Overloaded.is(error));
      assert.ok(error.data.retryAfterMs >= 500 && error.data.retryAfterMs <= 1_500);
      waits.add(error.data.retryAfterMs);
    }
  }
  assert.ok(waits.size > 50);
  assert.ok(Error.stackTraceLimit > 0);
});

void test("work whose deadline has passed is not begun", async () => {
  const { admission, clock } = make();
  await clock.advance(100);
  assert.throws(() => admission.enter("critical", 100), { code: "kernel/deadline-exceeded" });
  assert.equal(admission.running, 0);
});

void test("a place is given back once, however often it is returned", () => {
  const { admission } = make();
  const first = admission.enter("normal", 1e9);
  admission.enter("normal", 1e9);
  first();
  first();
  assert.equal(admission.running, 1);
});
