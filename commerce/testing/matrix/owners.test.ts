/**
 * Operations that any user may call, on things that are named by an id: their rules cannot tell whose the thing is, so
 * the services must. Each is tried on a stranger's thing, which must stay as it was.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CheckedClient } from "../checked-client.ts";
import { ADDRESS } from "../flow.ts";
import { hasRule, httpOperations } from "../operations.ts";
import { type OpenShop, openShop } from "../open-shop.ts";
import type { Node } from "../schema-samples.ts";

let shop: OpenShop;
let stranger: CheckedClient;
let me: CheckedClient;

before(async () => {
  shop = await openShop();
  stranger = await shop.login("ada@example.com");
  me = await shop.login("support@example.com");
});
after(() => shop[Symbol.asyncDispose]());

const attempts: Readonly<Record<string, () => Promise<void>>> = {
  "users.updateAddress": async () => {
    const kept = await stranger.expect(201, "POST", "/v1/me/addresses", { body: { address: ADDRESS } });
    const body = { address: { ...ADDRESS, city: "Elsewhere" } };
    const headers = { "if-match": '"1"' };
    await me.refused(404, "users/no-address", "PUT", `/v1/me/addresses/${kept.addressId}`, { body, headers });
    const { items } = await stranger.expect(200, "GET", "/v1/me/addresses");
    assert.equal(items[0].address.city, ADDRESS.city);
  },
  "users.removeAddress": async () => {
    const before = await stranger.expect(200, "GET", "/v1/me/addresses");
    await me.ask("DELETE", `/v1/me/addresses/${before.items[0].addressId}`);
    assert.deepEqual(await stranger.expect(200, "GET", "/v1/me/addresses"), before);
  },
  "auth.revokeSession": async () => {
    const before = await stranger.expect(200, "GET", "/v1/auth/sessions");
    for (const { sessionId } of before.items) await me.ask("DELETE", `/v1/auth/sessions/${sessionId}`);
    assert.deepEqual(await stranger.expect(200, "GET", "/v1/auth/sessions"), before);
  },
  "checkout.begin": async () => {
    const cart = await stranger.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
    await me.refused(404, "kernel/not-found", "POST", "/v1/checkouts", { body: { cartId: cart.cartId } });
  },
};

const byId = httpOperations.filter(
  (operation) =>
    hasRule(operation, "user") &&
    Object.values(operation.definition.input.properties).some((field) => (field as Node).format === "uuid"),
);

test("every operation for any user on a thing named by an id is tried here", () => {
  assert.deepEqual(byId.map(({ name }) => name).toSorted(), Object.keys(attempts).toSorted());
});

for (const [name, attempt] of Object.entries(attempts)) test(`${name} leaves a stranger's thing alone`, attempt);

test("only the guest's token takes the guest's cart over, and only a guest's", async () => {
  const cart = await stranger.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
  const mine = await me.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
  // A customer's token is a good token, but a customer's cart is not for others.
  const merged = await me.expect(200, "POST", "/v1/carts/merge", { body: { guestToken: stranger.token } });
  assert.equal(merged.cartId, mine.cartId);
  assert.equal((await stranger.expect(200, "GET", `/v1/carts/${cart.cartId}`)).status, "active");
  await me.refused(403, "auth/bad-token", "POST", "/v1/carts/merge", { body: { guestToken: "not-a-token" } });
});
