import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { specify } from "@isomer/kernel/sourcing";
import fc from "fast-check";
import { money } from "../shared/mod.ts";
import { DoesNotAddUp, NoOrder, OrderAbandoned, WrongState } from "./contract.ts";
import {
  type Order,
  type OrderCommand,
  type OrderFact,
  mistakeIn,
  orderAggregate,
  orderNumber,
  paymentState,
} from "./domain.ts";
import type { OrderDraft } from "./schemas.ts";

const orderId = "01890000-0000-7000-8000-000000000001";
const eur = (amount: number) => money(amount, "EUR");
const draft: OrderDraft = {
  orderId,
  checkoutId: "c1",
  subject: "ada",
  email: "ada@example.com",
  currency: "EUR",
  lines: [
    {
      lineId: "1",
      sku: "MUG",
      productId: "p1",
      title: "Mug",
      quantity: 2,
      unitPrice: eur(1_000),
      discount: eur(200),
      tax: eur(342),
      total: eur(2_142),
    },
  ],
  totals: { subtotal: eur(2_000), discount: eur(200), shipping: eur(490), tax: eur(342), total: eur(2_632) },
  shippingAddress: { name: "Ada", line1: "1", city: "Hamburg", postalCode: "20457", country: "DE" },
  shippingOption: { code: "standard", label: "Standard", carrier: "Post", price: eur(490) },
  couponCodes: ["WELCOME10"],
};

const order = specify(orderAggregate);
const opened: OrderFact = { type: "opened", data: draft };
const about = { orderId, by: "sam" };
const placed: OrderFact = {
  type: "placed",
  data: {
    orderId,
    number: orderNumber(orderId),
    subject: draft.subject,
    email: draft.email,
    currency: draft.currency,
    lines: draft.lines,
    totals: draft.totals,
    shippingAddress: draft.shippingAddress,
    shippingOption: draft.shippingOption,
    paymentId: "p1",
  },
};
const paid = (authorized: number, captured: number, refunded = 0, voided = false): OrderCommand => ({
  type: "payment",
  orderId,
  paymentId: "p1",
  sums: { authorized, captured, refunded },
  voided,
});
const goods = (fulfilment: Order["fulfilment"]): OrderCommand => ({
  type: "goods",
  orderId,
  fulfilment,
  trackingNumber: "SBX1",
});
const abandon: OrderCommand = { type: "abandon", orderId, reason: "declined" };
const place: OrderCommand = { type: "place", orderId, paymentId: "p1" };
const requestCancel: OrderCommand = { type: "requestCancel", orderId, reason: "mistake", by: "ada" };
const refuseCancel: OrderCommand = { type: "refuseCancel", orderId, reason: "it has left" };
const cancel: OrderCommand = { type: "cancel", orderId, placedAt: "2026-01-01T00:00:00.000Z" };
const hold: OrderCommand = { type: "hold", ...about, reason: "fraud?" };
const resume: OrderCommand = { type: "resume", ...about };

/** Carries commands out one after another; refusals change nothing. Returns every state on the way. */
function walk(commands: readonly OrderCommand[]): Order[] {
  const states: Order[] = [orderAggregate.initial];
  for (const command of commands) {
    let state = states.at(-1) ?? orderAggregate.initial;
    let facts: readonly OrderFact[] = [];
    try {
      facts = orderAggregate.decide(state, command);
    } catch (error) {
      if (![WrongState, NoOrder, OrderAbandoned].some((fault) => fault.is(error))) throw error;
    }
    for (const fact of facts) {
      state = orderAggregate.evolve(state, fact);
      states.push(state);
    }
  }
  return states;
}

describe("an order", () => {
  test("is opened once, and only if it adds up", () => {
    order.given([]).when({ type: "open", draft }).thenFacts([opened]);
    order.given([opened]).when({ type: "open", draft }).thenNothing();
    const wrong = { ...draft, totals: { ...draft.totals, total: eur(2_631) } };
    order.given([]).when({ type: "open", draft: wrong }).thenFault(DoesNotAddUp);
  });

  test("is placed once, and stays so when it is asked again", () => {
    order.given([opened]).when(place).thenFacts([placed]);
    order.given([opened, placed]).when(place).thenNothing();
    order
      .given([opened, placed])
      .when({ ...place, paymentId: "p2" })
      .thenFault(WrongState);
    order.given([]).when(place).thenFault(NoOrder);
    const held: OrderFact = { type: "held", data: { ...about, reason: "fraud?" } };
    order.given([opened, placed, held]).when(place).thenNothing();
  });

  test("that was given up first is never opened, and one that stands is never given up", () => {
    const abandoned: OrderFact = { type: "abandoned", data: { orderId, reason: "declined" } };
    order.given([]).when(abandon).thenFacts([abandoned]);
    order.given([abandoned]).when(abandon).thenNothing();
    order.given([abandoned]).when({ type: "open", draft }).thenFault(OrderAbandoned);
    order.given([opened, abandoned]).when(place).thenFault(WrongState);
    order.given([opened, placed]).when(abandon).thenFault(WrongState);
  });

  test("is cancelled while it has not left, and not after", () => {
    const requested: OrderFact = { type: "cancelRequested", data: { orderId, reason: "mistake", by: "ada" } };
    order.given([opened, placed]).when(requestCancel).thenFacts([requested]);
    order.given([opened, placed, requested]).when(requestCancel).thenNothing();
    order.given([opened, placed]).when(cancel).thenFault(WrongState);
    const ready: OrderFact = { type: "fulfilmentChanged", data: { orderId, fulfilment: "ready" } };
    order.given([opened, placed, ready]).when(requestCancel).thenFacts([requested]);
    const left: OrderFact = { type: "fulfilmentChanged", data: { orderId, fulfilment: "fulfilled" } };
    order.given([opened, placed, left]).when(requestCancel).thenFault(WrongState, {
      orderId,
      lifecycle: "placed",
      fulfilment: "fulfilled",
    });
    order.given([opened]).when(requestCancel).thenFault(WrongState);
    const refused: OrderFact = { type: "cancelRefused", data: { orderId, reason: "it has left" } };
    order.given([opened, placed, requested]).when(refuseCancel).thenFacts([refused]);
    order.given([opened, placed]).when(refuseCancel).thenNothing();
    const states = walk([{ type: "open", draft }, place, requestCancel, cancel, cancel, goods("delivered")]);
    assert.deepEqual(
      [states.at(-1)?.lifecycle, states.at(-1)?.fulfilment, states.at(-1)?.reason],
      ["cancelled", "cancelled", "mistake"],
    );
  });

  test("is complete once it is delivered and paid for, whatever came in between", () => {
    const paidInFull = paid(2_632, 2_632);
    const stories: readonly (readonly OrderCommand[])[] = [
      [place, paidInFull, goods("delivered")],
      [place, goods("delivered"), paidInFull],
      [paidInFull, goods("delivered"), place],
      [place, hold, paidInFull, goods("delivered"), resume],
      [place, paidInFull, requestCancel, goods("delivered"), refuseCancel],
    ];
    for (const story of stories) {
      const last = walk([{ type: "open", draft }, ...story]).at(-1);
      assert.equal(last?.lifecycle, "completed", story.map(({ type }) => type).join(", "));
    }
    assert.equal(
      walk([{ type: "open", draft }, place, paid(2_632, 2_631), goods("delivered")]).at(-1)?.lifecycle,
      "placed",
    );
  });

  test("has a number that people can say, another for each", () => {
    assert.match(orderNumber(orderId), /^IS-[0-9A-Z]+$/);
    assert.notEqual(orderNumber(orderId), orderNumber(orderId.replace(/1$/, "2")));
    assert.equal(orderNumber("not a uuid"), "IS-0");
  });
});

describe("the money of an order", () => {
  test("is what its sums say", () => {
    const at = (...commands: OrderCommand[]) =>
      paymentState(walk([{ type: "open", draft }, ...commands]).at(-1) ?? orderAggregate.initial);
    assert.equal(at(), "none");
    assert.equal(at(paid(2_632, 0)), "authorized");
    assert.equal(at(paid(2_632, 0, 0, true)), "voided");
    assert.equal(at(paid(2_632, 1_000)), "captured_partial");
    assert.equal(at(paid(2_632, 2_632)), "captured");
    assert.equal(at(paid(2_632, 2_632, 1)), "refunded_partial");
    assert.equal(at(paid(2_632, 2_632, 2_632)), "refunded");
  });

  test("tells the customer of each refund once, and only for an order that stood", () => {
    const refunds = (commands: readonly OrderCommand[]): number[] => {
      let state = orderAggregate.initial;
      const told: number[] = [];
      for (const command of commands) {
        for (const fact of orderAggregate.decide(state, command)) {
          if (fact.type === "refunded") told.push(fact.data.amount.amount);
          state = orderAggregate.evolve(state, fact);
        }
      }
      return told;
    };
    const open: OrderCommand = { type: "open", draft };
    const half = paid(2_632, 2_632, 1_000);
    assert.deepEqual(refunds([open, place, half, half, paid(2_632, 2_632, 2_632), half]), [1_000, 1_632]);
    assert.deepEqual(refunds([open, half, abandon]), [], "a reversal of an attempt is no refund to tell of");
  });
});

/** Everything that can be asked of an order. */
const anyCommand: fc.Arbitrary<OrderCommand> = fc.oneof(
  fc.constantFrom<OrderCommand>(
    { type: "open", draft },
    place,
    abandon,
    requestCancel,
    refuseCancel,
    cancel,
    hold,
    resume,
  ),
  fc.constantFrom(paid(2_632, 0), paid(2_632, 2_632), paid(2_632, 2_632, 500), paid(2_632, 0, 0, true)),
  fc.constantFrom<Order["fulfilment"]>("ready", "fulfilled", "delivered", "returned").map(goods),
);

const LEGAL: Readonly<Record<Order["lifecycle"], readonly Order["lifecycle"][]>> = {
  none: ["pending", "abandoned"],
  pending: ["placed", "abandoned"],
  placed: ["on_hold", "cancelling", "completed"],
  on_hold: ["placed", "cancelling"],
  cancelling: ["placed", "cancelled"],
  completed: [],
  cancelled: [],
  abandoned: [],
};

describe("whatever happens to an order", () => {
  test("its stages follow one another as they may", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyCommand, { minLength: 15, maxLength: 25, size: "max" }), (commands) => {
        const states = walk([{ type: "open", draft }, ...commands]);
        for (const [index, state] of states.entries()) {
          const before = states[index - 1];
          if (before === undefined || before.lifecycle === state.lifecycle) continue;
          seen.add(`${before.lifecycle} → ${state.lifecycle}`);
          assert.ok(LEGAL[before.lifecycle].includes(state.lifecycle), `${before.lifecycle} → ${state.lifecycle}`);
        }
      }),
      { numRuns: 3_000 },
    );
    assert.ok(seen.size >= 9, `the walks went everywhere: ${[...seen].join(", ")}`);
  });

  test("its sums only grow, and its goods only get on", () => {
    const far = ["processing", "ready", "fulfilled", "delivered", "returned", "cancelled"];
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 25 }), (commands) => {
        const states = walk([{ type: "open", draft }, ...commands]);
        for (const [index, { sums, fulfilment, draft: now }] of states.entries()) {
          const before = states[index - 1] ?? orderAggregate.initial;
          assert.ok(sums.captured >= before.sums.captured && sums.refunded >= before.sums.refunded);
          assert.ok(far.indexOf(fulfilment) >= far.indexOf(before.fulfilment));
          if (before.draft !== null) assert.equal(now, before.draft, "what was agreed never changes");
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("late and repeated news of its money and its goods, in any order, end in one state", () => {
    const news = [
      paid(2_632, 0),
      paid(2_632, 2_632),
      paid(2_632, 2_632, 500),
      paid(2_632, 2_632, 500, true),
      goods("ready"),
      goods("fulfilled"),
      goods("delivered"),
    ];
    const axes = (commands: readonly OrderCommand[]) => {
      const { lifecycle, sums, voided, fulfilment, trackingNumbers } =
        walk([{ type: "open", draft }, place, ...commands]).at(-1) ?? orderAggregate.initial;
      return { lifecycle, sums, voided, fulfilment, trackingNumbers };
    };
    const inOrder = axes(news);
    assert.equal(inOrder.lifecycle, "completed");
    fc.assert(
      fc.property(
        fc.shuffledSubarray(news, { minLength: news.length }),
        fc.array(fc.constantFrom(...news)),
        (shuffled, again) => {
          assert.deepEqual(axes([...shuffled, ...again]), inOrder);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("the sums of a draft", () => {
  const [line] = draft.lines;
  assert.ok(line !== undefined);
  for (const [what, wrong] of [
    ["a total", { ...draft, totals: { ...draft.totals, total: eur(1) } }],
    ["a subtotal", { ...draft, totals: { ...draft.totals, subtotal: eur(2_001), total: eur(2_633) } }],
    ["a discount", { ...draft, totals: { ...draft.totals, discount: eur(201), total: eur(2_631) } }],
    ["a tax", { ...draft, totals: { ...draft.totals, tax: eur(343), total: eur(2_633) } }],
    ["a line's total", { ...draft, lines: [{ ...line, total: eur(2_143) }] }],
  ] as const) {
    test(`are refused with ${what} that does not add up`, () => {
      assert.notEqual(mistakeIn(wrong as OrderDraft), undefined);
    });
  }
  test("are accepted as checkout makes them", () => assert.equal(mistakeIn(draft), undefined));
});
