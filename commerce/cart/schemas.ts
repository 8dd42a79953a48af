/** The values of carts. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Quote } from "../pricing/contract.ts";
import { Address, Country, Currency, Email, Money, Quantity, Sku, Version } from "../shared/mod.ts";
import { OptionCode, ShippingOption } from "../shipping/contract.ts";

/** The most lines that a cart has. */
export const LINES_MAX = 50;
/** The most pieces of one variant in a cart. */
export const QUANTITY_MAX = 999;
/** The most coupons on a cart. */
export const COUPONS_MAX = 5;

/** The states of a cart. Only an active one may be changed. */
export const CART_STATUSES = ["active", "frozen", "completed", "merged", "expired"] as const;

/** What somebody wants to buy of one variant. */
export const CartLine = t.object({
  sku: Sku,
  quantity: Quantity,
  productId: t.text(),
  slug: t.text(),
  title: t.text({ maxLength: 300 }),
  variantTitle: t.text({ maxLength: 300 }),
  imageUrl: t.nullable(t.text({ maxLength: 500 })),
  unitPrice: t.optional(Money),
  total: t.optional(Money),
});
/** What somebody wants to buy of one variant. */
export type CartLine = TypeOf<typeof CartLine>;

/** A cart with what it costs now: a quote, not a promise. */
export const Cart = t.object({
  cartId: t.id(),
  status: t.oneOf(CART_STATUSES),
  currency: Currency,
  country: Country,
  email: t.optional(Email),
  lines: t.array(CartLine),
  couponCodes: t.array(t.text()),
  shippingAddress: t.optional(Address),
  billingAddress: t.optional(Address),
  shippingOption: t.optional(ShippingOption),
  quote: t.nullable(Quote),
  /** Why there is no quote, or what stands in the way of buying. */
  problems: t.array(t.object({ code: t.text(), message: t.text({ maxLength: 500 }) })),
  /** What it still needs before it can be bought. Empty when it is ready. */
  missing: t.array(t.text()),
  orderId: t.optional(t.text()),
  version: Version,
  updatedAt: t.instant(),
});
/** A cart with what it costs now. */
export type Cart = TypeOf<typeof Cart>;

/** What may be set on a cart besides its lines. */
export const CartDetails = {
  /** For a first idea of what it costs: once there is a shipping address, its country counts. */
  country: t.optional(Country),
  email: t.optional(Email),
  shippingAddress: t.optional(Address),
  billingAddress: t.optional(Address),
  shippingOption: t.optional(OptionCode),
};
