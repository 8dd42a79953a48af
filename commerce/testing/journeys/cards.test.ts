/** A checkout with each test card: what the buyer is told, what the bank keeps, and that a refusal leaves nothing behind. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TEST_CARDS } from "../../sandboxpay/cards.ts";
import type { CheckedClient } from "../checked-client.ts";
import { openArranged } from "../arrangement.ts";
import { type Shop, until } from "../open-shop.ts";
import { available, beginCheckout, pay, providerBooks, providerKeeps, readyCart, skusInStock } from "./steps.ts";

let shop: Shop;
let impatient: Shop;
const skus: string[] = [];

before(async () => {
  shop = await openArranged();
  // Gives up long before a late success, or a buyer who takes a while.
  impatient = await openArranged({ overrides: { checkout: { actionTimeoutMs: 300, unknownTimeoutMs: 300 } } });
  skus.push(...(await skusInStock(shop, 16)));
});
after(async () => {
  await shop[Symbol.asyncDispose]();
  await impatient[Symbol.asyncDispose]();
});

interface Attempt {
  readonly shop: Shop;
  readonly buyer: CheckedClient;
  readonly cartId: string;
  readonly checkoutId: string;
  readonly sku: string;
  /** How many there were before. */
  readonly stock: number;
}

let turn = 0;
/** Somebody about to pay for two pieces of something that nobody else here buys. */
async function aboutToPay(at: Shop): Promise<Attempt> {
  const sku = skus[turn % skus.length] ?? "";
  turn += 1;
  const buyer = await at.guest();
  const stock = await available(at, sku);
  const cartId = await readyCart(buyer, [{ sku, quantity: 2 }]);
  return { shop: at, buyer, cartId, checkoutId: await beginCheckout(buyer, cartId), sku, stock };
}

const settled = ({ buyer, checkoutId }: Attempt) =>
  until(
    "the checkout has ended",
    () => buyer.expect(200, "GET", `/v1/checkouts/${checkoutId}`),
    (checkout) => checkout.status !== "completing" && checkout.status !== "requires_action",
  );

/** The order stands: paid in full, its stock taken, its cart closed. */
async function assertBought(attempt: Attempt): Promise<void> {
  const { buyer, cartId, sku, stock } = attempt;
  const checkout = await settled(attempt);
  assert.equal(checkout.status, "completed", JSON.stringify(checkout));
  const order = await until(
    "the order is paid",
    () => buyer.expect(200, "GET", `/v1/orders/${checkout.orderId}`),
    (shown) => shown.payment === "captured",
  );
  assert.equal(order.lifecycle, "placed");
  const total = order.totals.total.amount;
  assert.deepEqual(await providerBooks(attempt.shop, order.paymentId), [
    ["authorize", total],
    ["capture", total],
  ]);
  assert.equal(await available(attempt.shop, sku), stock - 2);
  assert.equal((await buyer.expect(200, "GET", `/v1/carts/${cartId}`)).status, "completed");
}

/** Nothing was bought and nothing is held; the same checkout goes well with another card. */
async function assertNothingLeft(attempt: Attempt): Promise<void> {
  const { buyer, cartId, checkoutId, sku, stock } = attempt;
  assert.equal((await buyer.expect(200, "GET", `/v1/checkouts/${checkoutId}`)).status, "open");
  const cart = await buyer.expect(200, "GET", `/v1/carts/${cartId}`);
  assert.deepEqual([cart.status, cart.missing], ["active", []]);
  assert.equal(await available(attempt.shop, sku), stock);
  const orders = await buyer.expect(200, "GET", "/v1/orders");
  assert.ok(
    orders.items.every((order: { lifecycle: string }) => order.lifecycle === "abandoned"),
    JSON.stringify(orders),
  );
  const again = await pay(buyer, checkoutId, "tok_success");
  assert.equal(again.status, 200, JSON.stringify(again.body));
  await assertBought(attempt);
}

/** The bank answers at once, and so does the shop. */
async function assertDeclined(attempt: Attempt, token: string): Promise<void> {
  const { status, body } = await pay(attempt.buyer, attempt.checkoutId, token);
  assert.deepEqual([status, body.code], [409, "checkout/payment-declined"], JSON.stringify(body));
  await assertNothingLeft(attempt);
}

/** The bank takes its time: the shop answers that it is under way, and the checkout tells what came of it. */
async function assertFailsLater(attempt: Attempt, token: string, code: string): Promise<void> {
  const { status, body } = await pay(attempt.buyer, attempt.checkoutId, token);
  assert.deepEqual([status, body.status], [200, "completing"], JSON.stringify(body));
  const checkout = await settled(attempt);
  assert.deepEqual([checkout.status, checkout.problem?.code], ["open", code], JSON.stringify(checkout));
}

async function assertPlaced(attempt: Attempt, token: string): Promise<void> {
  const { status, body } = await pay(attempt.buyer, attempt.checkoutId, token);
  assert.equal(status, 200, JSON.stringify(body));
  await assertBought(attempt);
}

/** Pays with the card that asks the buyer. Resolves to the bank's page. */
async function challenged({ buyer, checkoutId }: Attempt): Promise<string> {
  const { status, body } = await pay(buyer, checkoutId, "tok_3ds");
  assert.deepEqual([status, body.status], [200, "requires_action"], JSON.stringify(body));
  const page = new URL(String(body.redirectUrl)).pathname;
  const shown = await buyer.as(undefined).get(page);
  assert.deepEqual([shown.status, /Approve this payment/.test(String(shown.body))], [200, true]);
  return page;
}

const stories: Readonly<Record<string, (attempt: Attempt) => Promise<void>>> = {
  tok_success: (attempt) => assertPlaced(attempt, "tok_success"),
  tok_decline: (attempt) => assertDeclined(attempt, "tok_decline"),
  tok_insufficient_funds: (attempt) => assertDeclined(attempt, "tok_insufficient_funds"),
  tok_expired_card: (attempt) => assertDeclined(attempt, "tok_expired_card"),
  async tok_3ds(attempt) {
    const page = await challenged(attempt);
    await attempt.shop.client.expect(200, "POST", `${page}/approve`, { body: {} });
    await assertBought(attempt);
  },
  tok_processing: (attempt) => assertPlaced(attempt, "tok_processing"),
  async tok_processing_decline(attempt) {
    await assertFailsLater(attempt, "tok_processing_decline", "checkout/payment-declined");
    await assertNothingLeft(attempt);
  },
  // The shop is patient here; the one below is not.
  tok_late_success: (attempt) => assertPlaced(attempt, "tok_late_success"),
  tok_lost_answer: (attempt) => assertPlaced(attempt, "tok_lost_answer"),
  tok_timeout: (attempt) => assertPlaced(attempt, "tok_timeout"),
  async tok_timeout_decline(attempt) {
    await assertFailsLater(attempt, "tok_timeout_decline", "checkout/payment-declined");
    await assertNothingLeft(attempt);
  },
  tok_refund_fails: (attempt) => assertPlaced(attempt, "tok_refund_fails"),
};

describe("a checkout with each test card", { concurrency: 4 }, () => {
  test("every card has its story", () => {
    assert.deepEqual(Object.keys(stories).toSorted(), TEST_CARDS.map(({ token }) => token).toSorted());
  });

  for (const [token, story] of Object.entries(stories)) {
    test(token, async () => story(await aboutToPay(shop)));
  }

  test("a card that does not exist is declined", async () => assertDeclined(await aboutToPay(shop), "tok_nonsense"));
});

describe("a buyer at the bank's page", { concurrency: 4 }, () => {
  test("may refuse: nothing is bought, and another card may be tried", async () => {
    const attempt = await aboutToPay(shop);
    const page = await challenged(attempt);
    await attempt.buyer.refused(409, "checkout/busy", "POST", `/v1/checkouts/${attempt.checkoutId}/complete`, {
      body: { paymentToken: "tok_success" },
      key: "while-the-bank-asks",
    });
    const { buyer, cartId, sku } = attempt;
    const line = { body: { sku, quantity: 1 } };
    await buyer.refused(409, "cart/closed", "POST", `/v1/carts/${cartId}/lines`, line);
    await attempt.shop.client.expect(200, "POST", `${page}/fail`, { body: {} });
    const checkout = await settled(attempt);
    assert.deepEqual([checkout.status, checkout.problem.code], ["open", "checkout/payment-declined"]);
    await assertNothingLeft(attempt);
  });

  test("may call the checkout off", async () => {
    const attempt = await aboutToPay(shop);
    await challenged(attempt);
    const { buyer, checkoutId, cartId, sku, stock } = attempt;
    const called = await buyer.expect(200, "POST", `/v1/checkouts/${checkoutId}/cancel`, { body: {} });
    assert.equal(called.status, "cancelled");
    assert.equal((await buyer.expect(200, "GET", `/v1/carts/${cartId}`)).status, "active");
    assert.equal(await available(attempt.shop, sku), stock);
  });

  test("may never come back: the shop gives up, and an approval after that is not taken", async () => {
    const attempt = await aboutToPay(impatient);
    const page = await challenged(attempt);
    const checkout = await settled(attempt);
    assert.deepEqual([checkout.status, checkout.problem.code], ["open", "checkout/payment-timed-out"]);
    const late = await impatient.client.ask("POST", `${page}/approve`, { body: {} });
    assert.match(String(late.body), /called off/i);
    await assertNothingLeft(attempt);
  });
});

test("a success that comes when the shop has given up is found and reversed", async () => {
  const attempt = await aboutToPay(impatient);
  await assertFailsLater(attempt, "tok_late_success", "checkout/payment-timed-out");
  const support = await impatient.login("support@example.com");
  const { items } = await support.expect(200, "GET", "/v1/payments?limit=100");
  const paymentId = String(items[0].paymentId);
  await until(
    "the bank has let the money go",
    () => providerBooks(impatient, paymentId),
    (books) => books.some(([kind]) => kind === "release" || kind === "refund"),
  );
  assert.equal(await providerKeeps(impatient, paymentId), 0);
  await assertNothingLeft(attempt);
});

test("nothing broke inside", () => {
  assert.deepEqual([...shop.complaints, ...impatient.complaints], []);
});
