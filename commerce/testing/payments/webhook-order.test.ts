/**
 * Every permutation and duplication of a payment's webhooks ends in the same state (acceptance line 6): the provider's
 * own rules make the events, the shop's own rules take them in.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Fact, fold, unseen } from "../../payments/domain.ts";
import { factsOf } from "../../payments/facts-of.ts";
import { auditOf } from "../../payments/journal.ts";
import { readEvent } from "../../payments/sandbox-provider.ts";
import { TEST_CARDS } from "../../sandboxpay/cards.ts";
import {
  type Outcome,
  type StoredIntent,
  answerChallenge,
  cancel,
  capture,
  confirm,
  refund,
  settle,
  toIntent,
} from "../../sandboxpay/domain.ts";

const TIMES = { now: 1_700_000_000_000, shortMs: 1, longMs: 2 };

/** What may be asked of the provider, in any order: what it refuses changes nothing. */
type Request = (intent: StoredIntent, ref: string) => Outcome;
const requests: Readonly<Record<string, Request>> = {
  approve: (intent) => answerChallenge(intent, "approve"),
  fail: (intent) => answerChallenge(intent, "fail"),
  settle: (intent) => settle(intent),
  captureAll: (intent, ref) => capture(intent, { id: `cap_${ref}`, amount: undefined, reference: ref }, TIMES.now),
  capturePart: (intent, ref) => capture(intent, { id: `cap_${ref}`, amount: 300, reference: undefined }, TIMES.now),
  refundPart: (intent, ref) => refund(intent, { id: `re_${ref}`, amount: 100, reference: ref }, TIMES),
  refundAll: (intent, ref) => refund(intent, { id: `re_${ref}`, amount: undefined, reference: undefined }, TIMES),
  cancel: (intent) => cancel(intent),
};

/** The life of an intent: its webhooks, and the intent at the end. */
function live(token: string, names: readonly string[]): { webhooks: string[]; last: StoredIntent } {
  let intent: StoredIntent = {
    id: "pi_1",
    amount: 1_000,
    currency: "EUR",
    status: "requires_confirmation",
    authorized: 0,
    released: false,
    captures: [],
    refunds: [],
    metadata: { paymentId: "p1" },
    createdAt: TIMES.now,
  };
  const webhooks: string[] = [];
  const take = (outcome: Outcome): void => {
    intent = outcome.intent;
    const object = toIntent(intent, "https://shop.example");
    for (const type of outcome.events) {
      const id = `evt_${webhooks.length + 1}`;
      webhooks.push(JSON.stringify({ id, object: "event", type, created: 1_700_000_000, data: { object } }));
    }
  };
  take(confirm(intent, token, TIMES));
  for (const [index, name] of names.entries()) {
    try {
      const request = requests[name];
      if (request !== undefined) take(request(intent, `r${index}`));
    } catch {
      // Refused: nothing happened.
    }
  }
  return { webhooks, last: intent };
}

const read = new Map<string, readonly Fact[]>();

/** The facts of a webhook: read once, because the permutations are many. */
function factsIn(payload: string): readonly Fact[] {
  let facts = read.get(payload);
  if (facts === undefined) {
    const intent = readEvent(payload)?.intent;
    assert.ok(intent !== undefined, payload);
    read.set(payload, (facts = factsOf(intent)));
  }
  return facts;
}

function takeIn(webhooks: readonly string[]): Fact[] {
  const ledger: Fact[] = [];
  for (const payload of webhooks) ledger.push(...unseen(ledger, factsIn(payload)));
  return ledger;
}

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    const others = [...items.slice(0, index), ...items.slice(index + 1)];
    for (const rest of permutations(others)) yield [item, ...rest];
  }
}

const lives = fc.record({
  token: fc.constantFrom(...TEST_CARDS.map((card) => card.token)),
  names: fc.array(fc.constantFrom(...Object.keys(requests)), { maxLength: 8 }),
});

describe("webhooks in any order and number", () => {
  const stories: readonly [string, string, readonly string[]][] = [
    ["3-D Secure, captured in parts, refunded", "tok_3ds", ["approve", "capturePart", "captureAll", "refundPart"]],
    ["refused at the bank", "tok_3ds", ["fail"]],
    ["late success, let go", "tok_late_success", ["settle", "cancel"]],
    ["processing, then refused", "tok_processing_decline", ["settle"]],
    ["partly captured, the rest let go, refunded", "tok_success", ["capturePart", "cancel", "refundAll"]],
    ["a refund that fails", "tok_refund_fails", ["captureAll", "refundPart", "settle", "refundAll"]],
  ];
  for (const [title, token, names] of stories) {
    test(`${title}: every permutation, each event once or twice`, () => {
      const { webhooks, last } = live(token, names);
      const expected = fold(takeIn(webhooks));
      assert.deepEqual(sumsOf(expected), sumsOf(fold(factsOf(readIntent(last)))), "as the provider's own record");
      let tried = 0;
      for (const order of permutations(webhooks)) {
        for (let mask = 0; mask < 2 ** order.length; mask += 1) {
          const many = [...order, ...order.filter((_, index) => (mask >> index) & 1)];
          assert.deepEqual(fold(takeIn(many)), expected);
          tried += 1;
        }
      }
      assert.ok(tried >= 2);
    });
  }

  test("whatever the customer and the shop did", () => {
    const cases = lives
      .map(({ token, names }) => live(token, names))
      .chain(({ webhooks, last }) =>
        fc.record({
          webhooks: fc.constant(webhooks),
          last: fc.constant(last),
          many: fc.shuffledSubarray([...webhooks, ...webhooks, ...webhooks], { minLength: webhooks.length * 3 }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ webhooks, last, many }) => {
        const ledger = takeIn(many);
        const state = fold(ledger);
        assert.deepEqual(state, fold(takeIn(webhooks)));
        assert.deepEqual(auditOf(ledger, state), []);
        assert.deepEqual(sumsOf(state), sumsOf(fold(factsOf(readIntent(last)))));
        assert.ok(state.captured <= state.authorized && state.refunded <= state.captured);
        if (state.status === "voided") assert.equal(state.captured, 0);
      }),
      { numRuns: 500 },
    );
  });

  test("the last event alone tells the sums: those before it may be lost", () => {
    fc.assert(
      fc.property(lives, ({ token, names }) => {
        const { webhooks } = live(token, names);
        assert.deepEqual(sumsOf(fold(takeIn(webhooks.slice(-1)))), sumsOf(fold(takeIn(webhooks))));
      }),
    );
  });
});

function readIntent(last: StoredIntent) {
  const object = toIntent(last, "https://shop.example");
  const intent = readEvent(
    JSON.stringify({ id: "evt_x", object: "event", type: "x", created: 1, data: { object } }),
  )?.intent;
  assert.ok(intent !== undefined);
  return intent;
}

function sumsOf({ status, authorized, captured, refunded, voided }: ReturnType<typeof fold>) {
  return { status, authorized, captured, refunded, voided };
}
