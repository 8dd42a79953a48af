import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Breaker } from "./breaker.ts";

/** A breaker past its grace, after `ok` good and `bad` failed calls. */
function after(ok: number, bad: number): Breaker {
  const breaker = new Breaker({ graceMs: 0, openMs: 1_000, openMaxMs: 10_000 });
  for (let call = 0; call < ok; call += 1) if (breaker.enter(0)) breaker.succeeded(0);
  for (let call = 0; call < bad; call += 1) if (breaker.enter(0)) breaker.failed(0);
  return breaker;
}

void test("it opens when half of enough calls fail, and refuses until its time is over", () => {
  assert.equal(after(10, 9).state.name, "closed");
  const breaker = after(10, 10);
  assert.equal(breaker.state.name, "open");
  assert.equal(breaker.enter(999), false);
  assert.equal(breaker.retryAfterMs(400), 600);
});

void test("few calls say nothing, and neither do old ones", () => {
  assert.equal(after(0, 19).state.name, "closed");
  const breaker = after(0, 19);
  breaker.enter(10_500);
  breaker.failed(10_500);
  assert.equal(breaker.state.name, "closed");
});

void test("a callee that is starting is given time", () => {
  const breaker = new Breaker();
  for (let call = 0; call < 100; call += 1) if (breaker.enter(call)) breaker.failed(call);
  assert.equal(breaker.state.name, "closed");
  breaker.enter(5_000);
  breaker.failed(5_000);
  assert.equal(breaker.state.name, "open");
});

void test("half open it lets few probes in, and closes when they go well", () => {
  const breaker = after(0, 20);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => breaker.enter(1_000)),
    [true, true, true, false],
  );
  breaker.succeeded(1_010);
  const stateOf = ({ state }: Breaker): string => state.name;
  assert.equal(stateOf(breaker), "half-open");
  breaker.succeeded(1_010);
  breaker.succeeded(1_010);
  assert.equal(stateOf(breaker), "closed");
  // What failed before it closed is forgotten.
  breaker.enter(1_020);
  breaker.failed(1_020);
  assert.equal(stateOf(breaker), "closed");
});

void test("a probe that fails opens it again, for twice as long, up to the longest", () => {
  const breaker = after(0, 20);
  let nowMs = 0;
  const lengths: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    lengths.push(breaker.retryAfterMs(nowMs));
    nowMs += breaker.retryAfterMs(nowMs);
    assert.ok(breaker.enter(nowMs));
    breaker.failed(nowMs);
  }
  assert.deepEqual(lengths, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

void test("a probe that tells nothing gives its place back", () => {
  const breaker = after(0, 20);
  for (let probe = 0; probe < 10; probe += 1) {
    assert.ok(breaker.enter(1_000));
    breaker.ignored();
  }
  assert.equal(breaker.state.name, "half-open");
});

void test("a callee that comes and goes is not cut off for good", () => {
  const breaker = new Breaker({ graceMs: 0 });
  let served = 0;
  let refused = 0;
  // Up for two seconds, down for two, a call every 10 ms.
  for (let nowMs = 0; nowMs < 120_000; nowMs += 10) {
    if (!breaker.enter(nowMs)) refused += 1;
    else if (nowMs % 4_000 < 2_000) {
      served += 1;
      breaker.succeeded(nowMs);
    } else breaker.failed(nowMs);
  }
  assert.ok(served > 3_000, `served ${served} of the 6,000 that could be, refused ${refused}`);
});

void test("whatever happens, it lets somebody in again once its longest time is over", () => {
  const step = fc.record({
    passMs: fc.nat(3_000),
    result: fc.constantFrom("succeeded", "failed", "ignored"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const breaker = new Breaker({ graceMs: 0, callsMin: 3 });
      let nowMs = 0;
      for (const { passMs, result } of steps) {
        nowMs += passMs;
        if (breaker.enter(nowMs)) breaker[result as "failed"](nowMs);
      }
      return breaker.enter(nowMs + 5_000);
    }),
  );
});
