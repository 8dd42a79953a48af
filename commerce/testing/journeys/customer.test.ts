/** A customer's life with the shop, from signing up to being forgotten, by HTTP alone. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { CheckedClient } from "../checked-client.ts";
import { ADDRESS } from "../flow.ts";
import { openArranged } from "../arrangement.ts";
import { type Shop, until } from "../open-shop.ts";
import {
  available,
  beginCheckout,
  buyNow,
  codeIn,
  mailTo,
  pay,
  providerBooks,
  providerKeeps,
  readyCart,
  skusInStock,
} from "./steps.ts";

const email = "grace@example.com";
const password = "correct horse battery staple";

let shop: Shop;
let grace: CheckedClient;
let sku: string;
let other: string;

before(async () => {
  shop = await openArranged();
  [sku = "", other = ""] = await skusInStock(shop, 2);
});
after(() => shop[Symbol.asyncDispose]());

describe("signing up", () => {
  test("registers, confirms the address with the mail's code, and signs in", async () => {
    const body = { email, password, name: "Grace Hopper" };
    assert.deepEqual(await shop.client.expect(201, "POST", "/v1/auth/register", { body }), { accepted: true });
    const token = codeIn(await mailTo(shop, email, "verify-email"));
    await shop.client.expect(200, "POST", "/v1/auth/verify-email", { body: { token } });
    await shop.client.refused(403, "auth/bad-token", "POST", "/v1/auth/verify-email", { body: { token } });
    grace = await shop.login(email, password);
    const me = await until(
      "the profile is there",
      () => grace.expect(200, "GET", "/v1/me"),
      (profile) => profile.name !== "",
    );
    assert.deepEqual([me.email, me.name], [email, "Grace Hopper"]);
  });

  test("does not tell whether an address is taken, but tells its owner", async () => {
    const body = { email, password: "another good password", name: "Mallory" };
    assert.deepEqual(await shop.client.expect(201, "POST", "/v1/auth/register", { body }), { accepted: true });
    await mailTo(shop, email, "registration-repeated");
    await shop.login(email, password);
  });

  test("wrong passwords and unknown people look alike", async () => {
    const wrong = { body: { email, password: "not the password" } };
    const nobody = { body: { email: "nobody@example.com", password: "not the password" } };
    const first = await shop.client.refused(403, "auth/wrong-credentials", "POST", "/v1/auth/login", wrong);
    const second = await shop.client.refused(403, "auth/wrong-credentials", "POST", "/v1/auth/login", nobody);
    assert.deepEqual({ ...first, traceId: "" }, { ...second, traceId: "" });
  });
});

describe("looking around", () => {
  test("searches with facets, and narrows the search by one", async () => {
    const { client } = shop;
    const all = await client.expect(200, "GET", "/v1/search?q=tent");
    assert.ok(all.total > 0 && all.items.length > 0);
    const facet = all.facets.attributes.find((one: { values: { count: number }[] }) => one.values.length > 1);
    assert.ok(facet !== undefined, "the search has no facet to narrow it by");
    const [choice] = facet.values;
    const filter = encodeURIComponent(`${facet.code}:${choice.value}`);
    const narrowed = await client.expect(200, "GET", `/v1/search?q=tent&filter=${filter}`);
    assert.equal(narrowed.total, choice.count);
    const [category] = all.facets.categories;
    const inside = await client.expect(200, "GET", `/v1/search?q=tent&category=${category.slug}`);
    assert.equal(inside.total, category.count);
    assert.equal((await client.expect(200, "GET", "/v1/search?q=zzzzzz")).total, 0);
  });

  test("sees a product with its prices and stock", async () => {
    const list = await shop.client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=5");
    const page = await shop.client.expect(200, "GET", `/v1/storefront/products/${list.items[0].slug}?currency=EUR`);
    assert.deepEqual(page.degraded, []);
    for (const variant of page.product.variants) {
      assert.equal(variant.price.price.currency, "EUR");
      assert.ok(variant.price.price.amount > 0);
      assert.ok(Number.isInteger(variant.stock.available));
    }
    const { url } = page.product.media[0];
    const picture = await shop.client.get(url);
    assert.deepEqual([picture.status, picture.headers["content-type"]], [200, "image/svg+xml"]);
    await shop.client.refused(404, "catalog/no-product", "GET", "/v1/storefront/products/no-such-thing");
  });
});

describe("a cart", () => {
  test("of a guest is taken over at sign-in, and quantities add up", async () => {
    const guest = await shop.guest();
    const theirs = await guest.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
    const lines = `/v1/carts/${theirs.cartId}/lines`;
    await guest.expect(200, "POST", lines, { body: { sku, quantity: 2 } });
    await guest.expect(200, "POST", lines, { body: { sku: other, quantity: 1 } });
    const mine = await grace.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
    await grace.expect(200, "POST", `/v1/carts/${mine.cartId}/lines`, { body: { sku, quantity: 3 } });
    const merged = await grace.expect(200, "POST", "/v1/carts/merge", { body: { guestToken: guest.token } });
    const quantities = Object.fromEntries(
      merged.lines.map((line: { sku: string; quantity: number }) => [line.sku, line.quantity]),
    );
    assert.deepEqual([merged.cartId, quantities], [mine.cartId, { [sku]: 5, [other]: 1 }]);
    // Once more changes nothing: the guest's cart is closed.
    const again = await grace.expect(200, "POST", "/v1/carts/merge", { body: { guestToken: guest.token } });
    assert.deepEqual(again.lines, merged.lines);
    assert.equal((await guest.expect(200, "GET", `/v1/carts/${theirs.cartId}`)).status, "merged");
    assert.equal((await grace.expect(200, "GET", "/v1/me/cart")).cartId, mine.cartId);
  });

  test("can be changed: more, fewer, none", async () => {
    const { cartId } = await grace.expect(200, "GET", "/v1/me/cart");
    const path = `/v1/carts/${cartId}/lines/${other}`;
    const more = await grace.expect(200, "PUT", path, { body: { quantity: 4 } });
    assert.equal(more.quote.lines.find((line: { sku: string }) => line.sku === other).quantity, 4);
    const none = await grace.expect(200, "DELETE", path);
    assert.deepEqual(
      none.lines.map((line: { sku: string }) => line.sku),
      [sku],
    );
    await grace.refused(409, "cart/not-for-sale", "POST", `/v1/carts/${cartId}/lines`, {
      body: { sku: "NO-SUCH", quantity: 1 },
    });
    await grace.refused(409, "cart/full", "PUT", `/v1/carts/${cartId}/lines/${sku}`, { body: { quantity: 9_999 } });
  });

  test("takes coupons: one that works, one that nobody knows, one that asks for more", async () => {
    const { cartId } = await grace.expect(200, "GET", "/v1/me/cart");
    const apply = (code: string) => grace.expect(200, "POST", `/v1/carts/${cartId}/coupons`, { body: { code } });
    const before = await grace.expect(200, "PUT", `/v1/carts/${cartId}/lines/${sku}`, { body: { quantity: 1 } });
    const discounted = await apply("welcome10");
    const { subtotal, discount } = discounted.quote;
    assert.equal(discount.amount, before.quote.discount.amount + Math.round(subtotal.amount / 10));
    const unknown = await apply("NO-SUCH-CODE");
    assert.deepEqual(unknown.quote.couponProblems, [{ code: "NO-SUCH-CODE", reason: "unknown" }]);
    await grace.expect(200, "DELETE", `/v1/carts/${cartId}/coupons/NO-SUCH-CODE`);
    const [cheap = ""] = await cheapest();
    const guest = await shop.guest();
    const little = await readyCart(guest, [{ sku: cheap, quantity: 1 }]);
    const shown = await guest.expect(200, "POST", `/v1/carts/${little}/coupons`, { body: { code: "SUMMIT20" } });
    assert.deepEqual(shown.quote.couponProblems, [{ code: "SUMMIT20", reason: "belowMinimum" }]);
    assert.equal(shown.quote.discount.amount, 0);
  });

  test("says how it can be sent, and for how much", async () => {
    const { cartId } = await grace.expect(200, "GET", "/v1/me/cart");
    const { options } = await grace.expect(200, "GET", `/v1/carts/${cartId}/shipping-options`);
    assert.ok(
      options.some((option: { code: string }) => option.code === "standard"),
      JSON.stringify(options),
    );
    const chosen = await grace.expect(200, "PATCH", `/v1/carts/${cartId}`, {
      body: { email, shippingAddress: ADDRESS, shippingOption: "standard" },
    });
    const [standard] = options.filter((option: { code: string }) => option.code === "standard");
    assert.deepEqual(chosen.quote.shipping, standard.price);
    assert.equal(
      chosen.quote.total.amount,
      chosen.quote.subtotal.amount -
        chosen.quote.discount.amount +
        chosen.quote.shipping.amount +
        chosen.quote.tax.amount,
    );
    assert.deepEqual(chosen.missing, []);
    const nowhere = { body: { shippingOption: "by-carrier-pigeon" } };
    await grace.refused(409, "cart/no-shipping-option", "PATCH", `/v1/carts/${cartId}`, nowhere);
  });
});

async function cheapest(): Promise<string[]> {
  const list = await shop.client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=100");
  type Card = { skus: string[]; fromPrice: { amount: number } | null; inStock: boolean };
  return (list.items as Card[])
    .filter((card) => card.inStock && card.fromPrice !== null)
    .toSorted((a, b) => (a.fromPrice?.amount ?? 0) - (b.fromPrice?.amount ?? 0))
    .flatMap((card) => card.skus);
}

describe("an order", () => {
  let orderId: string;

  test("is placed from the cart, with the coupon, and confirmed by mail", async () => {
    const { cartId } = await grace.expect(200, "GET", "/v1/me/cart");
    const checkoutId = await beginCheckout(grace, cartId);
    const key = "the-same-key";
    const ask = { body: { paymentToken: "tok_success" }, key };
    const path = `/v1/checkouts/${checkoutId}/complete`;
    await grace.refused(400, "gateway/idempotency-key-required", "POST", path, { body: ask.body });
    const done = await grace.ask("POST", path, ask);
    assert.deepEqual([done.status, done.body.status], [200, "completed"], JSON.stringify(done.body));
    ({ orderId } = done.body);
    const again = await grace.ask("POST", path, ask);
    assert.deepEqual([again.body.orderId, again.headers["idempotent-replayed"]], [orderId, "true"]);
    const mail = await mailTo(shop, email, "order-placed");
    const order = await grace.expect(200, "GET", `/v1/orders/${orderId}`);
    assert.ok(mail.subject.includes(order.number), mail.subject);
    assert.deepEqual([order.lifecycle, order.couponCodes], ["placed", ["WELCOME10"]]);
  });

  test("stands in the history, with what happened to it", async () => {
    const { items } = await grace.expect(200, "GET", "/v1/orders");
    assert.deepEqual(
      items.map((order: { orderId: string }) => order.orderId),
      [orderId],
    );
    const history = await until(
      "the money was taken",
      () => grace.expect(200, "GET", `/v1/orders/${orderId}/history`),
      (shown) => shown.items.some((item: { type: string }) => item.type === "paymentChanged"),
    );
    const types = history.items.map((item: { type: string }) => item.type);
    assert.equal(types[0], "opened");
    assert.ok(types.includes("placed"));
    const first = await grace.get(`/v1/orders/${orderId}`);
    const known = await grace.get(`/v1/orders/${orderId}`, {
      headers: { "if-none-match": String(first.headers["etag"]) },
    });
    assert.equal(known.status === 304 || known.headers["etag"] !== first.headers["etag"], true);
  });

  test("is sent, and can be followed until it is there, without a token", async () => {
    const warehouse = await shop.login("warehouse@example.com");
    const { items } = await until(
      "the parcel can be sent",
      () => warehouse.expect(200, "GET", "/v1/shipments?status=ready"),
      (shipments) => shipments.items.length > 0,
    );
    const sent = await warehouse.expect(200, "POST", `/v1/shipments/${items[0].shipmentId}/ship`, { body: {} });
    const tracked = await until(
      "the parcel is there",
      () => shop.client.expect(200, "GET", `/v1/tracking/${sent.trackingNumber}`),
      (shown) => shown.status === "delivered",
      20_000,
    );
    const statuses = tracked.history.map((entry: { status: string }) => entry.status);
    for (const status of ["shipped", "in_transit", "out_for_delivery", "delivered"])
      assert.ok(statuses.includes(status), status);
    assert.doesNotMatch(JSON.stringify(tracked), /Ada|Harbour|@/);
    const order = await until(
      "the order is complete",
      () => grace.expect(200, "GET", `/v1/orders/${orderId}`),
      (shown) => shown.lifecycle === "completed",
    );
    assert.deepEqual(
      [order.payment, order.fulfilment, order.trackingNumbers],
      ["captured", "delivered", [sent.trackingNumber]],
    );
    const mine = await grace.expect(200, "GET", `/v1/orders/${orderId}/shipments`);
    assert.equal(mine.items[0].status, "delivered");
    for (const template of ["shipment-shipped", "out-for-delivery", "shipment-delivered"]) {
      await mailTo(shop, email, template);
    }
    await grace.refused(409, "orders/wrong-state", "POST", `/v1/orders/${orderId}/cancel`, { body: {} });
  });

  test("is cancelled before it leaves: money, stock and coupon come back, and a mail says so", async () => {
    const merchandiser = await shop.login("merchandiser@example.com");
    const used = async () => {
      const { held, committed } = await merchandiser.expect(200, "GET", "/v1/pricing/coupons/SUMMIT20");
      return Number(held) + Number(committed);
    };
    const [stock, coupons] = [await available(shop, sku), await used()];
    const { prices } = await shop.client.expect(200, "GET", `/v1/prices?skus=${sku}&currency=EUR`);
    const quantity = Math.ceil(10_000 / prices[0].price.amount);
    const bought = await buyNow(grace, [{ sku, quantity }], { coupon: "SUMMIT20", email });
    assert.deepEqual([await available(shop, sku), await used()], [stock - quantity, coupons + 1]);
    const cancelled = await grace.expect(200, "POST", `/v1/orders/${bought.orderId}/cancel`, {
      body: { reason: "changed my mind" },
    });
    assert.deepEqual([cancelled.lifecycle, cancelled.reason], ["cancelled", "changed my mind"]);
    const order = await until(
      "the money is back",
      () => grace.expect(200, "GET", `/v1/orders/${bought.orderId}`),
      (shown) => shown.payment === "refunded",
    );
    assert.equal(order.refunded.amount, bought.total);
    assert.deepEqual(await providerBooks(shop, bought.paymentId), [
      ["authorize", bought.total],
      ["capture", bought.total],
      ["refund", bought.total],
    ]);
    assert.equal(await providerKeeps(shop, bought.paymentId), 0);
    assert.deepEqual([await available(shop, sku), await used()], [stock, coupons]);
    await mailTo(shop, email, "order-cancelled");
    await mailTo(shop, email, "order-refunded");
  });

  test("may ask for more than there is: the buyer is told so, and nothing is charged", async () => {
    const checkoutId = await beginCheckout(grace, await readyCart(grace, [{ sku, quantity: 900 }]));
    const { status, body } = await pay(grace, checkoutId, "tok_success");
    assert.deepEqual([status, body.code], [409, "inventory/stock-short"], JSON.stringify(body));
    assert.equal((await grace.expect(200, "GET", `/v1/checkouts/${checkoutId}`)).status, "open");
  });
});

describe("an account", () => {
  test("has a profile that two people cannot overwrite for one another", async () => {
    const { headers } = await grace.get("/v1/me");
    const patch = (ifMatch: string | undefined, name: string) =>
      grace.patch("/v1/me", { name }, ifMatch === undefined ? {} : { headers: { "if-match": ifMatch } });
    assert.equal((await patch(undefined, "Nobody")).status, 428);
    const changed = await patch(String(headers["etag"]), "Rear Admiral Hopper");
    assert.deepEqual([changed.status, changed.body.name], [200, "Rear Admiral Hopper"]);
    const late = await patch(String(headers["etag"]), "Too late");
    assert.deepEqual([late.status, late.body.code], [409, "users/changed"]);
  });

  test("has addresses", async () => {
    const kept = await grace.expect(201, "POST", "/v1/me/addresses", { body: { label: "home", address: ADDRESS } });
    const path = `/v1/me/addresses/${kept.addressId}`;
    const moved = { label: "home", address: { ...ADDRESS, city: "Bremen" } };
    const changed = await grace.expect(200, "PUT", path, { body: moved, headers: { "if-match": '"1"' } });
    assert.deepEqual([changed.address.city, changed.version], ["Bremen", 2]);
    await grace.refused(409, "users/changed", "PUT", path, { body: moved, headers: { "if-match": '"1"' } });
    assert.equal((await grace.expect(200, "GET", "/v1/me/addresses")).items.length, 1);
    await grace.expect(204, "DELETE", path);
    assert.deepEqual((await grace.expect(200, "GET", "/v1/me/addresses")).items, []);
  });

  test("stays signed in by tokens that work once; a copy that is used ends the session", async () => {
    const refresh = (refreshToken: string) => shop.client.post("/v1/auth/refresh", { refreshToken });
    const session = await shop.client.expect(200, "POST", "/v1/auth/login", { body: { email, password } });
    const second = await refresh(session.refreshToken);
    assert.equal(second.status, 200);
    await shop.client.as(second.body.accessToken).expect(200, "GET", "/v1/me");
    const copy = await refresh(session.refreshToken);
    assert.deepEqual([copy.status, copy.body.code], [403, "auth/bad-token"]);
    assert.equal((await refresh(second.body.refreshToken)).status, 403);
  });

  test("gets a new password by mail, and every session ends", async () => {
    const session = await shop.client.expect(200, "POST", "/v1/auth/login", { body: { email, password } });
    await shop.client.expect(200, "POST", "/v1/auth/password-reset", { body: { email } });
    await shop.client.expect(200, "POST", "/v1/auth/password-reset", { body: { email: "nobody@example.com" } });
    const token = codeIn(await mailTo(shop, email, "password-reset"));
    const confirm = "/v1/auth/password-reset/confirm";
    await shop.client.refused(400, "auth/common-password", "POST", confirm, { body: { token, password: "password1" } });
    await shop.client.expect(200, "POST", confirm, { body: { token, password: "a new and better password" } });
    await shop.client.refused(403, "auth/bad-token", "POST", confirm, {
      body: { token, password: "and yet another one" },
    });
    await shop.client.refused(403, "auth/wrong-credentials", "POST", "/v1/auth/login", { body: { email, password } });
    const { refreshToken } = session;
    await shop.client.refused(403, "auth/bad-token", "POST", "/v1/auth/refresh", { body: { refreshToken } });
    grace = await shop.login(email, "a new and better password");
    await mailTo(shop, email, "password-changed");
  });

  test("is handed out whole, and erased when its owner says so", async () => {
    const all = await grace.expect(200, "GET", "/v1/me/export");
    assert.equal(all.profile.email, email);
    assert.equal(all.orders.length, (await grace.expect(200, "GET", "/v1/orders?limit=100")).items.length);
    await grace.expect(400, "POST", "/v1/me/erase", { body: { confirm: "yes" } });
    await grace.expect(200, "POST", "/v1/me/erase", { body: { confirm: "erase my data" } });
    await grace.refused(404, "users/no-profile", "GET", "/v1/me");
    const login = { email, password: "a new and better password" };
    await until(
      "nobody can sign in any more",
      () => shop.client.post("/v1/auth/login", login),
      (answer) => answer.status === 403,
    );
    await until(
      "the mails are gone",
      () => shop.client.expect(200, "GET", `/v1/mailbox?to=${encodeURIComponent(email)}`),
      (mails) => mails.items.length === 0,
    );
    const admin = await shop.login("admin@example.com");
    assert.deepEqual((await admin.expect(200, "GET", `/v1/users?search=${encodeURIComponent(email)}`)).items, []);
    assert.deepEqual((await admin.expect(200, "GET", `/v1/auth/users?email=${encodeURIComponent(email)}`)).items, []);
  });
});

test("nothing broke inside", () => {
  assert.deepEqual(shop.complaints, []);
});
