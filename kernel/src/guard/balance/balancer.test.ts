import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Overloaded } from "../deadline.ts";
import { defineFault } from "../../std/mod.ts";
import { FAILED, Load } from "../testing/load.ts";
import { outcomeOf } from "./outcome.ts";
import { Outlier } from "./outlier.ts";
import { PeakEwma } from "./peak-ewma.ts";

const failing = (): { tookMs: number; outcome: typeof FAILED } => ({ tookMs: 1, outcome: FAILED });

/** `count` instances named a, b, c…, which take 10 ms. */
function make(count: number, options: ConstructorParameters<typeof Load>[0] = {}): Load {
  const load = new Load(options);
  for (let n = 0; n < count; n += 1) load.add({ id: String.fromCharCode(97 + n) });
  return load;
}

function share(got: ReadonlyMap<string, number>, ...ids: readonly string[]): number {
  let all = 0;
  for (const count of got.values()) all += count;
  return ids.reduce((sum, id) => sum + (got.get(id) ?? 0), 0) / all;
}

void test("equal instances get equal shares, whatever their number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 50, max: 2_000 }), (count, perSecond) => {
      const got = make(count).run({ perSecond, seconds: 4_000 / perSecond });
      assert.equal(got.size, count);
      for (const calls of got.values()) {
        assert.ok(Math.abs(calls - 4_000 / count) < 2_000 / count, `${calls} of ${4_000 / count}`);
      }
    }),
    { numRuns: 30 },
  );
});

void test("an instance of twice the weight gets about twice the calls", () => {
  const load = make(3);
  load.add({ id: "heavy", weight: 2 }, () => ({ tookMs: 10 }));
  const part = share(load.run({ perSecond: 1_000, seconds: 20 }), "heavy");
  assert.ok(part > 0.32 && part < 0.48, String(part));
});

void test("a slow instance gets few calls, and its share again when it is fast", () => {
  const load = make(4);
  load.behaviours.set("a", () => ({ tookMs: 400 }));
  load.run({ perSecond: 400, seconds: 2 });
  const slow = share(load.run({ perSecond: 400, seconds: 20 }), "a");
  assert.ok(slow < 0.03, String(slow));
  load.behaviours.set("a", () => ({ tookMs: 10 }));
  load.run({ perSecond: 400, seconds: 60 });
  const again = share(load.run({ perSecond: 400, seconds: 20 }), "a");
  assert.ok(again > 0.18, String(again));
});

void test("an instance that fails fast does not attract calls, though it answers before all others", () => {
  const load = make(4, { outlier: { failuresInRow: Infinity, successRatio: 0 } });
  load.behaviours.set("a", failing);
  const part = share(load.run({ perSecond: 400, seconds: 60 }), "a");
  assert.ok(part < 0.01, String(part));
});

void test("an instance that refuses for load is left alone for as long as it asks", () => {
  const load = make(2);
  const refused = Overloaded.with({ retryAfterMs: 20_000 });
  load.behaviours.set("a", () => ({ tookMs: 1, outcome: outcomeOf(refused, false, 1) }));
  load.run({ perSecond: 100, seconds: 1 });
  load.behaviours.set("a", () => ({ tookMs: 10 }));
  const cost = (inMs: number): number => load.balancer.endpoints.get("a")?.costMs(load.nowMs + inMs) ?? 0;
  assert.ok(cost(18_900) > 5_000 && cost(20_100) < 1_000, `${cost(18_900)}, ${cost(20_100)}`);
  assert.equal(share(load.run({ perSecond: 100, seconds: 15 }), "a"), 0);
  load.run({ perSecond: 100, seconds: 90 });
  assert.ok(share(load.run({ perSecond: 100, seconds: 20 }), "a") > 0.3);
});

void test("an instance that refuses for load counts as slow, though it answers at once and does not say for how long", () => {
  const load = make(4);
  load.behaviours.set("a", () => ({ tookMs: 1, outcome: { kind: "refused", retryAfterMs: 0 } }));
  const part = share(load.run({ perSecond: 400, seconds: 60 }), "a");
  assert.ok(part < 0.01, String(part));
});

void test("an odd failure among many successes moves no load", () => {
  const load = make(2);
  let calls = 0;
  load.behaviours.set("a", () => {
    calls += 1;
    return calls % 200 === 0 ? { tookMs: 10, outcome: FAILED } : { tookMs: 10 };
  });
  const part = share(load.run({ perSecond: 2_000, seconds: 30 }), "a");
  assert.ok(part > 0.35, String(part));
  assert.deepEqual(load.ejected, []);
});

void test("what a service answers to one user says nothing about its load", () => {
  const define = (code: `${string}/${string}`, kind: "exhausted" | "invalid" | "unavailable") =>
    outcomeOf(defineFault({ code, kind, message: () => "" }).with(undefined), false, 100).kind;
  assert.equal(define("auth/too-many-attempts", "exhausted"), "answered");
  assert.equal(define("kernel/overloaded", "exhausted"), "refused");
  assert.equal(define("store/busy", "exhausted"), "refused");
  assert.equal(define("orders/wrong", "invalid"), "answered");
  assert.equal(define("orders/down", "unavailable"), "failed");
  assert.equal(outcomeOf(new Error("bug"), false, 1).kind, "failed");
  assert.equal(outcomeOf(new Error("given up"), true, 1).kind, "unknown");
});

void test("five failures in a row, or too few successes, and an instance is left out for thirty seconds", () => {
  const load = make(4);
  // Enough are under way when it begins to fail.
  load.behaviours.set("a", () => ({ tookMs: 30, outcome: FAILED }));
  load.run({ perSecond: 1_000, seconds: 10 });
  assert.deepEqual(load.ejected, ["a"]);
  assert.equal(share(load.run({ perSecond: 1_000, seconds: 19 }), "a"), 0);
  const ratio = new Outlier();
  const recorded = Array.from({ length: 30 }, (_, call) => ratio.record(call % 4 === 3, call * 10));
  assert.equal(
    recorded.indexOf(true),
    11,
    "Three of twelve failed: the first time that it is ten calls, and too many.",
  );
  const well = new Outlier();
  const fewer = Array.from({ length: 100 }, (_, call) => well.record(call % 6 === 5, call * 10));
  assert.ok(!fewer.includes(true));
});

void test("after its time an instance gets one real call: if it fails, it waits twice as long", () => {
  const load = make(3);
  load.behaviours.set("a", failing);
  load.run({ perSecond: 300, seconds: 10, onCall: () => undefined });
  while (load.ejected.length === 0) load.run({ perSecond: 300, seconds: 5 });
  const at: number[] = [];
  load.behaviours.set("a", (nowMs) => {
    at.push(nowMs);
    return { tookMs: 50, outcome: FAILED };
  });
  const ejectedAt = load.nowMs;
  load.run({ perSecond: 300, seconds: 200 });
  assert.equal(at.length, 3, "Each probation is a single call.");
  const [first = 0, second = 0, third = 0] = at;
  assert.ok(first - ejectedAt <= 30_100);
  assert.ok(Math.abs(second - first - 60_000) < 200, String(second - first));
  assert.ok(Math.abs(third - second - 90_000) < 200, String(third - second));
  load.behaviours.set("a", () => ({ tookMs: 10 }));
  load.run({ perSecond: 300, seconds: 150 });
  assert.deepEqual(load.recovered, ["a"]);
  assert.ok(share(load.run({ perSecond: 300, seconds: 20 }), "a") > 0.25);
});

void test("an instance whose probation went well begins with a small share that grows", () => {
  const load = make(3, { outlier: { ejectionMs: 5_000 } });
  load.behaviours.set("a", failing);
  while (load.ejected.length === 0) load.run({ perSecond: 300, seconds: 1 });
  load.behaviours.set("a", () => ({ tookMs: 10 }));
  while (load.recovered.length === 0) load.run({ perSecond: 300, seconds: 0.1 });
  const first = share(load.run({ perSecond: 1_000, seconds: 1 }), "a");
  assert.ok(first < 0.1, String(first));
  load.run({ perSecond: 1_000, seconds: 12 });
  const later = share(load.run({ perSecond: 1_000, seconds: 10 }), "a");
  assert.ok(later > 0.25, String(later));
});

void test("a precious call is not the one that tries an instance out", () => {
  const load = make(2);
  load.behaviours.set("a", failing);
  while (load.ejected.length === 0) load.run({ perSecond: 300, seconds: 5 });
  load.advance(31_000);
  const { balancer, nowMs } = load;
  assert.equal(balancer.pick({ operation: "pay", isPrecious: true }, nowMs)?.id, "b");
  assert.equal(balancer.pick({ operation: "look" }, nowMs)?.id, "a");
  assert.equal(balancer.pick({ operation: "look" }, nowMs)?.id, "b");
});

void test("never more than half are left out, whatever fails, comes and goes", () => {
  const Step = fc.oneof(
    fc.record({ do: fc.constant("run" as const), seconds: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant("break" as const), n: fc.nat(9) }),
    fc.record({ do: fc.constant("mend" as const), n: fc.nat(9) }),
    fc.record({ do: fc.constant("add" as const), n: fc.nat(9) }),
    fc.record({ do: fc.constant("remove" as const), n: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(Step, { maxLength: 25 }), (steps) => {
      const load = make(3);
      const name = (n: number): string => String.fromCharCode(97 + n);
      const known = new Set(["a", "b", "c"]);
      for (const step of steps) {
        if (step.do === "add") load.add({ id: name(step.n) });
        else if (step.do === "remove") load.remove(name(step.n));
        else if (step.do === "break") load.behaviours.set(name(step.n), failing);
        else if (step.do === "mend") load.behaviours.set(name(step.n), () => ({ tookMs: 10 }));
        else load.run({ perSecond: 50, seconds: step.seconds });
        if (step.do === "add") known.add(name(step.n));
        if (step.do === "remove") known.delete(name(step.n));
        const chosen = load.call();
        assert.equal(
          chosen !== undefined || known.size === 0 || load.balancer.retryAfterMs("do", load.nowMs) > 0,
          true,
        );
        const { ejected, probation } = load.balancer.states(load.nowMs);
        assert.ok(ejected + probation <= Math.floor(known.size / 2), `${ejected} + ${probation} of ${known.size}`);
      }
    }),
    { numRuns: 60 },
  );
});

void test("when one after another fails, half are left out and no more", () => {
  const load = make(4);
  for (const id of ["a", "b", "c", "d"]) {
    load.behaviours.set(id, () => ({ tookMs: 30, outcome: FAILED }));
    load.run({ perSecond: 1_000, seconds: 12 });
    const { ejected, probation } = load.balancer.states(load.nowMs);
    assert.equal(ejected + probation, id === "a" ? 1 : 2, `after ${id}`);
  }
});

void test("one slow call makes an instance dear at once, and time alone makes it cheap again", () => {
  const latency = new PeakEwma(10_000, 10, 0);
  latency.observe(500, 100);
  assert.equal(latency.costMs(100), 500);
  latency.observe(10, 1_100);
  assert.ok(latency.costMs(1_100) > 450);
  assert.ok(latency.costMs(31_100) < 25);
  latency.observeAtLeast(5, 31_100);
  assert.equal(latency.measuredMs, latency.costMs(1_100));
});

void test("when all fail alike nobody is left out for long: it is not their own fault", () => {
  const load = make(6);
  for (const id of "abcdef") load.behaviours.set(id, failing);
  load.run({ perSecond: 200, seconds: 5 });
  assert.ok(load.ejected.length <= 3, load.ejected.join());
});

void test("a new instance begins with a small share that grows; those of a fleet that starts do not", () => {
  const load = make(3);
  load.run({ perSecond: 1_000, seconds: 2 });
  load.add({ id: "new", isNew: true });
  const parts = Array.from({ length: 12 }, () => share(load.run({ perSecond: 1_000, seconds: 1 }), "new"));
  assert.ok((parts[0] ?? 1) < 0.08, String(parts[0]));
  assert.ok((parts[4] ?? 1) < 0.2, String(parts[4]));
  assert.ok((parts[11] ?? 0) > 0.18, String(parts[11]));
});

void test("calls stay in their zone while it is well, leave it when it is not, and come back", () => {
  const load = new Load({ zone: "here" });
  for (const id of ["a", "b"]) load.add({ id, zone: "here" });
  for (const id of ["c", "d"]) load.add({ id, zone: "there" });
  const run = (seconds: number): number => share(load.run({ perSecond: 400, seconds }), "a", "b");
  assert.equal(run(10), 1);
  load.balancer.setReach("a", "broken", load.nowMs);
  const half = run(20);
  assert.ok(half > 0.6 && half < 0.8, `With half of the zone gone ${half} stay.`);
  load.balancer.setReach("b", "broken", load.nowMs);
  assert.equal(run(10), 0);
  for (const id of ["a", "b"]) load.balancer.setReach(id, "ready", load.nowMs);
  run(30);
  assert.equal(run(10), 1);
});

void test("calls leave a zone that is overloaded, as far as it is", () => {
  const load = new Load({ zone: "here" });
  // What queues: the more are under way, the longer each takes.
  const queueing = (_: number, inFlight: number): { tookMs: number } => ({ tookMs: 10 * inFlight });
  load.add({ id: "a", zone: "here" }, queueing);
  for (const id of ["c", "d", "e"]) load.add({ id, zone: "there" }, queueing);
  const part = share(load.run({ perSecond: 250, seconds: 30 }), "a");
  assert.ok(part > 0.1 && part < 0.9, String(part));
  load.run({ perSecond: 20, seconds: 60 });
  assert.ok(share(load.run({ perSecond: 20, seconds: 20 }), "a") > 0.95);
});

void test("a draining instance gets nothing, and so does one that cannot be reached", () => {
  const load = make(3);
  load.add({ id: "a", isDraining: true });
  load.balancer.setReach("b", "broken", load.nowMs);
  assert.equal(share(load.run({ perSecond: 100, seconds: 5 }), "c"), 1);
  load.add({ id: "c", isDraining: true });
  assert.equal(load.balancer.pick({ operation: "do" }, load.nowMs)?.id, "b", "Better one that may be back than none.");
});

void test("when an instance comes or goes, only its own keys move", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 1_000 }), (count, salt) => {
      const load = new Load();
      for (let n = 0; n < count; n += 1) load.add({ id: `${salt}-${n}` });
      const owners = (): (string | undefined)[] =>
        Array.from({ length: 300 }, (_, key) => {
          const id = load.call(`key ${key}`)?.id;
          load.advance(20);
          return id;
        });
      const before = owners();
      load.add({ id: `${salt}-new` });
      const during = owners();
      const moved = during.filter((id, key) => id !== before[key]);
      assert.ok(moved.every((id) => id === `${salt}-new`));
      assert.ok(moved.length <= (300 / (count + 1)) * 2 + 20, `${moved.length} moved`);
      load.remove(`${salt}-new`);
      assert.deepEqual(owners(), before);
    }),
    { numRuns: 30 },
  );
});

void test("a hot key does not bury its instance: nobody has much more than the mean", () => {
  const load = make(4);
  for (const id of "abcd") load.behaviours.set(id, () => ({ tookMs: 100 }));
  let most = 0;
  const onCall = (): void => {
    const running = [...load.balancer.endpoints.values()].map(({ inFlight }) => inFlight);
    most = Math.max(most, Math.max(...running) - 1.25 * (running.reduce((a, b) => a + b, 1) / 4));
  };
  const got = load.run({ perSecond: 1_000, seconds: 5, affinityOf: () => "hot", onCall });
  assert.ok(most <= 1, String(most));
  assert.equal(got.size, 4);
});
