/** An attacker with every right, and things of its own: so that nothing is refused for want of either. */
import type { CheckedClient } from "../checked-client.ts";
import { beginCheckout, buyNow, readyCart, skusInStock } from "../journeys/steps.ts";
import type { OpenShop } from "../open-shop.ts";

/** Somebody with every right. */
export interface Attacker {
  readonly client: CheckedClient;
  readonly credentials: Record<string, string>;
  /** What is the attacker's, by the field that names it. */
  readonly things: Readonly<Record<string, unknown>>;
}

/** Lets an attacker in. */
export async function letIn(shop: OpenShop): Promise<Attacker> {
  const client = await shop.login("admin@example.com");
  const [sku = ""] = await skusInStock(shop, 1);
  const { orderId, paymentId } = await buyNow(client, [{ sku, quantity: 1 }]);
  const cartId = await readyCart(client, [{ sku, quantity: 1 }]);
  const product = { slug: "target", title: "Target", options: [{ name: "Colour", values: ["red"] }] };
  const { id } = await client.expect(201, "POST", "/v1/products", { body: product });
  const checkoutId = await beginCheckout(client, cartId);
  const things = { orderId, paymentId, cartId, checkoutId, id, productId: id, sku, version: 1 };
  return { client, credentials: { authorization: `Bearer ${client.token}` }, things };
}
