/** The values of pricing: prices, taxes, promotions, coupons, quotes. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Country, Currency, Money, Quantity, Sku } from "../shared/mod.ts";

/** What a customer types in to get a discount. Kept in upper case. */
export const CouponCode = t.text({
  minLength: 3,
  maxLength: 40,
  pattern: "^[A-Za-z0-9][A-Za-z0-9-]*$",
  examples: ["WELCOME10"],
});

/** A tax rate in hundredths of a percent: 1900 is 19 %. Whole numbers, so that sums do not drift. */
export const BasisPoints = t.integer({ minimum: 0, maximum: 10_000, description: "Hundredths of a percent." });

/** Which tax rate a product falls under. */
export const TaxCategory = t.text({
  minLength: 1,
  maxLength: 40,
  pattern: "^[a-z][a-z0-9-]*$",
  examples: ["standard"],
});

/** The price of one thing: bounded, so that no cart's total leaves the range of whole numbers. */
export const PriceMoney = t.object({
  amount: t.integer({ minimum: 0, maximum: 1_000_000_000, description: "Minor units." }),
  currency: Currency,
});

/** A price of a variant in one currency. */
export const Price = t.object({
  sku: Sku,
  price: PriceMoney,
  compareAt: t.optional(PriceMoney),
  taxCategory: TaxCategory,
});
/** A price of a variant in one currency. */
export type Price = TypeOf<typeof Price>;

/** A tax rate of a country. Where prices include the tax, nothing is added; the part is only told. */
export const TaxRate = t.object({
  country: Country,
  category: TaxCategory,
  rateBp: BasisPoints,
  included: t.boolean({ description: "Whether prices include it." }),
});
/** A tax rate of a country. */
export type TaxRate = TypeOf<typeof TaxRate>;

/** What a promotion takes off. */
export const Benefit = t.union(
  t.object({ kind: t.literal("percent"), bp: t.integer({ minimum: 1, maximum: 10_000 }) }),
  t.object({ kind: t.literal("fixed"), amount: Money }),
  t.object({ kind: t.literal("freeShipping") }),
  t.object({
    kind: t.literal("buyXGetY"),
    buy: t.integer({ minimum: 1, maximum: 100 }),
    get: t.integer({ minimum: 1, maximum: 100, description: "Pieces that are free for each `buy` paid ones." }),
  }),
);
/** What a promotion takes off. */
export type Benefit = TypeOf<typeof Benefit>;

/** What a promotion is. Without a coupon it applies to every cart that it fits. */
export const Promotion = t.object({
  promotionId: t.text({ minLength: 1, maxLength: 64, pattern: "^[a-z0-9][a-z0-9-]*$" }),
  label: t.text({ minLength: 1, maxLength: 120 }),
  benefit: Benefit,
  skus: t.optional(t.array(Sku, { minItems: 1, maxItems: 500, description: "Only these variants; all when absent." })),
  minSubtotal: t.optional(Money),
  needsCoupon: t.boolean(),
  startsAt: t.optional(t.instant()),
  endsAt: t.optional(t.instant()),
});
/** What a promotion is. */
export type Promotion = TypeOf<typeof Promotion>;

/** A code that switches a promotion on, so many times. */
export const Coupon = t.object({
  code: CouponCode,
  promotionId: t.text({ minLength: 1, maxLength: 64 }),
  limit: t.optional(t.integer({ minimum: 1, description: "Redemptions in all; no limit when absent." })),
  perCustomerLimit: t.optional(t.integer({ minimum: 1 })),
});
/** A code that switches a promotion on, so many times. */
export type Coupon = TypeOf<typeof Coupon>;

/** Why a coupon does nothing for this cart. */
export const COUPON_PROBLEMS = ["unknown", "notStarted", "ended", "usedUp", "belowMinimum", "notApplicable"] as const;

/** A priced line. `total = subtotal - discount + tax` (tax only where prices do not include it). */
export const QuoteLine = t.object({
  sku: Sku,
  quantity: Quantity,
  unitPrice: Money,
  subtotal: Money,
  discount: Money,
  tax: Money,
  taxRateBp: BasisPoints,
  taxIncluded: Money,
  total: Money,
});
/** A priced line. */
export type QuoteLine = TypeOf<typeof QuoteLine>;

/** What a cart costs, and why. `total = subtotal - discount + shipping + tax`. */
export const Quote = t.object({
  currency: Currency,
  lines: t.array(QuoteLine),
  discounts: t.array(t.object({ promotionId: t.text(), code: t.optional(t.text()), label: t.text(), amount: Money })),
  couponProblems: t.array(t.object({ code: t.text(), reason: t.oneOf(COUPON_PROBLEMS) })),
  subtotal: Money,
  discount: Money,
  shipping: Money,
  /** Whether a promotion makes sending free: whoever adds a price for it later must not. */
  freeShipping: t.boolean(),
  tax: Money,
  taxIncluded: Money,
  total: Money,
  hash: t.text({ description: "Equal for quotes that charge the same for the same." }),
});
/** What a cart costs, and why. */
export type Quote = TypeOf<typeof Quote>;
