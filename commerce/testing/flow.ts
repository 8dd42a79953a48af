/** The way from nothing to a paid order, as a shopper's browser goes it: used by journeys, chaos and benchmarks. */
import { randomUUID } from "node:crypto";
import type { Answer, Ask, ShopClient } from "./client.ts";

/** What somebody wants to buy, and how. */
export interface Purchase {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly paymentToken?: string;
  readonly email?: string;
  readonly coupon?: string;
  readonly currency?: string;
  /** Pages looked at before. */
  readonly slugs?: readonly string[];
  /** Tells the requests of this purchase apart; a random one unless said. */
  readonly name?: string;
}

/** Where the parcels of tests go. */
export const ADDRESS = {
  name: "Ada Lovelace",
  line1: "12 Harbour Street",
  city: "Hamburg",
  postalCode: "20457",
  country: "DE",
} as const;

/** What the flow needs of an answer. */
export type FlowAnswer = Pick<Answer, "status" | "body">;

/** A request of the flow: with a key of its own, so that it may be repeated when nobody knows what came of it. */
export type Send<C = ShopClient> = (client: C, method: string, path: string, ask: Ask) => Promise<FlowAnswer>;

const once: Send = (client, method, path, ask) => client.ask(method, path, ask);

/** A refusal on the way. */
export class Refused extends Error {
  readonly answer: FlowAnswer;
  constructor(step: string, answer: FlowAnswer) {
    super(`${step}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    this.answer = answer;
  }
}

/** Buys something as a client in the real world does. @throws {Refused} at the first refusal. */
export function buy(client: ShopClient, purchase: Purchase, send: Send = once) {
  return buyAs(client, { name: randomUUID(), ...purchase }, send);
}

/** Buys something; resolves to the checkout as it stands after completing. @throws {Refused} at the first refusal. */
export async function buyAs<C>(client: C, purchase: Purchase & { readonly name: string }, send: Send<C>) {
  const { name } = purchase;
  let n = 0;
  const step = async (method: string, path: string, body?: unknown): Promise<FlowAnswer> => {
    n += 1;
    const key = method === "GET" ? {} : { key: `${name}-${n}` };
    const answer = await send(client, method, path, { ...key, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 400) throw new Refused(`${method} ${path}`, answer);
    return answer;
  };
  for (const slug of purchase.slugs ?? []) await step("GET", `/v1/storefront/products/${slug}?currency=EUR`);
  const cart = await step("POST", "/v1/carts", { currency: purchase.currency ?? "EUR", country: "DE" });
  const { cartId } = cart.body as { cartId: string };
  for (const line of purchase.lines) await step("POST", `/v1/carts/${cartId}/lines`, line);
  if (purchase.coupon !== undefined) await step("POST", `/v1/carts/${cartId}/coupons`, { code: purchase.coupon });
  await step("PATCH", `/v1/carts/${cartId}`, {
    email: purchase.email ?? "ada@example.com",
    shippingAddress: ADDRESS,
    shippingOption: "standard",
  });
  const begun = await step("POST", "/v1/checkouts", { cartId });
  const { checkoutId } = begun.body as { checkoutId: string };
  const done = await step("POST", `/v1/checkouts/${checkoutId}/complete`, {
    paymentToken: purchase.paymentToken ?? "tok_success",
  });
  return { cartId, checkoutId, checkout: done.body as Checkout };
}

/** What the flow looks at of a checkout. */
export interface Checkout {
  readonly status: string;
  readonly orderId?: string;
  readonly redirectUrl?: string;
}
