import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ACCOUNT_THROTTLE as policy,
  type ThrottleState,
  TooManyAttempts,
  admit,
  recordFailure,
  waitMs,
} from "./throttle.ts";

function fail(times: number, at = 0): ThrottleState | undefined {
  let state: ThrottleState | undefined;
  for (let count = 0; count < times; count += 1) state = recordFailure(state, at, policy);
  return state;
}

void test("the first failures cost nothing, the next ones twice as long each, up to a bound", () => {
  assert.deepEqual(
    [0, 5, 6, 7, 8, 15, 16, 2_000].map((times) => waitMs(fail(times), 0, policy)),
    [0, 0, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000],
  );
});

void test("the pause passes, and the count stays until a day without failures", () => {
  const state = fail(6);
  assert.equal(waitMs(state, 999, policy), 1);
  assert.equal(waitMs(state, 1_000, policy), 0);
  assert.equal(recordFailure(state, 1_000, policy).failures, 7);
  assert.equal(recordFailure(state, 86_400_000, policy).failures, 1);
  assert.equal(waitMs(fail(100), 86_400_000, policy), 0);
});

void test("a clock that went back makes nobody wait longer than one pause", () => {
  assert.equal(waitMs(fail(6, 1_000_000), 0, policy), 1_000);
});

void test("the longest of several counters decides", () => {
  admit([{ state: undefined, policy }], 0);
  admit([], 0);
  assert.throws(
    () =>
      admit(
        [
          { state: fail(6), policy },
          { state: fail(8), policy },
          { state: undefined, policy },
        ],
        0,
      ),
    (error) => TooManyAttempts.is(error) && error.data.retryAfterMs === 4_000,
  );
});

void test("a guesser gets fewer than 120 tries a day at one account", () => {
  let state: ThrottleState | undefined;
  let [now, tries] = [0, 0];
  while (now < 86_400_000) {
    now += waitMs(state, now, policy);
    state = recordFailure(state, now, policy);
    tries += 1;
  }
  assert.ok(tries < 120, `${tries} tries`);
});
