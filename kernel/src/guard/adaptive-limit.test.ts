import { test } from "node:test";
import assert from "node:assert/strict";
import { AdaptiveLimit } from "./adaptive-limit.ts";

/** Tells the limit of `windows` windows in which calls took `durationMs` and `share` of it was used. */
function feed(limit: AdaptiveLimit, from: number, windows: number, durationMs: number, share = 1): number {
  let nowMs = from;
  for (let window = 0; window < windows; window += 1) {
    nowMs += 100;
    for (let call = 0; call < 10; call += 1) limit.record(durationMs, limit.limit * share, nowMs);
  }
  return nowMs;
}

void test("it grows while calls take as long as usual and it is used, up to its bound", () => {
  const limit = new AdaptiveLimit({ initial: 50, max: 300 });
  feed(limit, 0, 20, 10);
  assert.ok(limit.limit > 60 && limit.limit < 80, String(limit.limit));
  feed(limit, 10_000, 1_000, 10);
  assert.equal(limit.limit, 300);
});

void test("whoever does not use it does not make it grow", () => {
  const limit = new AdaptiveLimit({ initial: 50 });
  feed(limit, 0, 100, 10, 0.4);
  assert.equal(limit.limit, 50);
});

void test("it sinks within seconds when calls take much longer, not below its least, and comes back", () => {
  const limit = new AdaptiveLimit({ initial: 200 });
  let nowMs = feed(limit, 0, 100, 10);
  nowMs = feed(limit, nowMs, 40, 100);
  assert.ok(limit.limit < 30, String(limit.limit));
  nowMs = feed(limit, nowMs, 20, 100);
  assert.ok(limit.limit >= 20);
  feed(limit, nowMs, 200, 10);
  assert.ok(limit.limit > 150, String(limit.limit));
});

void test("when calls take longer for good, that becomes usual: it is not locked in", () => {
  const limit = new AdaptiveLimit({ initial: 200 });
  const nowMs = feed(limit, 0, 100, 10);
  feed(limit, nowMs, 1_500, 30);
  assert.ok(limit.limit > 200, String(limit.limit));
});

void test("a few slow calls among many change little", () => {
  const limit = new AdaptiveLimit({ initial: 200, max: 200 });
  let nowMs = feed(limit, 0, 100, 10);
  for (let window = 0; window < 100; window += 1) {
    nowMs += 100;
    for (let call = 0; call < 200; call += 1) limit.record(call === 0 ? 500 : 10, 150, nowMs);
  }
  assert.ok(limit.limit > 190, String(limit.limit));
});
