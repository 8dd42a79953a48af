import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fact, fold } from "./domain.ts";
import { VAIN_LOOKS_MAX, nextLook } from "./look.ts";

const asked: Fact = { kind: "authorize", phase: "request", ref: "p1", amount: 500, detail: "" };
const state = fold([asked]);

test("a payment that was called off is looked for ever more rarely, from the pause that the settings say", () => {
  const pauses = (calledOffLookMs?: number): (number | null)[] =>
    [0, 1, 2].map((looks) => nextLook({ state, givenUp: true, looks, now: 0, calledOffLookMs }));
  assert.deepEqual(pauses(), [5_000, 10_000, 20_000]);
  assert.deepEqual(pauses(250), [250, 500, 1_000]);
  // What a customer waits for is not concerned.
  assert.equal(nextLook({ state, givenUp: false, looks: 0, now: 0, calledOffLookMs: 250 }), 1_000);
  assert.equal(nextLook({ state, givenUp: true, looks: VAIN_LOOKS_MAX - 1, now: 0 }), 640_000);
});
