import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFault } from "@isomer/kernel/std";
import { validator } from "@isomer/kernel/schema";
import { TEST_CARDS } from "./cards.ts";
import { Intent } from "./contract.ts";
import {
  type Outcome,
  type StoredIntent,
  answerChallenge,
  cancel,
  capturableOf,
  capture,
  confirm,
  refund,
  refundedOf,
  settle,
  toIntent,
} from "./domain.ts";
import { challengePage } from "./page.ts";

const TIMES = { now: 1_700_000_000_000, shortMs: 10, longMs: 100 };
const fresh: StoredIntent = {
  id: "pi_1",
  amount: 1_000,
  currency: "EUR",
  status: "requires_confirmation",
  authorized: 0,
  released: false,
  captures: [],
  refunds: [],
  metadata: { paymentId: "p1", orderId: "o1" },
  createdAt: TIMES.now,
};
const code = (wanted: string) => (error: unknown) => isFault(error) && error.code === wanted;
const part = (amount?: number, id = "x") => ({ id, amount, reference: undefined });

describe("the test cards", () => {
  const expected: Readonly<Record<string, string>> = {
    tok_success: "requires_capture",
    tok_decline: "requires_payment_method",
    tok_insufficient_funds: "requires_payment_method",
    tok_expired_card: "requires_payment_method",
    tok_3ds: "requires_action",
    tok_processing: "processing",
    tok_processing_decline: "processing",
    tok_late_success: "processing",
    tok_lost_answer: "requires_capture",
    tok_timeout: "requires_capture",
    tok_timeout_decline: "requires_payment_method",
    tok_refund_fails: "requires_capture",
  };
  test("do what they say", () => {
    assert.deepEqual(TEST_CARDS.map(({ token }) => token).toSorted(), Object.keys(expected).toSorted());
    for (const { token } of TEST_CARDS)
      assert.equal(confirm(fresh, token, TIMES).intent.status, expected[token], token);
    assert.throws(() => confirm(fresh, "tok_none", TIMES), code("sandboxpay/no-card"));
  });

  test("settle in their own time", () => {
    const soon = confirm(fresh, "tok_processing", TIMES).intent;
    const late = confirm(fresh, "tok_late_success", TIMES).intent;
    assert.deepEqual([soon.settleAt, late.settleAt], [TIMES.now + 10, TIMES.now + 100]);
    assert.equal(settle(soon).intent.status, "requires_capture");
    const refused = settle(confirm(fresh, "tok_processing_decline", TIMES).intent).intent;
    assert.deepEqual([refused.status, refused.errorCode], ["requires_payment_method", "generic_decline"]);
    assert.throws(() => cancel(soon), code("sandboxpay/wrong-state"), "what is processing cannot be called off");
  });
});

describe("an intent", () => {
  const held = confirm(fresh, "tok_success", TIMES).intent;

  test("is captured up to what was authorised, and refunded up to what was captured", () => {
    const first = capture(held, part(300), TIMES.now).intent;
    assert.deepEqual([first.status, capturableOf(first)], ["requires_capture", 700]);
    assert.throws(() => capture(first, part(701), TIMES.now), code("sandboxpay/amount-too-large"));
    const rest = capture(first, part(), TIMES.now).intent;
    assert.equal(rest.status, "succeeded");
    const back = refund(rest, part(400), TIMES).intent;
    assert.throws(() => refund(back, part(601), TIMES), code("sandboxpay/amount-too-large"));
    assert.equal(refundedOf(refund(back, part(), TIMES).intent), 1_000);
    assert.throws(() => cancel(rest), code("sandboxpay/wrong-state"));
  });

  test("lets go what is left when it is canceled after a partial capture", () => {
    const outcome = cancel(capture(held, part(300), TIMES.now).intent);
    assert.deepEqual(outcome.entries, [{ kind: "release", amount: 700 }]);
    assert.deepEqual([outcome.intent.status, capturableOf(outcome.intent)], ["succeeded", 0]);
    assert.deepEqual(cancel(outcome.intent).events, [], "once");
  });

  test("answers a challenge once", () => {
    const asked = confirm(fresh, "tok_3ds", TIMES).intent;
    const approved = answerChallenge(asked, "approve").intent;
    assert.equal(approved.status, "requires_capture");
    assert.deepEqual(answerChallenge(approved, "approve").events, []);
    assert.throws(() => answerChallenge(approved, "fail"), code("sandboxpay/wrong-state"));
    assert.equal(answerChallenge(asked, "fail").intent.errorCode, "authentication_failed");
    assert.throws(() => answerChallenge(cancel(asked).intent, "approve"), code("sandboxpay/wrong-state"));
  });

  test("keeps books that add up, whatever is asked of it", () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom("capture", "refund", "cancel", "settle", "approve", "fail"), fc.nat(1_200)),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(fc.constantFrom(...TEST_CARDS.map(({ token }) => token)), steps, (token, asked) => {
        const sums: Record<string, number> = {};
        let intent = fresh;
        const take = (outcome: Outcome): void => {
          intent = outcome.intent;
          for (const { kind, amount } of outcome.entries) sums[kind] = (sums[kind] ?? 0) + amount;
          assert.ok(validator(Intent, "intent").check(toIntent(intent, "https://x")));
        };
        take(confirm(intent, token, TIMES));
        for (const [index, [name, amount]] of asked.entries()) {
          try {
            if (name === "capture") take(capture(intent, part(amount || 1, `c${index}`), TIMES.now));
            if (name === "refund") take(refund(intent, part(amount || 1, `r${index}`), TIMES));
            if (name === "cancel") take(cancel(intent));
            if (name === "settle") take(settle(intent));
            if (name === "approve" || name === "fail") take(answerChallenge(intent, name));
          } catch (error) {
            assert.ok(isFault(error), String(error));
          }
        }
        const {
          authorize = 0,
          capture: captured = 0,
          release = 0,
          refund: refunded = 0,
          refund_failed: failed = 0,
        } = sums;
        const view = toIntent(intent, "https://x");
        assert.deepEqual(
          [view.amountAuthorized, view.amountCaptured, view.amountRefunded, view.amountCapturable],
          [authorize, captured, refunded - failed, authorize - captured - release],
        );
        assert.ok(captured + release <= authorize && refunded - failed <= captured);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the 3-D Secure page", () => {
  test("shows the amount and the buttons, and lets nothing in that is not text", () => {
    const asked = confirm({ ...fresh, metadata: { orderId: `<script>"&'` } }, "tok_3ds", TIMES).intent;
    const page = challengePage(asked);
    assert.match(page, /€10\.00/);
    assert.match(page, /action="\/sandbox\/pay\/3ds\/pi_1\/approve"/);
    assert.doesNotMatch(page, /<script/);
    assert.match(page, /&lt;script&gt;&quot;&amp;&#39;/);
  });

  test("leads back only to web addresses", () => {
    const declined = confirm(fresh, "tok_decline", TIMES).intent;
    assert.match(
      challengePage({ ...declined, returnUrl: "https://shop.example/?a=1&b=2" }),
      /href="https:\/\/shop\.example\/\?a=1&amp;b=2"/,
    );
    assert.doesNotMatch(challengePage({ ...declined, returnUrl: "javascript:alert(1)" }), /javascript/);
  });
});
