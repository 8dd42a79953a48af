/** What the people of the shop do: the range, prices, stock, orders, parcels, money back, rights. By HTTP alone. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CheckedClient, withApiKey } from "../checked-client.ts";
import { openArranged } from "../arrangement.ts";
import { type Shop, until } from "../open-shop.ts";
import {
  available,
  beginCheckout,
  buyNow,
  mailTo,
  pay,
  providerBooks,
  providerKeeps,
  readyCart,
  skusInStock,
} from "./steps.ts";

let shop: Shop;
let merchandiser: CheckedClient;
let warehouse: CheckedClient;
let support: CheckedClient;
let admin: CheckedClient;
let sku: string;

const LAMP = "LAMP-GREEN";

before(async () => {
  shop = await openArranged();
  merchandiser = await shop.login("merchandiser@example.com");
  warehouse = await shop.login("warehouse@example.com");
  support = await shop.login("support@example.com");
  admin = await shop.login("admin@example.com");
  [sku = ""] = await skusInStock(shop, 1);
});
after(() => shop[Symbol.asyncDispose]());

describe("the merchandiser", () => {
  let id: string;
  let etag: string;

  test("adds a product with a variant, prices it and publishes it; before that, nobody sees it", async () => {
    const category = { slug: "lamps", name: "Lamps" };
    await merchandiser.expect(201, "POST", "/v1/categories", { body: category });
    const product = {
      slug: "desk-lamp",
      title: "Desk lamp",
      categories: ["lamps"],
      options: [{ name: "Colour", values: ["green"] }],
    };
    ({ id } = await merchandiser.expect(201, "POST", "/v1/products", { body: product }));
    await merchandiser.refused(409, "catalog/nothing-to-sell", "POST", `/v1/products/${id}/publish`, {
      body: {},
      headers: { "if-match": '"1"' },
    });
    await merchandiser.expect(201, "POST", `/v1/products/${id}/variants`, {
      body: { sku: LAMP, options: { Colour: "green" } },
    });
    const price = { sku: LAMP, price: { amount: 4_900, currency: "EUR" }, taxCategory: "standard" };
    await merchandiser.expect(200, "PUT", "/v1/pricing/prices", { body: { prices: [price] } });
    await shop.client.refused(404, "catalog/no-product", "GET", "/v1/products/desk-lamp");
    assert.equal((await shop.client.expect(200, "GET", "/v1/search?q=desk+lamp")).total, 0);
    const { version } = await merchandiser.expect(200, "GET", `/v1/products/${id}`);
    const published = await merchandiser.ask("POST", `/v1/products/${id}/publish`, {
      body: {},
      headers: { "if-match": `"${version}"` },
    });
    assert.deepEqual([published.status, published.body.status], [200, "published"], JSON.stringify(published.body));
    etag = String(published.headers["etag"]);
    assert.equal((await shop.client.expect(200, "GET", "/v1/search?q=desk+lamp")).total, 1);
    const page = await shop.client.expect(200, "GET", "/v1/storefront/products/desk-lamp?currency=EUR");
    assert.deepEqual(page.product.variants[0].price.price, { amount: 4_900, currency: "EUR" });
  });

  test("cannot overwrite what a colleague changed meanwhile", async () => {
    const patch = (title: string, ifMatch?: string) =>
      merchandiser.patch(
        `/v1/products/${id}`,
        { title },
        ifMatch === undefined ? {} : { headers: { "if-match": ifMatch } },
      );
    assert.equal((await patch("Without looking")).status, 428);
    const first = await patch("Desk lamp, brass", etag);
    assert.deepEqual([first.status, first.headers["etag"] === etag], [200, false]);
    const late = await patch("Desk lamp, steel", etag);
    assert.deepEqual([late.status, late.body.code], [409, "catalog/version-conflict"]);
    assert.equal((await shop.client.expect(200, "GET", "/v1/products/desk-lamp")).title, "Desk lamp, brass");
  });

  test("runs a promotion that every cart gets, and a coupon that works once", async () => {
    const quote = (couponCodes: string[]) =>
      shop.client.expect(200, "POST", "/v1/pricing/quotes", {
        body: { currency: "EUR", country: "DE", lines: [{ sku: LAMP, quantity: 2 }], couponCodes, shipping: null },
      });
    assert.equal((await quote([])).discount.amount, 0);
    const half = {
      label: "Lamps at half price",
      benefit: { kind: "percent", bp: 5_000 },
      skus: [LAMP],
      needsCoupon: false,
    };
    await merchandiser.expect(200, "PUT", "/v1/pricing/promotions/lamp-week", { body: half });
    assert.equal((await quote([])).discount.amount, 4_900);
    const ended = { ...half, endsAt: "2020-01-01T00:00:00Z" };
    await merchandiser.expect(200, "PUT", "/v1/pricing/promotions/lamp-week", { body: ended });
    assert.equal((await quote([])).discount.amount, 0);
    const five = {
      label: "5 € off",
      benefit: { kind: "fixed", amount: { amount: 500, currency: "EUR" } },
      needsCoupon: true,
    };
    await merchandiser.expect(200, "PUT", "/v1/pricing/promotions/five-off", { body: five });
    await merchandiser.expect(200, "PUT", "/v1/pricing/coupons/ONCE", { body: { promotionId: "five-off", limit: 1 } });
    assert.equal((await quote(["ONCE"])).discount.amount, 500);
    const buyer = await shop.guest();
    await buyNow(buyer, [{ sku, quantity: 1 }], { coupon: "ONCE" });
    assert.deepEqual((await quote(["ONCE"])).couponProblems, [{ code: "ONCE", reason: "usedUp" }]);
    const shown = await merchandiser.expect(200, "GET", "/v1/pricing/coupons/ONCE");
    assert.deepEqual([shown.held, shown.committed], [0, 1]);
  });

  test("takes a product back: it can be neither seen nor bought", async () => {
    const { version } = await merchandiser.expect(200, "GET", `/v1/products/${id}`);
    await merchandiser.expect(200, "POST", `/v1/products/${id}/unpublish`, {
      body: {},
      headers: { "if-match": `"${version}"` },
    });
    await shop.client.refused(404, "catalog/no-product", "GET", "/v1/products/desk-lamp");
    const buyer = await shop.guest();
    const cart = await buyer.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
    const line = { body: { sku: LAMP, quantity: 1 } };
    await buyer.refused(409, "cart/not-for-sale", "POST", `/v1/carts/${cart.cartId}/lines`, line);
  });
});

describe("the warehouse", () => {
  test("receives, moves and corrects stock, and every piece is in the ledger", async () => {
    const location = { code: "attic", name: "The attic", country: "DE", priority: 5 };
    await warehouse.expect(201, "POST", "/v1/inventory/locations", { body: location });
    await warehouse.refused(409, "inventory/location-taken", "POST", "/v1/inventory/locations", { body: location });
    const line = { sku: LAMP, location: "attic", quantity: 10 };
    await warehouse.expect(200, "POST", "/v1/inventory/receipts", { body: { lines: [line], reason: "delivery 1" } });
    assert.equal(await available(shop, LAMP), 10);
    const adjust = (change: number) => ({
      body: { sku: LAMP, location: "attic", change, kind: "write-off", reason: "broken" },
    });
    await warehouse.expect(200, "POST", "/v1/inventory/adjustments", adjust(-2));
    await warehouse.refused(409, "inventory/stock-held", "POST", "/v1/inventory/adjustments", adjust(-9));
    const { items } = await warehouse.expect(200, "GET", "/v1/inventory/locations");
    const elsewhere = items.find((one: { code: string }) => one.code !== "attic").code;
    const move = { body: { sku: LAMP, from: "attic", to: elsewhere, quantity: 3, reason: "nearer" } };
    const moved = await warehouse.expect(200, "POST", "/v1/inventory/transfers", move);
    assert.deepEqual([moved.from.onHand, moved.to.onHand], [5, 3]);
    await warehouse.expect(200, "PUT", `/v1/inventory/levels/${LAMP}/attic/policy`, { body: { safety: 1, lowAt: 2 } });
    assert.equal(await available(shop, LAMP), 7);
    const ledger = await warehouse.expect(200, "GET", `/v1/inventory/movements?sku=${LAMP}`);
    const kinds = ledger.items.map(({ kind, quantity }: { kind: string; quantity: number }) => `${kind} ${quantity}`);
    assert.deepEqual(kinds.toSorted(), ["receive 10", "transfer -3", "transfer 3", "write-off -2"]);
    assert.ok(ledger.items.every((one: { actor: string }) => one.actor !== ""));
  });

  test("does not send what support holds back", async () => {
    const buyer = await shop.guest();
    const { orderId } = await buyNow(buyer, [{ sku, quantity: 1 }]);
    const shipmentOf = async () => (await buyer.expect(200, "GET", `/v1/orders/${orderId}/shipments`)).items[0];
    const held = await support.expect(200, "POST", `/v1/orders/${orderId}/hold`, {
      body: { reason: "is this address right?" },
    });
    assert.equal(held.lifecycle, "on_hold");
    await support.expect(201, "POST", `/v1/orders/${orderId}/notes`, { body: { text: "Called the customer." } });
    // An owner sees a shipment once there is one.
    const shipment = await until(
      "the parcel can be sent",
      async () => (await warehouse.expect(200, "GET", `/v1/orders/${orderId}/shipments`)).items[0],
      (shown) => shown?.status === "ready",
    );
    const ship = `/v1/shipments/${shipment.shipmentId}/ship`;
    await until(
      "shipping has heard of the hold",
      () => warehouse.ask("POST", ship, { body: {} }),
      (answer) => answer.status === 409 && answer.body.code === "shipping/on-hold",
    );
    const resumed = await support.expect(200, "POST", `/v1/orders/${orderId}/resume`, { body: {} });
    assert.deepEqual([resumed.lifecycle, resumed.notes.length], ["placed", 1]);
    await until(
      "it may leave",
      () => warehouse.ask("POST", ship, { body: {} }),
      (answer) => answer.status === 200,
    );
    await until("it arrives", shipmentOf, (shown) => shown.status === "delivered", 20_000);
  });

  test("finds no number that does not add up", async () => {
    assert.deepEqual((await warehouse.expect(200, "GET", "/v1/inventory/audit")).violations, []);
  });
});

describe("support", () => {
  test("finds orders by what it knows, and reads what happened to them", async () => {
    const buyer = await shop.guest();
    const { orderId } = await buyNow(buyer, [{ sku, quantity: 1 }], { email: "lost-property@example.com" });
    const found = await support.expect(
      200,
      "GET",
      "/v1/admin/orders?email=Lost-Property%40example.com&lifecycle=placed",
    );
    assert.deepEqual(
      found.items.map((order: { orderId: string }) => order.orderId),
      [orderId],
    );
    const history = await support.expect(200, "GET", `/v1/orders/${orderId}/history`);
    assert.ok(history.items.length > 1);
    const payments = await support.expect(200, "GET", `/v1/orders/${orderId}/payments`);
    assert.equal(payments.items.length, 1);
    const messages = await until(
      "the mail is noted",
      () => support.expect(200, "GET", "/v1/messages?recipient=lost-property%40example.com"),
      (list) => list.items.some((item: { status: string }) => item.status === "sent"),
    );
    assert.equal(messages.items[0].template.split("@")[0], "order-placed");
    // Reading is not refunding.
    const body = { amount: { amount: 1, currency: "EUR" }, reason: "no right to it" };
    const refund = `/v1/payments/${payments.items[0].paymentId}/refunds`;
    await support.refused(403, "kernel/forbidden", "POST", refund, { body, key: "no-right" });
  });
});

describe("the admin", () => {
  test("gives back a part, then the rest, and never more than was paid", async () => {
    const buyer = await shop.guest();
    const email = "refunded@example.com";
    const { orderId, paymentId, total } = await buyNow(buyer, [{ sku, quantity: 1 }], { email });
    const refund = (amount: number, key: string) =>
      admin.post(
        `/v1/payments/${paymentId}/refunds`,
        { amount: { amount, currency: "EUR" }, reason: "a scratch" },
        { key },
      );
    const first = await refund(100, "first");
    assert.deepEqual([first.status, first.body.refunded.amount], [200, 100], JSON.stringify(first.body));
    // The same request again, as after a lost answer.
    const again = await refund(100, "first");
    assert.deepEqual(
      [again.status, again.body.refunded.amount, again.headers["idempotent-replayed"]],
      [200, 100, "true"],
    );
    const other = await refund(101, "first");
    assert.deepEqual([other.status, other.body.code], [422, "kernel/key-reused"]);
    const shown = await until(
      "the order knows",
      () => buyer.expect(200, "GET", `/v1/orders/${orderId}`),
      (order) => order.payment === "refunded_partial",
    );
    assert.equal(shown.refunded.amount, 100);
    await mailTo(shop, email, "order-refunded");
    const tooMuch = await refund(total, "too-much");
    assert.deepEqual([tooMuch.status, tooMuch.body.code], [409, "payments/refund-too-large"]);
    assert.equal((await refund(total - 100, "the-rest")).status, 200);
    await until(
      "all of it is back",
      () => buyer.expect(200, "GET", `/v1/orders/${orderId}`),
      (order) => order.payment === "refunded",
    );
    assert.equal(await providerKeeps(shop, paymentId), 0);
    assert.equal((await providerBooks(shop, paymentId)).length, 4);
  });

  test("sees when a refund did not arrive", async () => {
    const buyer = await shop.guest();
    const { paymentId, total } = await buyNow(buyer, [{ sku, quantity: 1 }], { card: "tok_refund_fails" });
    const body = { amount: { amount: total, currency: "EUR" }, reason: "returned" };
    await admin.expect(200, "POST", `/v1/payments/${paymentId}/refunds`, { body, key: "fails" });
    const ledger = await until(
      "the failure is known",
      () => admin.expect(200, "GET", `/v1/payments/${paymentId}/ledger`),
      ({ items }) =>
        items.some((entry: { kind: string; phase: string }) => entry.kind === "refund" && entry.phase === "failure"),
    );
    assert.deepEqual(ledger.audit, []);
    assert.equal((await admin.expect(200, "GET", `/v1/payments/${paymentId}`)).refunded.amount, 0);
  });

  test("lets programs in by keys, with the rights of their roles, until they are revoked", async () => {
    const made = await admin.expect(201, "POST", "/v1/auth/api-keys", {
      body: { name: "packing robot", roles: ["warehouse"] },
    });
    const robot = withApiKey(shop.client, made.key);
    await robot.expect(200, "GET", "/v1/shipments");
    await robot.refused(403, "kernel/forbidden", "GET", "/v1/auth/users");
    const listed = await admin.expect(200, "GET", "/v1/auth/api-keys");
    assert.ok(!JSON.stringify(listed).includes(made.key), "a key is shown once");
    const revoked = await admin.expect(201, "POST", "/v1/auth/api-keys", {
      body: { name: "unused", roles: ["admin"] },
    });
    await admin.expect(200, "DELETE", `/v1/auth/api-keys/${revoked.keyId}`);
    await withApiKey(shop.client, revoked.key).refused(401, "gateway/credential-invalid", "GET", "/v1/shipments");
    const both = { headers: { "x-api-key": String(made.key) } };
    await admin.refused(400, "gateway/malformed", "GET", "/v1/shipments", both);
  });

  test("makes a colleague, and gives and takes rights", async () => {
    const email = "new-colleague@example.com";
    const body = { email, password: "a password for a colleague", roles: ["customer"] };
    const { userId } = await admin.expect(201, "POST", "/v1/auth/users", { body });
    const before = await shop.login(email, body.password);
    await before.refused(403, "kernel/forbidden", "GET", "/v1/admin/orders");
    await admin.expect(200, "PUT", `/v1/auth/users/${userId}/roles`, { body: { roles: ["support"] } });
    const after = await shop.login(email, body.password);
    await after.expect(200, "GET", "/v1/admin/orders");
    await admin.expect(200, "POST", `/v1/auth/users/${userId}/revoke-sessions`, { body: {} });
  });

  test("sees what was sold", async () => {
    await shop.rest();
    const { items } = await admin.expect(200, "GET", "/v1/admin/sales?days=7");
    const orders = await admin.expect(200, "GET", "/v1/admin/orders?limit=100");
    const placed = orders.items.filter(
      (order: { lifecycle: string }) => !["pending", "abandoned"].includes(order.lifecycle),
    );
    assert.equal(
      items.reduce((sum: number, day: { placed: number }) => sum + day.placed, 0),
      placed.length,
    );
    const worth = placed.reduce((sum: number, order: { total: { amount: number } }) => sum + order.total.amount, 0);
    assert.equal(
      items.reduce((sum: number, day: { revenue: number }) => sum + day.revenue, 0),
      worth,
    );
  });
});

test("a checkout whose price changed under it asks again", async () => {
  const buyer = await shop.guest();
  const [other = ""] = (await skusInStock(shop, 2)).slice(1);
  const checkoutId = await beginCheckout(buyer, await readyCart(buyer, [{ sku: other, quantity: 1 }]));
  const { prices } = await shop.client.expect(200, "GET", `/v1/prices?skus=${other}&currency=EUR`);
  const [{ price, taxCategory }] = prices;
  const dearer = { sku: other, price: { ...price, amount: price.amount + 1 }, taxCategory };
  await merchandiser.expect(200, "PUT", "/v1/pricing/prices", { body: { prices: [dearer] } });
  const { status, body } = await pay(buyer, checkoutId, "tok_success");
  assert.deepEqual([status, body.code], [409, "cart/price-changed"], JSON.stringify(body));
  const paid = await buyer.post(
    `/v1/checkouts/${checkoutId}/complete`,
    { paymentToken: "tok_success", quoteHash: body.data.hash },
    { key: "agreed" },
  );
  assert.deepEqual([paid.status, paid.body.status], [200, "completed"], JSON.stringify(paid.body));
  const order = await buyer.expect(200, "GET", `/v1/orders/${paid.body.orderId}`);
  assert.equal(order.lines[0].unitPrice.amount, price.amount + 1);
});

test("no event was given up, and nothing broke inside", async () => {
  await shop.rest();
  assert.deepEqual(await shop.deadLetters(), []);
  assert.deepEqual(shop.complaints, []);
});
