/** Load of shoppers: closed loops, where each waits for his order before the next, and an open one that does not wait. */
import type { ShopClient } from "@isomer/commerce/testing/client.ts";
import { type Send, buy } from "@isomer/commerce/testing/flow.ts";

/** What everybody buys and looks at. */
export interface Goods {
  readonly skus: readonly string[];
  readonly slugs: readonly string[];
}

/** How long what was asked took, in milliseconds, in ascending order. */
export interface Timings {
  readonly checkouts: readonly number[];
  readonly elapsedMs: number;
  /** How many requests were asked to come back later, and did. */
  readonly shed: number;
}

const ATTEMPTS_MAX = 20;
let shed = 0;

/** Comes back when the server asks for it, as clients do: the same request, under the same key. */
const patiently: Send = async (client, method, path, ask) => {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.ask(method, path, ask);
    if (answer.status !== 503 || attempt === ATTEMPTS_MAX) return answer;
    shed += 1;
    const { retryAfterMs = 100 } = (answer.body.data ?? {}) as { retryAfterMs?: number };
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
  }
};

/** The nine requests: two product pages, a cart, two lines, the details, begin, complete, and the order. */
export async function shopOnce(client: ShopClient, { skus, slugs }: Goods): Promise<void> {
  const [first = "", second = ""] = skus;
  const lines = [
    { sku: first, quantity: 1 },
    { sku: second, quantity: 1 },
  ];
  const { checkout } = await buy(client, { lines, slugs }, patiently);
  if (checkout.status !== "completed") throw new Error(`Not bought: ${JSON.stringify(checkout)}`);
  const order = await patiently(client, "GET", `/v1/orders/${String(checkout.orderId)}`, {});
  // The saga's last words may come after its answer, so the order may be paid for some milliseconds later.
  if (order.status !== 200) throw new Error(`No order: ${JSON.stringify(order.body)}`);
}

/** So many checkouts by so many shoppers, each beginning the next when one is done. */
export async function closedLoop(shoppers: readonly ShopClient[], goods: Goods, count: number): Promise<Timings> {
  let left = count;
  const checkouts: number[] = [];
  const begun = performance.now();
  shed = 0;
  const shopper = async (client: ShopClient): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      await shopOnce(client, goods);
      checkouts.push(performance.now() - at);
    }
  };
  await Promise.all(shoppers.map(shopper));
  return { checkouts: checkouts.toSorted((a, b) => a - b), elapsedMs: performance.now() - begun, shed };
}

/**
 * Checkouts that begin at a steady rate whatever the server does, as the world's shoppers do. Each counts from when it
 * was due, so that a server that stalls cannot hide it by slowing its clients down.
 */
export async function openLoop(
  shoppers: readonly ShopClient[],
  goods: Goods,
  { count, perSecond }: { readonly count: number; readonly perSecond: number },
): Promise<Timings> {
  const checkouts: number[] = [];
  const begun = performance.now();
  shed = 0;
  const running: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const dueAt = begun + (index * 1_000) / perSecond;
    const wait = dueAt - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const client = shoppers[index % shoppers.length] as ShopClient;
    running.push(shopOnce(client, goods).then(() => void checkouts.push(performance.now() - dueAt)));
  }
  await Promise.all(running);
  return { checkouts: checkouts.toSorted((a, b) => a - b), elapsedMs: performance.now() - begun, shed };
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
