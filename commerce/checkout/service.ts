/** checkout, as it runs. */
import { type CommandContext, type Job, type QueryContext, implement, subscribe } from "@isomer/kernel/runtime";
import { type Fault, type FaultData, type FaultKind, faultFrom, toInstant } from "@isomer/kernel/std";
import type { Reader } from "@isomer/kernel/store";
import { cart } from "../cart/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { orders } from "../orders/contract.ts";
import { payments } from "../payments/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { money } from "../shared/mod.ts";
import { AttemptFailed, type Checkout, CheckoutBusy, NoCheckout, checkout } from "./contract.ts";
import { type Uses, paymentSettled, placeOrder } from "./saga.ts";
import { Settings, waitsOf } from "./settings.ts";
import {
  type Tables,
  addCheckout,
  beginAttempt,
  checkoutById,
  endCheckout,
  idleCheckouts,
  subjectOf,
} from "./store.ts";

/** How long a request waits for the order before it answers with where the checkout stands. */
const WAIT_MS = 8_000;
/** Open checkouts are forgotten after a day. */
const IDLE_MS = 86_400_000;
const BATCH = 100;

type Ctx = CommandContext<Tables, Uses, Settings>;

const ownerOf = async ({ checkoutId }: { checkoutId: string }, db: Reader<Tables>) =>
  (await db.first(subjectOf, { checkoutId }))?.subject;

async function read(db: Reader<Tables>, checkoutId: string): Promise<Tables["checkout"]> {
  const row = await db.first(checkoutById, { checkoutId });
  if (row === undefined) throw NoCheckout.with({ checkoutId });
  return row;
}

function view(row: Tables["checkout"]): Checkout {
  return {
    checkoutId: row.checkout_id,
    cartId: row.cart_id,
    status: row.status as Checkout["status"],
    ...(row.total === null || row.currency === null ? {} : { total: money(row.total, row.currency) }),
    ...(row.hash === null ? {} : { quoteHash: row.hash }),
    missing: JSON.parse(row.missing) as string[],
    ...(row.redirect_url === null ? {} : { redirectUrl: row.redirect_url }),
    ...(row.status === "completed" && row.order_id !== null ? { orderId: row.order_id } : {}),
    ...(row.problem === null ? {} : { problem: JSON.parse(row.problem) as FaultData }),
    createdAt: toInstant(row.created_at),
    updatedAt: toInstant(row.updated_at),
  };
}

async function begin({ cartId }: { cartId: string }, ctx: Ctx): Promise<Checkout> {
  // As the buyer: another's cart is missing.
  const shown = await ctx.call(cart.get({ cartId }));
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const row: Tables["checkout"] = {
      checkout_id: ctx.ids.next(),
      subject: ctx.identity?.subject ?? "",
      cart_id: cartId,
      status: "open",
      currency: shown.quote?.currency ?? null,
      total: shown.quote?.total.amount ?? null,
      hash: shown.quote?.hash ?? null,
      missing: JSON.stringify(shown.missing),
      attempt: 0,
      saga_id: null,
      order_id: null,
      redirect_url: null,
      problem: null,
      created_at: now,
      updated_at: now,
    };
    await tx.run(addCheckout, row);
    return view(row);
  });
}

function complete(
  { checkoutId, paymentToken, quoteHash }: { checkoutId: string; paymentToken: string; quoteHash?: string | undefined },
  ctx: Ctx,
): Promise<Checkout> {
  return ctx.transaction(async (tx) => {
    const row = await read(tx, checkoutId);
    if (row.status === "completed") return view(row);
    // One attempt at a time: two would pay twice.
    if (row.status !== "open") throw CheckoutBusy.with({ checkoutId, status: row.status as Checkout["status"] });
    const attempt = row.attempt + 1;
    const sagaId = `${checkoutId}-${attempt}`;
    const orderId = ctx.ids.next();
    const hash = quoteHash ?? row.hash ?? "";
    const now = ctx.now();
    await tx.run(beginAttempt, { checkoutId, attempt, sagaId, orderId, hash, now });
    const { subject, cart_id: cartId } = row;
    const paymentId = ctx.ids.next();
    const input = {
      checkoutId,
      cartId,
      subject,
      orderId,
      paymentId,
      hash,
      paymentToken,
      startedAt: now,
      ...waitsOf(ctx.settings),
    };
    await tx.start(placeOrder, input, sagaId);
    await tx.emit(checkout.events.started, { checkoutId, subject, orderId, attempt });
    return view(await read(tx, checkoutId));
  });
}

/** Waits for the attempt to end or to need the buyer; tells why it came to nothing, if it did. */
async function settled({ checkoutId }: Checkout, ctx: QueryContext<Tables, Uses, Settings>): Promise<Checkout> {
  const row = await ctx.read((db) => read(db, checkoutId));
  if (row.saga_id !== null && row.status === "completing") await ctx.saga(row.saga_id, { timeoutMs: WAIT_MS });
  const now = await ctx.read((db) => read(db, checkoutId));
  if (now.status === "open" && now.problem !== null) throw refusal(checkoutId, JSON.parse(now.problem) as FaultData);
  return view(now);
}

/**
 * Why an attempt came to nothing, so that the client knows what to do: a fault that says "repeat" would have it repeat
 * with its key, and be told of this attempt again, for ever.
 */
function refusal(checkoutId: string, problem: FaultData): Fault {
  if (ENDINGS.has(problem.kind)) return faultFrom(problem);
  return AttemptFailed.with({ checkoutId, code: problem.code });
}

const ENDINGS: ReadonlySet<FaultKind> = new Set<FaultKind>(["invalid", "denied", "missing", "conflict"]);

function cancel({ checkoutId }: { checkoutId: string }, ctx: Ctx): Promise<Checkout> {
  return ctx.transaction(async (tx) => {
    const row = await read(tx, checkoutId);
    if (row.status === "requires_action" && row.saga_id !== null) {
      await tx.signal(row.saga_id, paymentSettled, { outcome: "calledOff", reason: "by the buyer" });
    } else if (row.status === "open") {
      await tx.run(endCheckout, { checkoutId, status: "cancelled", now: ctx.now() });
    } else if (row.status !== "cancelled") {
      throw CheckoutBusy.with({ checkoutId, status: row.status as Checkout["status"] });
    }
    return view(await read(tx, checkoutId));
  });
}

const expire: Job<Tables, Uses, Settings> = {
  name: "expireCheckouts",
  everyMs: 60_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      const rows = await tx.all(idleCheckouts, { before: ctx.now() - IDLE_MS, limit: BATCH });
      for (const { checkout_id: checkoutId, subject } of rows) {
        await tx.run(endCheckout, { checkoutId, status: "expired", now: ctx.now() });
        await tx.emit(checkout.events.expired, { checkoutId, subject });
      }
      return rows.length === BATCH;
    }),
};

const hear = subscribe<Tables, Settings>();

export default implement<Tables>()(checkout, {
  uses: [cart, inventory, orders, payments, pricing],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  settings: Settings,
  commands: { begin, complete, cancel },
  queries: { get: ({ checkoutId }, ctx) => ctx.read(async (db) => view(await read(db, checkoutId))) },
  owners: { complete: ownerOf, cancel: ownerOf, get: ownerOf },
  after: {
    complete: settled,
    async cancel({ checkoutId }, ctx) {
      const row = await ctx.read((db) => read(db, checkoutId));
      if (row.saga_id !== null) await ctx.saga(row.saga_id, { timeoutMs: WAIT_MS });
      return view(await ctx.read((db) => read(db, checkoutId)));
    },
  },
  // What payments calls a checkout is the attempt: the saga that waits.
  on: [
    hear(payments.events.authorized, async ({ data }, tx) => {
      if (data.checkoutId !== undefined) {
        await tx.signal(data.checkoutId, paymentSettled, { outcome: "authorized", reason: "" });
      }
    }),
    hear(payments.events.declined, async ({ data }, tx) => {
      if (data.checkoutId !== undefined) {
        await tx.signal(data.checkoutId, paymentSettled, { outcome: "declined", reason: data.reason });
      }
    }),
    hear(payments.events.failed, async ({ data }, tx) => {
      if (data.checkoutId !== undefined) {
        await tx.signal(data.checkoutId, paymentSettled, { outcome: "declined", reason: data.reason });
      }
    }),
  ],
  sagas: [placeOrder],
  jobs: [expire],
});
