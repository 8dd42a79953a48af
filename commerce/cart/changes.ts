/** Changing carts: each change checks in its transaction that the cart may still be changed. */
import type { CommandContext, Tx } from "@isomer/kernel/runtime";
import { auth } from "../auth/contract.ts";
import { catalog } from "../catalog/contract.ts";
import { type Address, normaliseEmail, zero } from "../shared/mod.ts";
import { CartClosed, CartFull, NoCart, NoShippingOption, NotForSale, cart } from "./contract.ts";
import { type StoredCart, optionsFor, plain, readCart } from "./pricing.ts";
import { COUPONS_MAX, type Cart, LINES_MAX, QUANTITY_MAX } from "./schemas.ts";
import {
  type Tables,
  activeCartOf,
  addCart,
  dropLine,
  giveTo,
  linesOf,
  putLine,
  setCoupons,
  setDetails,
  setStatus,
  touch,
} from "./store.ts";

/** What commands of carts have. */
export type Ctx = CommandContext<Tables, "pricing" | "shipping" | "catalog" | "auth">;

/** @throws {CartClosed} unless the cart may be changed. */
export function requireActive({ row }: Pick<StoredCart, "row">): void {
  if (row.status !== "active") throw CartClosed.with({ cartId: row.cart_id, status: row.status as Cart["status"] });
}

/** Runs a change on an active cart, and answers with the cart after it; `body` tells what it changed. */
function changing(
  ctx: Ctx,
  cartId: string,
  body: (tx: Tx<Tables>, stored: StoredCart) => Promise<Partial<StoredCart>>,
): Promise<Cart> {
  return ctx.transaction(async (tx) => {
    const stored = await readCart(tx, cartId);
    requireActive(stored);
    const { row = stored.row, lines = stored.lines } = await body(tx, stored);
    const now = ctx.now();
    await tx.run(touch, { cartId, now });
    return plain({ row: { ...row, version: stored.row.version + 1, updated_at: now, abandoned: 0 }, lines });
  });
}

/** A new, empty cart. */
export function create({ currency, country }: { currency: string; country: string }, ctx: Ctx): Promise<Cart> {
  return ctx.transaction(async (tx) => {
    const cartId = ctx.ids.next();
    const now = ctx.now();
    const row: Tables["cart"] = {
      cart_id: cartId,
      subject: ctx.identity?.subject ?? "",
      guest: ctx.identity?.guest ? 1 : 0,
      status: "active",
      currency,
      country,
      email: null,
      shipping_address: null,
      billing_address: null,
      option_code: null,
      coupon_codes: "[]",
      checkout_id: null,
      order_id: null,
      version: 1,
      abandoned: 0,
      created_at: now,
      updated_at: now,
    };
    await tx.run(addCart, row);
    return plain({ row, lines: [] });
  });
}

/** Sets how many of a variant there are, from how many there were. */
export async function setLine(
  { cartId, sku }: { cartId: string; sku: string },
  ctx: Ctx,
  next: (before: number) => number,
): Promise<Cart> {
  const { variants } = await ctx.call(catalog.variants({ skus: [sku] }));
  const variant = variants[0];
  if (variant === undefined || !variant.sellable) throw NotForSale.with({ sku });
  return changing(ctx, cartId, async (tx, { lines }) => {
    const before = lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const quantity = next(before);
    if (quantity === 0) return dropped(tx, { cartId, sku }, lines);
    if (quantity > QUANTITY_MAX) throw CartFull.with({ cartId, what: `pieces of ${sku}`, max: QUANTITY_MAX });
    if (before === 0 && lines.length >= LINES_MAX) throw CartFull.with({ cartId, what: "lines", max: LINES_MAX });
    const line = {
      cart_id: cartId,
      sku,
      quantity,
      product_id: variant.productId,
      slug: variant.slug,
      title: variant.title,
      variant_title: variant.variantTitle,
      image_url: variant.imageUrl,
      added_at: ctx.now(),
    };
    await tx.run(putLine, line);
    // A line that was there stays what it was and where it was; only how many there are changes.
    if (before === 0) return { lines: [...lines, line].toSorted(asPutIn) };
    return { lines: lines.map((other) => (other.sku === sku ? { ...other, quantity } : other)) };
  });
}

/** The order of lines, as they are read. */
function asPutIn(one: Tables["cart_line"], other: Tables["cart_line"]): number {
  return one.added_at - other.added_at || (one.sku < other.sku ? -1 : 1);
}

async function dropped(
  tx: Tx<Tables>,
  { cartId, sku }: { cartId: string; sku: string },
  lines: StoredCart["lines"],
): Promise<Partial<StoredCart>> {
  await tx.run(dropLine, { cartId, sku });
  return { lines: lines.filter((line) => line.sku !== sku) };
}

/** Takes a line out; one that is not there stays out. */
export function removeLine({ cartId, sku }: { cartId: string; sku: string }, ctx: Ctx): Promise<Cart> {
  return changing(ctx, cartId, (tx, { lines }) => dropped(tx, { cartId, sku }, lines));
}

/** What {@link update} sets; what is absent stays as it is. */
export interface Details {
  readonly cartId: string;
  readonly country?: string | undefined;
  readonly email?: string | undefined;
  readonly shippingAddress?: Address | undefined;
  readonly billingAddress?: Address | undefined;
  readonly shippingOption?: string | undefined;
}

/** Sets the email, the addresses and how it is sent. */
export async function update(details: Details, ctx: Ctx): Promise<Cart> {
  const { cartId, shippingAddress } = details;
  if (details.shippingOption !== undefined) await checkOption(ctx, details);
  return changing(ctx, cartId, async (tx, { row: before }) => {
    const { email, billingAddress, shippingOption } = details;
    const row = {
      ...before,
      country: countryAfter(details, before),
      email: email === undefined ? before.email : normaliseEmail(email),
      shipping_address: shippingAddress === undefined ? before.shipping_address : JSON.stringify(shippingAddress),
      billing_address: billingAddress === undefined ? before.billing_address : JSON.stringify(billingAddress),
      option_code: shippingOption ?? before.option_code,
    };
    await tx.run(setDetails, row);
    return { row };
  });
}

/** Where there is an address it decides: tax and sending are charged for where the parcel goes. */
function countryAfter({ shippingAddress, country }: Details, row: Tables["cart"]): string {
  if (shippingAddress !== undefined) return shippingAddress.country;
  return row.shipping_address === null ? (country ?? row.country) : row.country;
}

/** Which ways are on offer depends on where to; only what they cost depends on what is in the cart. */
async function checkOption(ctx: Ctx, details: Details): Promise<void> {
  const { row, lines } = await ctx.read((db) => readCart(db, details.cartId));
  const cart = plain({ row: { ...row, country: countryAfter(details, row) }, lines });
  const offered = (await optionsFor(ctx, cart, zero(row.currency))).map(({ code }) => code);
  const code = details.shippingOption ?? "";
  if (!offered.includes(code)) throw NoShippingOption.with({ code, offered });
}

/** Adds or removes a coupon. Whether it does anything is told by the quote. */
export function changeCoupons(
  { cartId, code: given }: { cartId: string; code: string },
  ctx: Ctx,
  kind: "add" | "remove",
): Promise<Cart> {
  const code = given.toUpperCase();
  return changing(ctx, cartId, async (tx, { row }) => {
    const others = (JSON.parse(row.coupon_codes) as string[]).filter((other) => other !== code);
    const codes = kind === "add" ? [...others, code] : others;
    if (codes.length > COUPONS_MAX) throw CartFull.with({ cartId, what: "coupons", max: COUPONS_MAX });
    const text = JSON.stringify(codes);
    await tx.run(setCoupons, { cartId, codes: text });
    return { row: { ...row, coupon_codes: text } };
  });
}

/**
 * Takes a guest's cart over. Quantities add up, capped, because losing what somebody chose surprises more than
 * having too much of it; the guest's cart is closed in the same transaction, so nothing is added twice.
 */
export async function merge({ guestToken }: { guestToken: string }, ctx: Ctx): Promise<Cart> {
  const guest = await ctx.call(auth.identify({ token: guestToken }));
  const subject = ctx.identity?.subject ?? "";
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const mine = await tx.first(activeCartOf, { subject });
    const theirs =
      guest.guest && guest.subject !== subject ? await tx.first(activeCartOf, { subject: guest.subject }) : undefined;
    if (theirs === undefined) {
      if (mine === undefined) throw NoCart.with({ what: "cart to merge" });
      return plain(await readCart(tx, mine.cart_id));
    }
    if (mine === undefined) {
      await tx.run(giveTo, { cartId: theirs.cart_id, subject, now });
      return plain(await readCart(tx, theirs.cart_id));
    }
    await pour(tx, theirs, mine, now);
    await tx.emit(cart.events.cartMerged, { cartId: theirs.cart_id, into: mine.cart_id, subject });
    return plain(await readCart(tx, mine.cart_id));
  });
}

async function pour(tx: Tx<Tables>, from: Tables["cart"], into: Tables["cart"], now: number): Promise<void> {
  const own = new Map((await tx.all(linesOf, { cartId: into.cart_id })).map((line) => [line.sku, line]));
  for (const line of await tx.all(linesOf, { cartId: from.cart_id })) {
    const there = own.get(line.sku);
    if (there === undefined && own.size >= LINES_MAX) continue;
    const quantity = Math.min(QUANTITY_MAX, line.quantity + (there?.quantity ?? 0));
    const merged = { ...line, cart_id: into.cart_id, quantity };
    own.set(line.sku, merged);
    await tx.run(putLine, merged);
  }
  const codes = new Set([
    ...(JSON.parse(into.coupon_codes) as string[]),
    ...(JSON.parse(from.coupon_codes) as string[]),
  ]);
  await tx.run(setCoupons, { cartId: into.cart_id, codes: JSON.stringify([...codes].slice(0, COUPONS_MAX)) });
  await tx.run(touch, { cartId: into.cart_id, now });
  await tx.run(setStatus, { cartId: from.cart_id, status: "merged", checkoutId: null, orderId: null, now });
}
