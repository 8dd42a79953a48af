/** Buyers in simulation: they repeat what got no answer, and believe what they are told. */
import { type Actor, type ActorContext, actor } from "@isomer/kernel/sim";
import type { Wish } from "../chaos/shopper.ts";
import { type Checkout, Refused, buyAs } from "../flow.ts";

/** What a buyer was told in the end. */
export interface ShopReport {
  readonly placed?: string;
  readonly refused?: string;
}

/** Why a buyer may be sent away, whatever goes wrong inside: anything else is a broken promise. */
const REASONS: ReadonlySet<string> = new Set([
  "inventory/stock-short",
  "checkout/payment-declined",
  "checkout/payment-timed-out",
  "cart/incomplete",
  "cart/price-changed",
  "pricing/coupon-used-up",
]);

const PATIENCE_MS = 240_000;
const PAUSE_MS = 150;

/** A guest who buys one thing, with whatever comes in between. */
export function shopper(wish: Wish): Actor {
  return actor(`shopper-${wish.name}`, async function* (ctx) {
    yield ctx.between(0, 2_500);
    const session = await ctx.persist("POST", "/v1/guests", { body: {}, key: `${wish.name}-guest` });
    const token = (session.body as { accessToken?: string }).accessToken;
    if (token === undefined) throw new Error(`No session: ${session.status} ${JSON.stringify(session.body)}`);
    yield;
    let checkoutId: string | undefined;
    try {
      const bought = await buyAs(ctx, wish, async (_, method, path, ask) => {
        const answer = await ctx.persist(method, path, { ...asking(ask), token });
        if (path === "/v1/checkouts" && answer.status < 400) checkoutId = String(answer.body.checkoutId);
        await ctx.sleep(ctx.between(1, 40));
        return answer;
      });
      const { orderId, code } = await outcome(ctx, { ...bought, token }, wish);
      if (orderId !== undefined) {
        ctx.note("an order is placed");
        ctx.report({ placed: orderId } satisfies ShopReport);
        if (wish.regrets === true) await callOff(ctx, orderId, { token, key: `${wish.name}-cancel` });
      } else {
        sentAway(ctx, String(code));
        ctx.report({ refused: bought.checkoutId } satisfies ShopReport);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      sentAway(ctx, String(error.answer.body?.code));
      if (checkoutId !== undefined) ctx.report({ refused: checkoutId } satisfies ShopReport);
    }
  });
}

function sentAway(ctx: ActorContext, code: string): void {
  if (!REASONS.has(code)) throw new Error(`A buyer was sent away with ${code}.`);
  ctx.note(`refused: ${code}`);
}

function asking({ body, key }: { readonly body?: unknown; readonly key?: string }): { body?: unknown; key?: string } {
  return { ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key }) };
}

interface Bought {
  readonly checkoutId: string;
  readonly checkout: Checkout;
  readonly token: string;
}

async function outcome(
  ctx: ActorContext,
  { checkoutId, checkout: first, token }: Bought,
  wish: Wish,
): Promise<{ readonly orderId?: string; readonly code?: string }> {
  const givenUpAt = ctx.now + PATIENCE_MS;
  let asked = false;
  for (let checkout = first; ;) {
    const { status, orderId, redirectUrl } = checkout;
    if (status === "completed" && orderId !== undefined) return { orderId };
    if (status === "open" || status === "cancelled" || status === "expired") {
      const problem = (checkout as { problem?: { code: string } }).problem;
      return { code: problem?.code ?? status };
    }
    if (status === "requires_action" && redirectUrl !== undefined && wish.approves !== undefined && !asked) {
      asked = true;
      const answer = wish.approves ? "approve" : "fail";
      const path = redirectUrl.slice(redirectUrl.indexOf("/", "http://".length));
      await ctx.persist("POST", path, { body: { outcome: answer }, key: `${wish.name}-3ds`, token });
    }
    if (ctx.now > givenUpAt) throw new Error(`The checkout ${checkoutId} stays ${status}.`);
    await ctx.sleep(PAUSE_MS);
    checkout = (await ctx.persist("GET", `/v1/checkouts/${checkoutId}`, { token })).body as Checkout;
  }
}

async function callOff(
  ctx: ActorContext,
  orderId: string,
  { token, key }: { readonly token: string; readonly key: string },
): Promise<void> {
  const path = `/v1/orders/${orderId}`;
  await ctx.persist("POST", `${path}/cancel`, { body: { reason: "regret" }, key, token });
  const givenUpAt = ctx.now + PATIENCE_MS;
  for (;;) {
    const { body } = await ctx.persist("GET", path, { token });
    if (body.lifecycle !== "cancelling") return ctx.note(`called off: ${String(body.lifecycle)}`);
    if (ctx.now > givenUpAt) throw new Error(`The order ${orderId} stays cancelling.`);
    await ctx.sleep(PAUSE_MS);
  }
}
