/** What hosts share, kept in memory; and limits that lose what they share. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { MemoryAnswers, MemoryRates, MemoryRevocations, type SharedRates, SharedRateLimiter } from "./mod.ts";
import { answersConformance } from "./testing/answers-conformance.ts";
import { ratesConformance } from "./testing/rates-conformance.ts";
import { revocationsConformance } from "./testing/revocations-conformance.ts";

const done = () => Promise.resolve();

answersConformance("in memory", async () => {
  const clock = new ManualClock();
  const answers = new MemoryAnswers(clock);
  return { here: answers, there: answers, pass: (ms) => clock.advance(ms), close: done };
});

ratesConformance("in memory", async () => {
  const clock = new ManualClock();
  return {
    make(options) {
      const rates = new MemoryRates(options, clock);
      return { here: rates, there: rates };
    },
    pass: (ms) => clock.advance(ms),
    close: done,
  };
});

revocationsConformance("in memory", async () => {
  const clock = new ManualClock();
  const revocations = new MemoryRevocations(clock);
  const now = () => clock.now();
  return { here: revocations, there: revocations, now, pass: (ms) => clock.advance(ms), heard: done, close: done };
});

void test("revocations are bounded: those that expire first are forgotten first", () => {
  const revocations = new MemoryRevocations(new ManualClock(), 10);
  const now = new ManualClock().now();
  revocations.add(Array.from({ length: 1_500 }, (_, at) => ({ id: `token/${at}`, untilMs: now + 1_000 + at })));
  assert.equal(revocations.size, 10);
  assert.equal(revocations.isRevoked("token/1499"), true);
  assert.equal(revocations.isRevoked("token/0"), false);
});

void describe("a limit that is shared", () => {
  const options = { limit: 3, windowMs: 3_000 };

  void test("counts what it let through here, for when the shared count is lost", async () => {
    let isLost = false;
    const memory = new MemoryRates(options, new ManualClock());
    const shared: SharedRates = { take: async (key, cost) => (isLost ? undefined : memory.take(key, cost)) };
    const limiter = new SharedRateLimiter(shared, options);
    assert.equal((await limiter.take("a", 2, 0)).allowed, true);
    isLost = true;
    assert.deepEqual(await limiter.take("a", 1, 0), {
      allowed: true,
      limit: 3,
      remaining: 0,
      resetMs: 3_000,
      retryAfterMs: 0,
    });
    assert.equal((await limiter.take("a", 1, 0)).allowed, false);
  });

  void test("gives nothing away when the shared count starts anew", async () => {
    let memory = new MemoryRates(options, new ManualClock());
    const limiter = new SharedRateLimiter({ take: (key, cost) => memory.take(key, cost) }, options);
    await limiter.take("a", 3, 0);
    memory = new MemoryRates(options, new ManualClock());
    assert.equal((await limiter.take("a", 1, 0)).allowed, false);
  });

  void test("does not charge here for what others used up", async () => {
    let isLost = false;
    const memory = new MemoryRates(options, new ManualClock());
    await memory.take("a", 3);
    const shared: SharedRates = { take: async (key, cost) => (isLost ? undefined : memory.take(key, cost)) };
    const limiter = new SharedRateLimiter(shared, options);
    assert.equal((await limiter.take("a", 1, 0)).allowed, false);
    isLost = true;
    assert.equal((await limiter.take("a", 3, 0)).allowed, true);
  });
});
