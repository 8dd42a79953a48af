/** What a cart costs now: asks pricing and shipping, and puts the answer on the cart. */
import type { Context } from "@isomer/kernel/runtime";
import { type Fault, isFault, toInstant } from "@isomer/kernel/std";
import type { Reader } from "@isomer/kernel/store";
import { type Quote, pricing } from "../pricing/contract.ts";
import { type Address, type Money, add, money, zero } from "../shared/mod.ts";
import { type ShippingOption, shipping } from "../shipping/contract.ts";
import { NoCart } from "./contract.ts";
import type { Cart } from "./schemas.ts";
import { type Tables, cartById, linesOf } from "./store.ts";

type Ctx = Context<"pricing" | "shipping" | "catalog" | "auth", unknown>;

/** A cart as it is stored, without what it costs. */
export interface StoredCart {
  readonly row: Tables["cart"];
  readonly lines: readonly Tables["cart_line"][];
}

/** Reads a cart without its lines. @throws {NoCart} */
export async function readRow(db: Reader<Tables>, cartId: string): Promise<StoredCart["row"]> {
  const row = await db.first(cartById, { cartId });
  if (row === undefined) throw NoCart.with({ what: `cart ${cartId}` });
  return row;
}

/** Reads a cart. @throws {NoCart} */
export async function readCart(db: Reader<Tables>, cartId: string): Promise<StoredCart> {
  const row = await readRow(db, cartId);
  return { row, lines: await db.all(linesOf, { cartId }) };
}

/** A cart as the contract has it, without what it costs. */
export function plain({ row, lines }: StoredCart): Cart {
  return {
    cartId: row.cart_id,
    status: row.status as Cart["status"],
    currency: row.currency,
    country: row.country,
    ...(row.email === null ? {} : { email: row.email }),
    lines: lines.map((line) => ({
      sku: line.sku,
      quantity: line.quantity,
      productId: line.product_id,
      slug: line.slug,
      title: line.title,
      variantTitle: line.variant_title,
      imageUrl: line.image_url,
    })),
    couponCodes: JSON.parse(row.coupon_codes) as string[],
    ...(row.shipping_address === null ? {} : { shippingAddress: JSON.parse(row.shipping_address) as Address }),
    ...(row.billing_address === null ? {} : { billingAddress: JSON.parse(row.billing_address) as Address }),
    quote: null,
    problems: [],
    missing: [],
    ...(row.order_id === null ? {} : { orderId: row.order_id }),
    version: row.version,
    updatedAt: toInstant(row.updated_at),
  };
}

/** The ways of sending a cart. Its worth is what remains after discounts. */
export async function optionsFor(ctx: Ctx, cart: Cart, worth: Money): Promise<readonly ShippingOption[]> {
  const items = cart.lines.reduce((sum, line) => sum + line.quantity, 0);
  const input = { country: cart.country, currency: cart.currency, subtotal: worth, items: Math.max(1, items) };
  return (await ctx.call(shipping.options(input))).options;
}

/** Puts on a cart what it costs. What cannot be found out is told as a problem: a cart can always be shown. */
export async function priced(ctx: Ctx, stored: StoredCart): Promise<Cart> {
  const cart = await withQuote(ctx, stored);
  return { ...cart, missing: missingFrom(cart) };
}

/**
 * The same for a cart that is to be bought: what cannot be found out just now is no fault of the cart.
 * @throws the fault of whoever could not be asked.
 */
export async function pricedForSale(ctx: Ctx, stored: StoredCart): Promise<Cart> {
  const cart = await withQuote(ctx, stored, isPassing);
  return { ...cart, missing: missingFrom(cart) };
}

function isPassing({ kind }: Fault): boolean {
  return kind === "unavailable" || kind === "exhausted";
}

async function withQuote(ctx: Ctx, stored: StoredCart, isFatal?: (fault: Fault) => boolean): Promise<Cart> {
  const cart = plain(stored);
  if (cart.lines.length === 0) return cart;
  try {
    return await price(ctx, cart, stored.row);
  } catch (error) {
    if (!isFault(error) || error.kind === "broken" || isFatal?.(error) === true) throw error;
    return { ...cart, problems: [{ code: error.code, message: error.message }] };
  }
}

async function price(ctx: Ctx, cart: Cart, row: Tables["cart"]): Promise<Cart> {
  const goods = await ctx.call(
    pricing.quote({
      currency: cart.currency,
      country: cart.country,
      lines: cart.lines.map(({ sku, quantity }) => ({ sku, quantity })),
      couponCodes: cart.couponCodes,
      shipping: null,
      customer: row.subject,
    }),
  );
  const option = row.option_code === null ? undefined : await chosenOption(ctx, cart, goods, row.option_code);
  const quote = option === undefined ? goods : withShipping(goods, option);
  const bySku = new Map(quote.lines.map((line) => [line.sku, line]));
  const lines = cart.lines.map((line) => {
    const cost = bySku.get(line.sku);
    return cost === undefined ? line : { ...line, unitPrice: cost.unitPrice, total: cost.total };
  });
  const problems = quote.couponProblems.map(({ code, reason }) => ({
    code: "coupon",
    message: `The coupon ${code} does nothing for this cart: ${reason}.`,
  }));
  return { ...cart, lines, quote, problems, ...(option === undefined ? {} : { shippingOption: option }) };
}

async function chosenOption(ctx: Ctx, cart: Cart, quote: Quote, code: string): Promise<ShippingOption | undefined> {
  const options = await optionsFor(ctx, cart, worthOf(quote));
  return options.find((option) => option.code === code);
}

/** What the goods cost after discounts: what free shipping may depend on. */
export function worthOf({ subtotal, discount, currency }: Quote): Money {
  return money(subtotal.amount - discount.amount, currency);
}

/** The quote with the price of sending. What was agreed to includes how it is sent. */
function withShipping(quote: Quote, option: ShippingOption): Quote {
  const shipping = quote.freeShipping ? zero(quote.currency) : option.price;
  const hash = `${quote.hash}-${option.code}-${shipping.amount}`;
  return { ...quote, shipping, total: add(quote.total, shipping), hash };
}

function missingFrom(cart: Cart): string[] {
  const missing: string[] = [];
  if (cart.lines.length === 0) missing.push("it is empty");
  if (cart.email === undefined) missing.push("an email address is missing");
  if (cart.shippingAddress === undefined) missing.push("a shipping address is missing");
  if (cart.shippingOption === undefined) missing.push("a shipping option is missing");
  if (cart.quote === null && cart.lines.length > 0) missing.push(cart.problems[0]?.message ?? "it has no price");
  return missing;
}
