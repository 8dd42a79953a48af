/** Buyers in simulation: they repeat what got no answer, and believe what they are told. */
import { type Actor, type ActorContext, type Answer, actor } from "@isomer/kernel/sim";
import type { Wish } from "../chaos/shopper.ts";
import { type Checkout, Refused, buyAs } from "../flow.ts";

/** What a buyer was told in the end. */
export interface ShopReport {
  readonly placed?: string;
  readonly refused?: string;
  /** What a placed order was to be of. */
  readonly asked?: { readonly orderId: string; readonly lines: Wish["lines"] };
}

/** What some buyers do besides. */
export interface Habits {
  /** Buys the same once more at the same time, on the same account. */
  readonly twice?: boolean;
  /** Tries another card when the first is declined. */
  readonly insists?: boolean;
  /** Sends something else under a key that was used. */
  readonly careless?: boolean;
}

/** Why a buyer may be sent away, whatever goes wrong inside: anything else is a broken promise. */
const REASONS: ReadonlySet<string> = new Set([
  "inventory/stock-short",
  "checkout/payment-declined",
  "checkout/payment-timed-out",
  "cart/incomplete",
  "cart/price-changed",
  "pricing/coupon-used-up",
  // An attempt that was taken back because a part of the shop stayed away: the buyer may press again.
  "transport/unreachable",
  "transport/not-started",
  "store/connection-lost",
  "kernel/deadline-exceeded",
  "kernel/breaker-open",
  "kernel/overloaded",
]);

const PATIENCE_MS = 240_000;
const PAUSE_MS = 150;

/** A guest who buys one thing, with whatever comes in between. */
export function shopper(wish: Wish & Habits): Actor {
  return actor(`shopper-${wish.name}`, async function* (ctx) {
    yield ctx.between(0, 2_500);
    const session = await ctx.persist("POST", "/v1/guests", { body: {}, key: `${wish.name}-guest` });
    const token = (session.body as { accessToken?: string }).accessToken;
    if (token === undefined) throw new Error(`No session: ${session.status} ${JSON.stringify(session.body)}`);
    yield;
    const purchases = wish.twice === true ? [wish, { ...wish, name: `${wish.name}-twin`, regrets: false }] : [wish];
    await Promise.all(purchases.map((one) => purchase(ctx, one, token)));
  });
}

async function purchase(ctx: ActorContext, wish: Wish & Habits, token: string): Promise<void> {
  const told = await bought(ctx, wish, token);
  const { orderId, checkoutId, code } = told;
  if (orderId !== undefined) {
    ctx.note("an order is placed");
    ctx.report({ placed: orderId, asked: { orderId, lines: wish.lines } } satisfies ShopReport);
    if (wish.careless === true) await askInVain(ctx, wish, { checkoutId: checkoutId ?? "", token });
    if (wish.regrets === true) {
      // At once, or when the parcel is about to leave.
      await ctx.sleep(ctx.pick([0, 400, 1_500]) * ctx.random.next());
      await callOff(ctx, orderId, { token, key: `${wish.name}-cancel` });
    }
    return;
  }
  if (!REASONS.has(code ?? "")) throw new Error(`A buyer was sent away with ${code}.`);
  ctx.note(`refused: ${code}`);
  if (checkoutId !== undefined) ctx.report({ refused: checkoutId } satisfies ShopReport);
}

interface Told {
  readonly checkoutId?: string | undefined;
  readonly orderId?: string;
  readonly code?: string;
}

async function bought(ctx: ActorContext, wish: Wish & Habits, token: string): Promise<Told> {
  let checkoutId: string | undefined;
  let told: Told;
  try {
    const done = await buyAs(ctx, wish, async (_, method, path, ask) => {
      const asked = { ...asking(ask), token };
      const answer = await (wish.hurries === true && path.endsWith("/complete")
        ? hurried(ctx, path, asked)
        : ctx.persist(method, path, asked));
      if (path === "/v1/checkouts" && answer.status < 400) checkoutId = String(answer.body.checkoutId);
      if (wish.careless === true && path.endsWith("/lines")) await reuse(ctx, path, asked);
      await ctx.sleep(ctx.between(1, 40));
      return answer;
    });
    told = { checkoutId, ...(await outcome(ctx, { ...done, token }, wish)) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    told = { checkoutId, code: reasonOf(error.answer) };
  }
  if (wish.insists !== true || checkoutId === undefined || told.code !== "checkout/payment-declined") return told;
  ctx.note("another card is tried");
  return insist(ctx, { checkoutId, token }, wish);
}

/** Why somebody is refused: of an attempt that came to nothing, what it came to nothing at. */
function reasonOf({ body }: Pick<Answer, "body">): string {
  const { code, data } = body as { code?: string; data?: { code?: string } };
  return String(code === "checkout/attempt-failed" ? data?.code : code);
}

/** Presses twice: one of the two wins. What came of it is what the checkout says when both are answered. */
async function hurried(ctx: ActorContext, path: string, ask: Asked): Promise<Answer> {
  const key = ask.key ?? "";
  await Promise.all([ctx.persist("POST", path, ask), ctx.persist("POST", path, { ...ask, key: `${key}-hurry` })]);
  return ctx.persist("GET", path.slice(0, -"/complete".length), { token: ask.token });
}

/** Another request under a used key is refused, and changes nothing. */
async function reuse(ctx: ActorContext, path: string, ask: Asked): Promise<void> {
  const line = ask.body as { readonly quantity: number };
  const answer = await ctx.persist("POST", path, { ...ask, body: { ...line, quantity: line.quantity + 1 } });
  if (answer.body?.code !== "kernel/key-reused")
    throw new Error(`Another request under a used key was answered ${answer.status} ${String(answer.body?.code)}.`);
  ctx.note("a used key was refused");
}

/** What was refused stays refused, however often it is asked under its key. */
async function askInVain(
  ctx: ActorContext,
  wish: Wish,
  { checkoutId, token }: { readonly checkoutId: string; readonly token: string },
): Promise<void> {
  const path = `/v1/checkouts/${checkoutId}/cancel`;
  for (const time of ["first", "second"]) {
    const { status } = await ctx.persist("POST", path, { body: {}, key: `${wish.name}-in-vain`, token });
    if (status !== 409) throw new Error(`A completed checkout was called off the ${time} time: ${status}.`);
  }
  ctx.note("a refusal was repeated");
}

async function insist(
  ctx: ActorContext,
  { checkoutId, token }: { readonly checkoutId: string; readonly token: string },
  wish: Wish,
): Promise<Told> {
  const path = `/v1/checkouts/${checkoutId}/complete`;
  const body = { paymentToken: "tok_success" };
  const answer = await ctx.persist("POST", path, { body, key: `${wish.name}-again`, token });
  if (answer.status >= 400) return { checkoutId, code: reasonOf(answer) };
  return { checkoutId, ...(await outcome(ctx, { checkoutId, checkout: answer.body as Checkout, token }, wish)) };
}

interface Asked {
  readonly body?: unknown;
  readonly key?: string;
  readonly token: string;
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
