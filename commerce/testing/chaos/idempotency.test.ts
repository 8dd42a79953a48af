/**
 * One key, one effect: for two requests in flight at once, for repetitions with another body, for answers that say "not
 * now", and for a crash after the effect and before the answer.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Answer, ShopClient } from "../client.ts";
import { ADDRESS } from "../flow.ts";
import { describeViolations } from "../invariants/mod.ts";
import { ShopProcess } from "./shop-process.ts";
import { nothingSeen, persistent } from "./shopper.ts";

async function aSku(client: ShopClient): Promise<string> {
  const { status, body } = await client.get("/v1/storefront/products?currency=EUR&limit=1");
  assert.equal(status, 200, JSON.stringify(body));
  return String(body.items[0].skus[0]);
}

async function aGuest(client: ShopClient): Promise<ShopClient> {
  const { body } = await client.post("/v1/guests");
  return client.as(String(body.accessToken));
}

/** A checkout where only paying is left. */
async function aCheckout(
  client: ShopClient,
): Promise<{ readonly buyer: ShopClient; readonly checkoutId: string; readonly cartId: string }> {
  const buyer = await aGuest(client);
  const { cartId } = (await buyer.post("/v1/carts", { currency: "EUR", country: "DE" })).body as { cartId: string };
  await buyer.post(`/v1/carts/${cartId}/lines`, { sku: await aSku(client), quantity: 1 });
  await buyer.patch(`/v1/carts/${cartId}`, {
    email: "ada@example.org",
    shippingAddress: ADDRESS,
    shippingOption: "standard",
  });
  const { checkoutId } = (await buyer.post("/v1/checkouts", { cartId })).body as { checkoutId: string };
  return { buyer, checkoutId, cartId };
}

const isReplay = ({ headers }: Answer): boolean => headers["idempotent-replayed"] === "true";

describe("one key", { timeout: 120_000 }, () => {
  let shop: ShopProcess;
  let client: ShopClient;
  before(async () => {
    shop = await ShopProcess.start();
    client = new ShopClient(shop.url);
  });
  after(async () => {
    client.close();
    await shop[Symbol.asyncDispose]();
  });

  test("two payments in flight with one key are one payment", async () => {
    const { buyer, checkoutId } = await aCheckout(client);
    const pay = (): Promise<Answer> =>
      buyer.post(`/v1/checkouts/${checkoutId}/complete`, { paymentToken: "tok_success" }, { key: "one" });
    const answers = await Promise.all([pay(), pay(), pay()]);
    const done = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    assert.ok(done.length >= 1, JSON.stringify(answers.map(({ body }) => body)));
    for (const { status, body, headers } of refused) {
      assert.equal(status, 409);
      assert.equal(body.code, "kernel/key-in-flight");
      assert.match(String(headers["retry-after"]), /^\d+$/);
    }
    const orders = new Set(done.map(({ body }) => String(body.orderId)));
    assert.equal(orders.size, 1);

    const later = await pay();
    assert.equal(later.status, 200);
    assert.ok(isReplay(later));
    assert.equal(String(later.body.orderId), [...orders][0]);
    const { body } = await buyer.get("/v1/orders");
    assert.equal(body.items.length, 1);
  });

  test("many requests in flight with one key make one cart", async () => {
    const buyer = await aGuest(client);
    const send = persistent(nothingSeen());
    const ask = { key: "a cart".replace(" ", "-"), body: { currency: "EUR", country: "DE" } };
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(buyer, "POST", "/v1/carts", ask)));
    assert.equal(new Set(answers.map(({ body }) => String(body.cartId))).size, 1);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.equal(answers.filter((answer) => !isReplay(answer)).length, 1, "one was first");
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1, "they are told the same");
  });

  test("one key with another body is refused, and changes nothing", async () => {
    const buyer = await aGuest(client);
    const first = await buyer.post("/v1/carts", { currency: "EUR", country: "DE" }, { key: "same" });
    const other = await buyer.post("/v1/carts", { currency: "USD", country: "US" }, { key: "same" });
    assert.equal(other.status, 422);
    assert.equal(other.body.code, "kernel/key-reused");
    const again = await buyer.post("/v1/carts", { currency: "EUR", country: "DE" }, { key: "same" });
    assert.ok(isReplay(again));
    assert.equal(again.body.cartId, first.body.cartId);
  });

  test("one key of two people is two keys", async () => {
    const [one, other] = await Promise.all([aGuest(client), aGuest(client)]);
    const body = { currency: "EUR", country: "DE" };
    const [mine, theirs] = await Promise.all([
      one.post("/v1/carts", body, { key: "k" }),
      other.post("/v1/carts", body, { key: "k" }),
    ]);
    assert.equal(mine.status, 201);
    assert.equal(theirs.status, 201);
    assert.notEqual(mine.body.cartId, theirs.body.cartId);
  });

  test("two payments in flight with two keys are one order", async () => {
    const { buyer, checkoutId } = await aCheckout(client);
    const keys = ["left", "right", "middle"];
    const pay = (key: string): Promise<Answer> =>
      buyer.post(`/v1/checkouts/${checkoutId}/complete`, { paymentToken: "tok_success" }, { key });
    const answers = await Promise.all(keys.map(pay));
    for (const { status, body } of answers) {
      if (status !== 200) assert.deepEqual([status, body.code], [409, "checkout/busy"]);
    }
    const placed = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => String(body.orderId)));
    assert.equal(placed.size, 1);
    assert.equal((await buyer.get("/v1/orders")).body.items.length, 1);
  });

  test("two checkouts of one cart, paid at once, are one order", async () => {
    const { buyer, checkoutId, cartId } = await aCheckout(client);
    const other = await buyer.post("/v1/checkouts", { cartId });
    const pay = (id: string): Promise<Answer> =>
      buyer.post(`/v1/checkouts/${id}/complete`, { paymentToken: "tok_success" }, { key: `pay-${id}` });
    const answers = await Promise.all([pay(checkoutId), pay(String(other.body.checkoutId))]);
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted(),
      [200, 409],
      JSON.stringify(answers.map(({ body }) => body)),
    );
    assert.equal((await buyer.get("/v1/orders")).body.items.length, 1);
  });

  test("a refusal is repeated as it was; paying needs a key", async () => {
    const { buyer, checkoutId } = await aCheckout(client);
    const path = `/v1/checkouts/${checkoutId}/complete`;
    const bare = await buyer.post(path, { paymentToken: "tok_success" });
    assert.equal(bare.status, 400);
    assert.equal(bare.body.code, "gateway/idempotency-key-required");
    const pay = (): Promise<Answer> => buyer.post(path, { paymentToken: "tok_decline" }, { key: "declined" });
    const [first, second] = [await pay(), await pay()];
    assert.equal(first.status, 409);
    assert.equal(first.body.code, "checkout/payment-declined");
    assert.equal(second.status, 409);
    assert.equal(second.body.code, "checkout/payment-declined");
    const other = await buyer.post(path, { paymentToken: "tok_success" }, { key: "another" });
    assert.equal(other.body.status, "completed", JSON.stringify(other.body));
  });

  test("a crash after the effect, before the answer: the repetition is told of the one effect", async () => {
    const { buyer, checkoutId } = await aCheckout(client);
    const seen = nothingSeen();
    await shop.dieAfter("checkout.complete");
    const reviving = shop.ended().then(() => shop.open());
    const ask = { key: "pay", body: { paymentToken: "tok_success" } };
    const answer = await persistent(seen)(buyer, "POST", `/v1/checkouts/${checkoutId}/complete`, ask);
    await reviving;
    assert.ok(seen.cut > 0, "the buyer was not cut off");
    assert.ok(isReplay(answer), JSON.stringify(answer));
    assert.equal(answer.body.status, "completed");
    assert.equal((await buyer.get("/v1/orders")).body.items.length, 1);
  });

  test("the books are right after all that", async () => {
    await shop.settle(90_000);
    await shop.stop();
    const violations = await shop.check();
    assert.equal(violations.length, 0, describeViolations(violations));
  });
});
