/** Checkout among stand-ins that do as a test says. What the real ones do together is tested by the journeys. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Identity } from "@isomer/kernel/contract";
import { toInstant } from "@isomer/kernel/std";
import { type Cart, cart } from "../cart/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { orders } from "../orders/contract.ts";
import { type PaymentView, PaymentGivenUp, payments } from "../payments/contract.ts";
import { type Quote, pricing } from "../pricing/contract.ts";
import { money } from "../shared/mod.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import { AttemptFailed, CheckoutBusy, checkout } from "./contract.ts";
import service from "./service.ts";

const ADA: Identity = { subject: "ada", roles: ["customer"], guest: false };
const EVE: Identity = { subject: "eve", roles: ["customer"], guest: false };
const cartId = "01890000-0000-7000-8000-000000000001";
const eur = (amount: number) => money(amount, "EUR");
const ADDRESS = { name: "Ada", line1: "1", city: "Hamburg", postalCode: "20457", country: "DE" };
const OPTION = {
  code: "standard",
  label: "Standard",
  carrier: "Post",
  price: eur(0),
  daysMin: 1,
  daysMax: 2,
};

/** What the others do, and what was asked of them, in order. */
interface Others {
  price: number;
  reserve: () => void;
  /** What authorising answers. */
  status: PaymentView["status"];
  isCalledOff: boolean;
  readonly asked: string[];
}

function cartAt(price: number): Cart {
  const line = { sku: "MUG", quantity: 1, unitPrice: eur(price) };
  const zero = eur(0);
  const total = eur(price);
  const quote: Quote = {
    currency: "EUR",
    lines: [{ ...line, subtotal: total, discount: zero, tax: zero, taxRateBp: 0, taxIncluded: zero, total }],
    discounts: [],
    couponProblems: [],
    subtotal: total,
    discount: zero,
    shipping: zero,
    freeShipping: false,
    tax: zero,
    taxIncluded: zero,
    total,
    hash: `hash-${price}`,
  };
  const shown = { productId: "p", slug: "mug", title: "Mug", variantTitle: "", imageUrl: null };
  return {
    cartId,
    status: "active",
    currency: "EUR",
    country: "DE",
    email: "ada@example.com",
    lines: [{ ...line, ...shown }],
    couponCodes: [],
    shippingAddress: ADDRESS,
    shippingOption: OPTION,
    quote,
    problems: [],
    missing: [],
    version: 1,
    updatedAt: toInstant(0),
  };
}

function paymentOf({ paymentId }: { paymentId: string }, { price, status }: Others): PaymentView {
  return {
    paymentId,
    orderId: "o",
    status,
    amount: eur(price),
    authorized: eur(0),
    captured: eur(0),
    refunded: eur(0),
    voided: eur(0),
    pending: false,
    givenUp: false,
    version: 1,
    createdAt: toInstant(0),
    ...(status === "requires_action" ? { redirectUrl: "http://bank.test" } : {}),
  };
}

type Id = { orderId: string };

function open(others: Others): Promise<TestWorld> {
  const note =
    <I, O>(name: string, answer: (input: I) => O) =>
    (input: I): O => {
      others.asked.push(name);
      return answer(input);
    };
  const stage = (lifecycle: string) => (input: Id) => ({ orderId: input.orderId, lifecycle });
  return testWorld({
    services: [
      service,
      standIn(cart, {
        queries: { get: () => cartAt(others.price) },
        commands: {
          freeze: note("freeze", () => cartAt(others.price)),
          unfreeze: note("unfreeze", () => ({ cartId, status: "active" })),
          complete: note("complete", () => ({ cartId, status: "completed" })),
        },
      }),
      standIn(inventory, {
        commands: {
          reserve: note("reserve", () => {
            others.reserve();
            return { reservationId: cartId, expiresAt: toInstant(0) };
          }),
          release: note("release", ({ orderId }: Id) => ({ orderId, state: "released" })),
          commit: note("commit", ({ orderId }: Id) => ({ orderId, state: "committed" })),
        },
      }),
      standIn(pricing),
      standIn(orders, {
        commands: {
          open: note("open", stage("pending")),
          place: note("place", stage("placed")),
          abandon: note("abandon", stage("abandoned")),
        },
      }),
      standIn(payments, {
        commands: {
          create: note("create", (input: { paymentId: string }) => paymentOf(input, others)),
          authorise: note("authorise", (input: { paymentId: string }) => paymentOf(input, others)),
          cancel: note("cancel", ({ paymentId }: { paymentId: string }) => ({
            paymentId,
            status: "voided",
            settled: true,
          })),
          capture: note("capture", (input: { paymentId: string; orLeave?: boolean }) => {
            const { paymentId, orLeave } = input;
            if (others.isCalledOff && orLeave !== true) throw PaymentGivenUp.with({ paymentId });
            return paymentOf(input, others);
          }),
        },
      }),
    ],
    roles: { customer: [] },
  });
}

const normal = (): Others => ({ price: 1_000, reserve: () => {}, status: "authorized", isCalledOff: false, asked: [] });

async function begun(world: TestWorld): Promise<string> {
  return (await world.call(checkout.begin({ cartId }), { identity: ADA })).checkoutId;
}

const pay = (checkoutId: string, quoteHash?: string) =>
  checkout.complete({ checkoutId, paymentToken: "tok", ...(quoteHash === undefined ? {} : { quoteHash }) });

describe("completing", () => {
  test("does everything in its order, once, and tells what was charged", async () => {
    const others = normal();
    await using world = await open(others);
    const checkoutId = await begun(world);
    others.price = 1_200;
    const done = await world.call(pay(checkoutId, "hash-1200"), { identity: ADA, key: "k" });
    assert.deepEqual([done.status, done.total], ["completed", eur(1_200)], "the price that the buyer agreed to last");
    const way = ["freeze", "open", "reserve", "create", "authorise", "commit", "place", "complete", "capture"];
    assert.deepEqual(others.asked, way);
    assert.deepEqual(await world.call(pay(checkoutId, "hash-1200"), { identity: ADA, key: "k" }), done);
    assert.equal((await world.call(pay(checkoutId), { identity: ADA, key: "k2" })).orderId, done.orderId);
    assert.equal(others.asked.length, way.length);
  });

  test("twice at once is one attempt", async () => {
    const others = normal();
    await using world = await open(others);
    const checkoutId = await begun(world);
    const outcomes = await Promise.allSettled(
      ["a", "b"].map((key) => world.call(pay(checkoutId), { identity: ADA, key })),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.ok(CheckoutBusy.is(outcome.reason));
      else assert.equal(outcome.value.status, "completed");
    }
    assert.deepEqual(
      others.asked.filter((name) => name === "authorise"),
      ["authorise"],
    );
  });

  test("an order whose payment was called off the moment it was placed ends all the same", async () => {
    const others = { ...normal(), isCalledOff: true };
    await using world = await open(others);
    const checkoutId = await begun(world);
    assert.equal((await world.call(pay(checkoutId), { identity: ADA, key: "k" })).status, "completed");
  });

  test("that fails by the shop's fault takes everything back, and says to begin anew, not to repeat", async () => {
    const others = normal();
    others.reserve = () => {
      throw new Error("a bug");
    };
    await using world = await open(others);
    const checkoutId = await begun(world);
    const failed = () => world.fault(pay(checkoutId), { identity: ADA, key: "k" });
    assert.ok(AttemptFailed.is(await failed()));
    assert.deepEqual(others.asked, ["freeze", "open", "reserve", "release", "abandon", "unfreeze"]);
    others.reserve = () => {};
    assert.ok(AttemptFailed.is(await failed()), "the same key is told of the same attempt");
    assert.equal((await world.call(pay(checkoutId), { identity: ADA, key: "k2" })).status, "completed");
  });

  test("is the buyer's", async () => {
    await using world = await open(normal());
    const checkoutId = await begun(world);
    for (const call of [pay(checkoutId), checkout.cancel({ checkoutId }), checkout.get({ checkoutId })]) {
      assert.equal((await world.fault(call, { identity: EVE })).kind, "missing");
    }
  });
});

describe("a payment that the buyer has to approve", () => {
  async function waiting(others: Others) {
    const world = await open(others);
    const checkoutId = await begun(world);
    others.price = 1_100;
    const asked = await world.call(pay(checkoutId, "hash-1100"), { identity: ADA, key: "k" });
    return { world, checkoutId, asked };
  }

  test("tells where, and what it is about to cost; called off, nothing is left", async () => {
    const others: Others = { ...normal(), status: "requires_action" };
    const { world, checkoutId, asked } = await waiting(others);
    await using _ = world;
    assert.deepEqual(
      [asked.status, asked.redirectUrl, asked.total],
      ["requires_action", "http://bank.test", eur(1_100)],
    );
    const cancelled = await world.call(checkout.cancel({ checkoutId }), { identity: ADA });
    assert.equal(cancelled.status, "cancelled");
    assert.deepEqual(others.asked.slice(-4), ["cancel", "release", "abandon", "unfreeze"]);
    assert.ok(CheckoutBusy.is(await world.fault(pay(checkoutId), { identity: ADA, key: "k2" })));
  });

  test("approved and called off at once comes to one end, whichever it is", async () => {
    const others: Others = { ...normal(), status: "requires_action" };
    const { world, checkoutId } = await waiting(others);
    await using _ = world;
    const [saga] = await world.rows<{ id: string }>("checkout", "SELECT id FROM isomer_saga");
    const sum = eur(1_100);
    const sums = { amount: sum, authorized: sum, captured: eur(0), refunded: eur(0), status: "authorized" as const };
    const approved = { paymentId: "p", orderId: "o", checkoutId: saga?.id ?? "", ...sums };
    const [cancelled] = await Promise.all([
      world.call(checkout.cancel({ checkoutId }), { identity: ADA }),
      world.emit(payments.events.authorized, approved),
    ]);
    const { status } = await world.call(checkout.get({ checkoutId }), { identity: ADA });
    assert.equal(cancelled.status, status);
    assert.deepEqual(
      [others.asked.includes("place"), others.asked.includes("abandon")],
      status === "completed" ? [true, false] : [false, true],
    );
  });
});
