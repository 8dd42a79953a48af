/** People of every role, each with a cart, a checkout and an order of their own. */
import { type CheckedClient, withApiKey } from "../checked-client.ts";
import { ADDRESS, buy } from "../flow.ts";
import type { OpenShop } from "../open-shop.ts";
import { demoUsers } from "../../seed/mod.ts";

/** What somebody owns, by the field that names it. */
export interface Belongings {
  readonly cartId: string;
  readonly checkoutId: string;
  readonly orderId: string;
  readonly paymentId: string;
}

/** Somebody who asks. */
export interface Actor {
  readonly name: string;
  readonly client: CheckedClient;
  /** Absent for nobody. */
  readonly roles?: readonly string[];
  readonly owns?: Belongings;
}

/** Everybody: nobody, a guest, each demo user, API keys, and a stranger whose things are another's to all of them. */
export async function assemble(shop: OpenShop, sku: string): Promise<{ actors: readonly Actor[]; stranger: Actor }> {
  const stranger: Actor = await equipped(shop, { name: "stranger", roles: ["guest"], client: await shop.guest() }, sku);
  const people: Actor[] = [{ name: "guest", roles: ["guest"], client: await shop.guest() }];
  for (const { email, role } of demoUsers) {
    people.push({ name: role, roles: [role], client: await shop.login(email) });
  }
  const admin = people.find(({ name }) => name === "admin")?.client ?? shop.client;
  for (const role of ["warehouse", "merchandiser"] as const) {
    const made = await admin.expect(201, "POST", "/v1/auth/api-keys", { body: { name: role, roles: [role] } });
    people.push({ name: `key of ${role}`, roles: [role], client: withApiKey(shop.client, String(made.key)) });
  }
  const actors: Actor[] = [{ name: "nobody", client: shop.client }];
  for (const person of people) actors.push(await equipped(shop, person, sku));
  await shop.host.idle();
  return { actors, stranger };
}

async function equipped(shop: OpenShop, actor: Actor, sku: string): Promise<Actor> {
  const { client } = actor;
  const { checkout } = await buy(client, { lines: [{ sku, quantity: 1 }] });
  const orderId = checkout.orderId ?? "";
  const order = await client.expect(200, "GET", `/v1/orders/${orderId}`);
  const cart = await client.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
  const cartId = String(cart.cartId);
  await client.expect(200, "POST", `/v1/carts/${cartId}/lines`, { body: { sku, quantity: 1 } });
  await client.expect(200, "PATCH", `/v1/carts/${cartId}`, { body: { shippingAddress: ADDRESS } });
  const begun = await client.expect(201, "POST", "/v1/checkouts", { body: { cartId } });
  const owns = { cartId, checkoutId: String(begun.checkoutId), orderId, paymentId: String(order.paymentId) };
  return { ...actor, owns };
}
