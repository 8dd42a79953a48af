/** cart, as it runs. */
import { type Job, type QueryContext, implement } from "@isomer/kernel/runtime";
import { auth } from "../auth/contract.ts";
import { catalog } from "../catalog/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { zero } from "../shared/mod.ts";
import { shipping } from "../shipping/contract.ts";
import { type Ctx, changeCoupons, create, merge, removeLine, requireActive, setLine, update } from "./changes.ts";
import { CartChanged, CartClosed, CartIncomplete, NoCart, PriceChanged, cart } from "./contract.ts";
import { optionsFor, plain, priced, pricedForSale, readCart, readRow, worthOf } from "./pricing.ts";
import type { Cart } from "./schemas.ts";
import {
  type Tables,
  abandonedCarts,
  activeCartOf,
  forgetGivenUp,
  gaveUp,
  giveUp,
  idleCarts,
  linesOf,
  markAbandoned,
  setStatus,
  subjectOf,
} from "./store.ts";

const DAY_MS = 86_400_000;
const GUEST_DAYS = 30;
const CUSTOMER_DAYS = 90;
const BATCH = 100;

type Uses = "pricing" | "shipping" | "catalog" | "auth";
type Reading = QueryContext<Tables, Uses>;

const ownerOf = async ({ cartId }: { cartId: string }, db: Parameters<Parameters<Reading["read"]>[0]>[0]) =>
  (await db.first(subjectOf, { cartId }))?.subject;

/** After a change: the same cart, and what it costs now. */
const withPrice = async (changed: Cart, ctx: Reading): Promise<Cart> =>
  priced(ctx, await ctx.read((db) => readCart(db, changed.cartId)));

async function freeze(
  { cartId, checkoutId, hash }: { cartId: string; checkoutId: string; hash: string },
  ctx: Ctx,
): Promise<Cart> {
  const stored = await ctx.read((db) => readCart(db, cartId));
  const shown = await pricedForSale(ctx, stored);
  return ctx.transaction(async (tx) => {
    const row = await readRow(tx, cartId);
    if (row.status === "frozen" && row.checkout_id === checkoutId) return shown;
    requireActive({ row });
    if ((await tx.first(gaveUp, { checkoutId })) !== undefined) throw CartChanged.with({ cartId });
    if (row.version !== stored.row.version) throw CartChanged.with({ cartId });
    if (shown.missing.length > 0) throw CartIncomplete.with({ cartId, missing: shown.missing });
    if (shown.quote?.hash !== hash) throw PriceChanged.with({ cartId, hash: shown.quote?.hash ?? "" });
    await tx.run(setStatus, { cartId, status: "frozen", checkoutId, orderId: null, now: ctx.now() });
    return shown;
  });
}

function unfreeze({ cartId, checkoutId }: { cartId: string; checkoutId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const row = await readRow(tx, cartId);
    // Only the checkout that froze it may: another one may hold it by now.
    const mine = row.status === "frozen" && row.checkout_id === checkoutId;
    if (mine) await tx.run(setStatus, { cartId, status: "active", checkoutId: null, orderId: null, now: ctx.now() });
    // It may be asked to freeze it still: the request was lost, as far as anybody knows.
    else await tx.run(giveUp, { cartId, checkoutId, now: ctx.now() });
    return { cartId, status: mine ? ("active" as const) : (row.status as Cart["status"]) };
  });
}

function complete({ cartId, checkoutId, orderId }: { cartId: string; checkoutId: string; orderId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const row = await readRow(tx, cartId);
    if (row.status !== "completed" || row.order_id !== orderId) {
      // Only a frozen cart, by the checkout that froze it: a cart that was bought stays the order's that it became.
      if (row.status !== "frozen" || row.checkout_id !== checkoutId)
        throw CartClosed.with({ cartId, status: row.status as Cart["status"] });
      await tx.run(setStatus, { cartId, status: "completed", checkoutId, orderId, now: ctx.now() });
      await tx.emit(cart.events.cartCompleted, { cartId, orderId, subject: row.subject });
    }
    return { cartId, status: "completed" as const };
  });
}

const expire: Job<Tables, Uses> = {
  name: "expireCarts",
  everyMs: 60_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      const now = ctx.now();
      await tx.run(forgetGivenUp, { before: now - 7 * DAY_MS });
      const guests = await tx.all(idleCarts, { guest: 1, before: now - GUEST_DAYS * DAY_MS, limit: BATCH });
      const customers = await tx.all(idleCarts, { guest: 0, before: now - CUSTOMER_DAYS * DAY_MS, limit: BATCH });
      for (const { cart_id: cartId, subject } of [...guests, ...customers]) {
        await tx.run(setStatus, { cartId, status: "expired", checkoutId: null, orderId: null, now });
        await tx.emit(cart.events.cartExpired, { cartId, subject });
      }
      return guests.length === BATCH || customers.length === BATCH;
    }),
};

const abandon: Job<Tables, Uses> = {
  name: "findAbandoned",
  everyMs: 60_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      const rows = await tx.all(abandonedCarts, { before: ctx.now() - DAY_MS, limit: BATCH });
      for (const { cart_id: cartId, subject, email } of rows) {
        const items = (await tx.all(linesOf, { cartId })).reduce((sum, line) => sum + line.quantity, 0);
        await tx.run(markAbandoned, { cartId });
        await tx.emit(cart.events.cartAbandoned, { cartId, subject, items, ...(email === null ? {} : { email }) });
      }
      return rows.length === BATCH;
    }),
};

export default implement<Tables>()(cart, {
  uses: [auth, catalog, pricing, shipping],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  commands: {
    create,
    addLine: (input, ctx) => setLine(input, ctx, (before) => before + input.quantity),
    setQuantity: (input, ctx) =>
      input.quantity === 0 ? removeLine(input, ctx) : setLine(input, ctx, () => input.quantity),
    removeLine,
    update,
    applyCoupon: (input, ctx) => changeCoupons(input, ctx, "add"),
    removeCoupon: (input, ctx) => changeCoupons(input, ctx, "remove"),
    merge,
    freeze,
    unfreeze,
    complete,
  },
  queries: {
    get: async ({ cartId }, ctx) => priced(ctx, await ctx.read((db) => readCart(db, cartId))),
    mine: async (_, ctx) => {
      const subject = ctx.identity?.subject ?? "";
      const stored = await ctx.read(async (db) => {
        const row = await db.first(activeCartOf, { subject });
        return row === undefined ? undefined : readCart(db, row.cart_id);
      });
      if (stored === undefined) throw NoCart.with({ what: "cart of yours" });
      return priced(ctx, stored);
    },
    shippingOptions: async ({ cartId }, ctx) => {
      const stored = await ctx.read((db) => readCart(db, cartId));
      const shown = await priced(ctx, { ...stored, row: { ...stored.row, option_code: null } });
      const worth = shown.quote === null ? zero(stored.row.currency) : worthOf(shown.quote);
      return { options: [...(await optionsFor(ctx, plain(stored), worth))] };
    },
  },
  owners: {
    addLine: ownerOf,
    setQuantity: ownerOf,
    removeLine: ownerOf,
    update: ownerOf,
    applyCoupon: ownerOf,
    removeCoupon: ownerOf,
    get: ownerOf,
    shippingOptions: ownerOf,
  },
  after: {
    addLine: withPrice,
    setQuantity: withPrice,
    removeLine: withPrice,
    update: withPrice,
    applyCoupon: withPrice,
    removeCoupon: withPrice,
    merge: withPrice,
  },
  jobs: [expire, abandon],
});
