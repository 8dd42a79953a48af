import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { RateLimiter } from "./rate-limit.ts";

void test("what is allowed, what is left and when to return", () => {
  const limiter = new RateLimiter({ limit: 3, windowMs: 3_000 });
  assert.deepEqual(limiter.take("a", 1, 0), {
    allowed: true,
    limit: 3,
    remaining: 2,
    resetMs: 1_000,
    retryAfterMs: 0,
  });
  limiter.take("a", 2, 0);
  assert.deepEqual(limiter.take("a", 1, 200), {
    allowed: false,
    limit: 3,
    remaining: 0,
    resetMs: 2_800,
    retryAfterMs: 800,
  });
  assert.equal(limiter.take("a", 1, 999).allowed, false);
  assert.equal(limiter.take("a", 1, 1_000).allowed, true);
  assert.equal(limiter.take("b", 3, 1_000).allowed, true);
});

/** Sums of a seventh of a second, which come out above a whole millisecond by rounding. */
const ROUNDED = [
  { cost: 1, passMs: 66 },
  { cost: 4, passMs: 387 },
  { cost: 2, passMs: 39 },
  { cost: 4, passMs: 390 },
  { cost: 1, passMs: 143 },
];

void test("the answer is true: waiting as long as it says is enough, and a millisecond less is not", () => {
  const takes = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 5 }), passMs: fc.nat(700) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(takes, fc.integer({ min: 1, max: 5 }), (moves, cost) => {
      const replay = (): RateLimiter => {
        const limiter = new RateLimiter({ limit: 7, windowMs: 1_000, burst: 5 });
        nowMs = 0;
        for (const move of moves) limiter.take("k", move.cost, (nowMs += move.passMs));
        return limiter;
      };
      let nowMs = 0;
      const { allowed, retryAfterMs } = replay().take("k", cost, nowMs);
      if (allowed) return;
      assert.ok(replay().take("k", cost, nowMs + retryAfterMs).allowed);
      assert.ok(!replay().take("k", cost, nowMs + retryAfterMs - 1).allowed);
    }),
    { examples: [[ROUNDED, 3]] },
  );
});

void test("over any span no more is allowed than the burst and what comes back in it", () => {
  const takes = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 5 }), passMs: fc.nat(300) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(takes, (moves) => {
      const limiter = new RateLimiter({ limit: 10, windowMs: 1_000 });
      const taken: { at: number; cost: number }[] = [];
      let nowMs = 0;
      for (const { cost, passMs } of moves) {
        nowMs += passMs;
        if (limiter.take("k", cost, nowMs).allowed) taken.push({ at: nowMs, cost });
      }
      taken.forEach((from, start) => {
        let sum = 0;
        for (const { at, cost } of taken.slice(start)) {
          sum += cost;
          assert.ok(sum <= 10 + ((at - from.at) * 10) / 1_000 + 1e-6);
        }
      });
    }),
  );
});

void test("a cost that never fits is refused with a wait that is finite", () => {
  const { allowed, retryAfterMs } = new RateLimiter({ limit: 3, windowMs: 3_000 }).take("a", 100, 0);
  assert.equal(allowed, false);
  assert.ok(Number.isFinite(retryAfterMs) && retryAfterMs >= 1);
});

void test("the number of keys is bounded, and the one unused for longest is forgotten", () => {
  const limiter = new RateLimiter({ limit: 1, windowMs: 60_000, keysMax: 100 });
  for (let key = 0; key < 100; key += 1) limiter.take(String(key), 1, 0);
  // Asked again, though refused: it is in use.
  assert.equal(limiter.take("0", 1, 1).allowed, false);
  limiter.take("new", 1, 2);
  assert.equal(limiter.keys, 100);
  assert.equal(limiter.take("0", 1, 3).allowed, false);
  assert.equal(limiter.take("1", 1, 3).allowed, true);
});
