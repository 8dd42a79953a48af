import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type Fact,
  type FactKind,
  type FactPhase,
  capturableOf,
  fold,
  keptOf,
  refundableOf,
  unseen,
} from "./domain.ts";
import { auditOf, balances, journalOf } from "./journal.ts";

const fact = (kind: FactKind, phase: FactPhase, amount = 0, ref = "pi_1"): Fact => ({
  kind,
  phase,
  ref,
  amount,
  detail: "",
});

const anyFact = fc.record({
  kind: fc.constantFrom<FactKind>("authorize", "capture", "void", "refund"),
  phase: fc.constantFrom<FactPhase>("request", "action", "pending", "success", "failure", "abandoned"),
  ref: fc.constantFrom("a", "b"),
  amount: fc.constant(0),
  detail: fc.constantFrom("", "x"),
});
// A fact never changes: the same name always has the same amount and detail.
const anyLedger = fc
  .uniqueArray(anyFact, { selector: ({ kind, phase, ref }) => `${kind} ${phase} ${ref}`, maxLength: 12 })
  .chain((facts) =>
    fc
      .array(fc.nat(1_000), { minLength: facts.length, maxLength: facts.length })
      .map((amounts) => facts.map((entry, index) => ({ ...entry, amount: amounts[index] ?? 0 }))),
  );

describe("the state of a payment", () => {
  const rows: readonly [string, readonly Fact[], Partial<ReturnType<typeof fold>>][] = [
    ["nothing is known", [], { status: "created" }],
    ["asked, no answer", [fact("authorize", "request", 900)], { status: "unknown", authorized: 0 }],
    [
      "the customer has to approve",
      [{ ...fact("authorize", "action", 900), detail: "https://x" }],
      { status: "requires_action", redirectUrl: "https://x" },
    ],
    ["the provider works on it", [fact("authorize", "pending", 900)], { status: "processing" }],
    [
      "refused",
      [{ ...fact("authorize", "failure", 900), detail: "no_funds" }],
      { status: "declined", declineCode: "no_funds" },
    ],
    ["held", [fact("authorize", "success", 900)], { status: "authorized", authorized: 900 }],
    ["let go", [fact("authorize", "success", 900), fact("void", "success")], { status: "voided", voided: 900 }],
    ["called off before it was held", [fact("void", "success")], { status: "canceled", voided: 0 }],
    ["forgotten", [fact("authorize", "abandoned", 900)], { status: "failed" }],
    [
      "forgotten, and then it came after all",
      [fact("authorize", "abandoned"), fact("authorize", "success", 900)],
      { status: "authorized" },
    ],
    [
      "a part was taken",
      [fact("authorize", "success", 900), fact("capture", "success", 300, "c1")],
      { status: "captured_partial", captured: 300 },
    ],
    [
      "taken in two parts",
      [fact("authorize", "success", 900), fact("capture", "success", 300, "c1"), fact("capture", "success", 600, "c2")],
      { status: "captured", captured: 900 },
    ],
    ["taken, which implies held", [fact("capture", "success", 900, "c1")], { status: "captured", authorized: 900 }],
    [
      "a part was given back",
      [fact("authorize", "success", 900), fact("capture", "success", 900, "c1"), fact("refund", "success", 200, "r1")],
      { status: "refunded_partial", refunded: 200 },
    ],
    [
      "all was given back",
      [fact("authorize", "success", 900), fact("capture", "success", 900, "c1"), fact("refund", "success", 900, "r1")],
      { status: "refunded", refunded: 900 },
    ],
    [
      "a refund that failed after it looked good",
      [
        fact("capture", "success", 900, "c1"),
        fact("refund", "success", 200, "r1"),
        fact("refund", "failure", 200, "r1"),
      ],
      { status: "captured", refunded: 0 },
    ],
  ];
  for (const [title, facts, expected] of rows) {
    test(title, () => {
      const state = fold(facts);
      for (const [name, value] of Object.entries(expected))
        assert.deepEqual(state[name as keyof typeof state], value, name);
    });
  }

  test("hangs neither on the order of facts nor on repetition", () => {
    const shuffled = anyLedger.chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc.shuffledSubarray([...facts, ...facts, ...facts], { minLength: facts.length * 3 }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([facts, many]) => {
        assert.deepEqual(fold(many), fold(facts));
        // What a ledger holds after any sequence of additions is the same set.
        const ledger: Fact[] = [];
        for (const entry of many) ledger.push(...unseen(ledger, [entry]));
        assert.equal(ledger.length, facts.length);
        assert.deepEqual(fold(ledger), fold(facts));
      }),
    );
  });

  test("knows more with each fact: success is never forgotten", () => {
    fc.assert(
      fc.property(anyLedger, fc.nat(12), (facts, count) => {
        const before = fold(facts.slice(0, count));
        const after = fold(facts);
        assert.ok(after.authorized >= before.authorized && after.captured >= before.captured);
        if (before.authorized > 0) assert.notEqual(after.status, "declined");
      }),
    );
  });

  test("counts what is under way as taken and as given back", () => {
    const held = [fact("authorize", "success", 900), fact("capture", "request", 500, "c1")];
    assert.equal(capturableOf(fold(held)), 400);
    const taken = [...held, fact("capture", "success", 500, "c1"), fact("refund", "request", 100, "r1")];
    assert.deepEqual([capturableOf(fold(taken)), refundableOf(fold(taken)), keptOf(fold(taken))], [400, 400, 900]);
    const failed = [...taken, fact("refund", "failure", 100, "r1")];
    assert.equal(refundableOf(fold(failed)), 500);
    assert.deepEqual(fold([...held, fact("void", "success")]).open, [], "nothing is left to take");
  });
});

describe("the journal", () => {
  test("has equal debits and credits, and says what the state says", () => {
    fc.assert(
      fc.property(anyLedger, (facts) => {
        const state = fold(facts);
        const lines = journalOf(facts);
        const net = lines.reduce((sum, line) => sum + line.debit - line.credit, 0);
        assert.equal(net, 0);
        const problems = auditOf(facts, state).filter((problem) => problem !== "more was refunded than captured");
        assert.deepEqual(problems, []);
      }),
    );
  });

  test("moves money from holds to the provider, and back to the customer", () => {
    const facts = [
      fact("authorize", "success", 900),
      fact("capture", "success", 600, "c1"),
      fact("void", "success"),
      fact("refund", "success", 200, "r1"),
    ];
    assert.deepEqual(balances(journalOf(facts)), { held: 0, promised: 0, provider: 400, customers: -400 });
    assert.deepEqual(auditOf(facts, fold(facts)), []);
    const wrong = { ...fold(facts), refunded: 700 };
    assert.ok(auditOf(facts, wrong).includes("more was refunded than captured"));
  });
});
