import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { backoffMs } from "./backoff.ts";
import { RetryBudget } from "./retry-budget.ts";

void test("a wait lies between nothing and a ceiling that doubles up to the cap", () => {
  const options = { baseMs: 50, capMs: 1_000 };
  const draw = (value: number) => ({ next: () => value, bytes: () => new Uint8Array(0) });
  assert.deepEqual(
    [1, 2, 3, 5, 6, 1_000].map((n) => backoffMs(n, draw(0.5), options)),
    [25, 50, 100, 400, 500, 500],
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.nat(), (n, seed) => {
      const wait = backoffMs(n, seededRandom(seed), options);
      return wait >= 0 && wait < 1_000;
    }),
  );
});

void test("those who failed together do not return together", () => {
  const random = seededRandom(1);
  const perTenth = new Uint32Array(10);
  for (let caller = 0; caller < 10_000; caller += 1) {
    const tenth = Math.floor(backoffMs(6, random, { baseMs: 50, capMs: 1_000 }) / 100);
    perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
  }
  assert.ok(Math.max(...perTenth) < 1_200, String(perTenth));
});

void test("retries never exceed a tenth of the calls and the few free ones, in whatever order they come", () => {
  const steps = fc.array(fc.record({ calls: fc.nat(50), wanted: fc.nat(50), passMs: fc.nat(1_000) }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (moves) => {
      const budget = new RetryBudget();
      let calls = 0;
      let retries = 0;
      let nowMs = 0;
      for (const { calls: more, wanted, passMs } of moves) {
        nowMs += passMs;
        calls += more;
        for (let call = 0; call < more; call += 1) budget.earn();
        for (let want = 0; want < wanted; want += 1) if (budget.spend(nowMs)) retries += 1;
        assert.ok(retries <= 5 + calls * 0.1 + nowMs * 0.0002 + 1e-6);
      }
    }),
  );
});

void test("what was saved is bounded, and a rare caller may still retry", () => {
  const budget = new RetryBudget();
  for (let call = 0; call < 100_000; call += 1) budget.earn();
  let retries = 0;
  while (budget.spend(0)) retries += 1;
  assert.equal(retries, 50);
  assert.ok(budget.spend(10_000));
});
