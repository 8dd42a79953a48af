/** Steps that journeys share: mails, the provider's books, a cart on its way to a checkout. */
import assert from "node:assert/strict";
import type { Answer } from "../client.ts";
import type { CheckedClient } from "../checked-client.ts";
import { ADDRESS } from "../flow.ts";
import { type Shop, until } from "../open-shop.ts";

/** A mail or text, as the mailbox shows it. */
export interface Mail {
  readonly template: string;
  readonly subject: string;
  readonly text: string;
}

/** Waits until somebody got a mail of a template. Resolves to the newest. */
export async function mailTo(shop: Shop, to: string, template: string): Promise<Mail> {
  const found = await until(
    `${to} has ${template}`,
    async () => mailsOf(await shop.client.expect(200, "GET", `/v1/mailbox?to=${encodeURIComponent(to)}&limit=100`)),
    (mails) => mails.some((mail) => mail.template.startsWith(`${template}@`)),
  );
  return found.find((mail) => mail.template.startsWith(`${template}@`)) as Mail;
}

const mailsOf = (body: Answer["body"]): Mail[] => body.items as Mail[];

/** The code in a mail: a token that stands on a line of its own. */
export function codeIn({ text }: Mail): string {
  const code = /^ *(\S{16,})$/m.exec(text)?.[1];
  assert.ok(code !== undefined, text);
  return code;
}

/** What the payment provider has in its own books about a payment: kinds with their amounts. */
export async function providerBooks(shop: Shop, paymentId: string): Promise<[kind: string, amount: number][]> {
  const headers = { "sandbox-key": shop.paymentsApiKey };
  const { items } = await shop.client.expect(200, "GET", `/sandbox/pay/ledger?paymentId=${paymentId}`, { headers });
  return (items as { kind: string; amount: number }[]).map(({ kind, amount }) => [kind, amount]);
}

/** What the provider holds of the customer's after all: authorised or captured, less released and refunded. */
export async function providerKeeps(shop: Shop, paymentId: string): Promise<number> {
  const signs: Readonly<Record<string, number>> = {
    authorize: 1,
    capture: 0,
    release: -1,
    refund: -1,
    refund_failed: 1,
  };
  return (await providerBooks(shop, paymentId)).reduce((sum, [kind, amount]) => sum + (signs[kind] ?? 0) * amount, 0);
}

/** A cart with everything that buying needs. Resolves to its id. */
export async function readyCart(
  buyer: CheckedClient,
  lines: readonly { readonly sku: string; readonly quantity: number }[],
  { email = "ada@example.com", coupon }: { readonly email?: string; readonly coupon?: string } = {},
): Promise<string> {
  const { cartId } = await buyer.expect(201, "POST", "/v1/carts", { body: { currency: "EUR", country: "DE" } });
  for (const line of lines) await buyer.expect(200, "POST", `/v1/carts/${cartId}/lines`, { body: line });
  if (coupon !== undefined) await buyer.expect(200, "POST", `/v1/carts/${cartId}/coupons`, { body: { code: coupon } });
  const body = { email, shippingAddress: ADDRESS, shippingOption: "standard" };
  const cart = await buyer.expect(200, "PATCH", `/v1/carts/${cartId}`, { body });
  assert.deepEqual(cart.missing, []);
  return String(cartId);
}

/** Begins a checkout of a ready cart. Resolves to the checkout's id. */
export async function beginCheckout(buyer: CheckedClient, cartId: string): Promise<string> {
  const begun = await buyer.expect(201, "POST", "/v1/checkouts", { body: { cartId } });
  assert.equal(begun.status, "open");
  return String(begun.checkoutId);
}

let keys = 0;

/** Pays with a test card. Resolves to whatever the shop answers. */
export function pay(buyer: CheckedClient, checkoutId: string, paymentToken: string): Promise<Answer> {
  keys += 1;
  return buyer.post(`/v1/checkouts/${checkoutId}/complete`, { paymentToken }, { key: `pay-${checkoutId}-${keys}` });
}

/** Buys, and waits until it is paid for. Resolves to the order's and the payment's id. */
export async function buyNow(
  buyer: CheckedClient,
  lines: readonly { readonly sku: string; readonly quantity: number }[],
  options: { readonly card?: string; readonly email?: string; readonly coupon?: string } = {},
): Promise<{ orderId: string; paymentId: string; total: number }> {
  const checkoutId = await beginCheckout(buyer, await readyCart(buyer, lines, options));
  const { status, body } = await pay(buyer, checkoutId, options.card ?? "tok_success");
  assert.equal(status, 200, JSON.stringify(body));
  const orderId = String(body.orderId);
  const order = await until(
    "the order is paid",
    () => buyer.expect(200, "GET", `/v1/orders/${orderId}`),
    (shown) => shown.payment === "captured",
  );
  return { orderId, paymentId: String(order.paymentId), total: Number(order.totals.total.amount) };
}

/** How many pieces of a variant can be bought. */
export async function available(shop: Shop, sku: string): Promise<number> {
  const { items } = await shop.client.expect(200, "GET", `/v1/availability?skus=${sku}`);
  return Number(items[0].available);
}

/** Some variants that are in stock, each of another product. */
export async function skusInStock(shop: Shop, count: number): Promise<string[]> {
  const list = await shop.client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=100");
  const skus = (list.items as { skus: string[]; inStock: boolean }[]).flatMap(({ skus: [sku] }) => sku ?? []);
  const { items } = await shop.client.expect(200, "GET", `/v1/availability?skus=${skus.join("&skus=")}`);
  return (items as { sku: string; available: number }[])
    .filter((item) => item.available >= 20)
    .slice(0, count)
    .map(({ sku }) => sku);
}
