/** The supervisor's pure decisions: when to start again, what to do next, how a process fares. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { RateMeter } from "./rates.ts";
import { RESTART_LIMITS, restartAfter } from "./restart-policy.ts";
import { type PlannedInstance, nextStep } from "./roll-plan.ts";

describe("a process that ends", () => {
  test("is started at once, then after waits that double up to a cap; from the fifth time on it is a crash loop", () => {
    const seen: [number, boolean][] = [];
    for (let failures = 0; failures < 12; failures += 1) {
      const { waitMs, isLoop } = restartAfter(failures, 0);
      seen.push([waitMs, isLoop]);
    }
    const waits = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000];
    assert.deepEqual(
      seen,
      waits.map((waitMs, n) => [waitMs, n >= 4]),
    );
  });

  test("after having served for long is no crash loop, however often it failed before", () => {
    assert.deepEqual(restartAfter(9, RESTART_LIMITS.steadyMs), { failures: 1, waitMs: 0, isLoop: false });
    assert.equal(restartAfter(9, RESTART_LIMITS.steadyMs - 1).failures, 10);
  });
});

describe("the steps of a roll", () => {
  test("replace one process at a time, and stop nothing before its successor is ready", () => {
    assert.deepEqual(walk({ old: 2, current: 0, replicas: 2 }).steps, [
      "start",
      "await",
      "retire",
      "start",
      "await",
      "retire",
    ]);
    assert.deepEqual(walk({ old: 0, current: 1, replicas: 3 }).steps, ["start", "await", "start", "await"]);
    assert.deepEqual(walk({ old: 0, current: 3, replicas: 1 }).steps, ["retire", "retire"]);
    assert.deepEqual(walk({ old: 1, current: 1, replicas: 0 }).steps, ["retire", "retire"]);
  });

  test("take away first what does not answer", () => {
    const instances = [of("a", false, true), of("b", false, false), of("c", true, true)];
    assert.deepEqual(nextStep(instances, 2), { do: "retire", name: "b" });
    assert.deepEqual(nextStep([of("a", true, false), of("b", true, true)], 1), { do: "retire", name: "a" });
  });

  test("end, with as many as are wanted, all of them current, and never fewer ready ones than before or wanted", () => {
    const some = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(some, some, some, (old, current, replicas) => {
        const { left, fewest, most } = walk({ old, current, replicas });
        assert.deepEqual(
          left,
          Array.from({ length: replicas }, () => true),
        );
        assert.ok(fewest >= Math.min(old + current, replicas));
        assert.ok(most <= Math.max(old + current, replicas + 1));
      }),
    );
  });
});

function of(name: string, isCurrent: boolean, isReady: boolean): PlannedInstance {
  return { name, isCurrent, isReady };
}

/** Carries all steps out. */
function walk({ old, current, replicas }: { old: number; current: number; replicas: number }) {
  let instances = Array.from({ length: old + current }, (_, n) => of(String(n), n >= old, true));
  const steps: string[] = [];
  let [fewest, most] = [instances.length, instances.length];
  for (let n = instances.length; n < 100; n += 1) {
    const step = nextStep(instances, replicas);
    if (step.do === "nothing") break;
    steps.push(step.do);
    if (step.do === "start") instances = [...instances, of(String(n), true, false)];
    else if (step.do === "retire") instances = instances.filter(({ name }) => name !== step.name);
    else instances = instances.map((each) => (each.name === step.name ? { ...each, isReady: true } : each));
    fewest = Math.min(fewest, instances.filter(({ isReady }) => isReady).length);
    most = Math.max(most, instances.length);
  }
  return { steps, fewest, most, left: instances.map(({ isCurrent, isReady }) => isCurrent && isReady) };
}

describe("how a process fares", () => {
  const stats = { type: "stats", faults: 0, rssBytes: 1 } as const;

  test("is counted between two messages; the first one has none before it", () => {
    const meter = new RateMeter();
    meter.take({ ...stats, calls: 1_000, cpuMs: 500 }, 0);
    assert.deepEqual(meter.rates, { callsPerSecond: 0, faultsPerSecond: 0, rssBytes: 1 });
    meter.take({ ...stats, calls: 1_300, faults: 3, cpuMs: 1_250, p50Ms: 2, p99Ms: 8 }, 1_500);
    assert.deepEqual(meter.rates, {
      callsPerSecond: 200,
      faultsPerSecond: 2,
      p50Ms: 2,
      p99Ms: 8,
      cpu: 0.5,
      rssBytes: 1,
    });
  });

  test("is never less than nothing, and never endless", () => {
    const meter = new RateMeter();
    meter.take({ ...stats, calls: 10, cpuMs: 5 }, 0);
    meter.take({ ...stats, calls: 4, cpuMs: 505 }, 1_000);
    assert.equal(meter.rates?.callsPerSecond, 0);
    assert.equal(meter.rates?.cpu, 0.5);
  });

  test("is not taken from messages that waited together, as while their reader stood still", () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 1; second += 1)
      meter.take({ ...stats, calls: 100 * second, cpuMs: second }, 1_000 * second);
    for (let second = 2; second <= 9; second += 1)
      meter.take({ ...stats, calls: 100 * second, cpuMs: second }, 9_000 + second);
    assert.ok((meter.rates?.callsPerSecond ?? 0) <= 100, String(meter.rates?.callsPerSecond));
    meter.take({ ...stats, calls: 1_000, cpuMs: 10 }, 10_002);
    assert.ok((meter.rates?.callsPerSecond ?? 0) < 1_000, String(meter.rates?.callsPerSecond));
  });
});
