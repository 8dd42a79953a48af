/** pricing: what things cost: prices, taxes, promotions, and coupons that cannot be used once too often. */
import { anyone, command, contract, event, fault, http, permission, query, services } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Country, Currency, Money, Quantity, Sku, pageFields, pageOf } from "../shared/mod.ts";
import { Coupon, CouponCode, Price, PriceMoney, Promotion, Quote, TaxRate } from "./schemas.ts";

export { Coupon, CouponCode, Price, Promotion, Quote, QuoteLine, TaxRate } from "./schemas.ts";

const OrderId = t.text({ minLength: 1, maxLength: 64 });
const Customer = t.text({ minLength: 1, maxLength: 64 });

/** No price in this currency: the variant cannot be sold in it. */
export const NoPrice = fault("pricing/no-price", {
  kind: "conflict",
  data: t.object({ sku: Sku, currency: Currency }),
  message: ({ sku, currency }) => `${sku} has no price in ${currency}. Remove it, or choose another currency.`,
});

/** The coupon is used up, for everybody or for this customer. */
export const CouponUsedUp = fault("pricing/coupon-used-up", {
  kind: "conflict",
  data: t.object({ code: t.text() }),
  message: ({ code }) => `The coupon ${code} is used up. Remove it to go on without it.`,
});

/** No such coupon or promotion. */
export const NoPromotion = fault("pricing/no-promotion", {
  kind: "missing",
  data: t.object({ promotionId: t.text() }),
  message: ({ promotionId }) => `There is no promotion "${promotionId}". Create it first.`,
});

/** The coupon was used more often than that already. */
export const LimitBelowUse = fault("pricing/limit-below-use", {
  kind: "conflict",
  data: t.object({ code: t.text(), limit: t.integer(), used: t.integer() }),
  message: ({ code, limit, used }) => `The coupon ${code} is used ${used} times, so its limit cannot be ${limit}.`,
});

/** A price is not in the currency that it is compared with. */
export const BadPrice = fault("pricing/bad-price", {
  kind: "invalid",
  data: t.object({ sku: Sku }),
  message: ({ sku }) => `The price of ${sku} and what it is compared with are in different currencies.`,
});

/** What sending costs is in another currency than the cart. */
export const CurrencyMismatch = fault("pricing/currency-mismatch", {
  kind: "invalid",
  data: t.object({ asked: Currency, given: Currency }),
  message: ({ asked, given }) => `The quote is in ${asked}, but shipping is given in ${given}.`,
});

/** The order was given up before it asked for its coupons. An order asks once. */
export const CouponsClosed = fault("pricing/coupons-closed", {
  kind: "conflict",
  data: t.object({ orderId: OrderId }),
  message: ({ orderId }) => `The coupons of order ${orderId} were given back. Begin again with a new order.`,
});

const manage = permission("pricing.manage");
const State = t.object({ orderId: OrderId, codes: t.array(CouponCode) });

export const pricing = contract("pricing", {
  version: "1.0.0",
  summary: "Prices per currency, tax, promotions, and coupons with limits.",
  permissions: { "pricing.manage": "Set prices, taxes, promotions and coupons." },
  commands: {
    /** Counts an order's coupons as used while it is paid: all of them, or none. */
    holdCoupons: command({
      input: t.object({
        orderId: OrderId,
        codes: t.array(CouponCode, { minItems: 1, maxItems: 5 }),
        customer: Customer,
        ttlMs: t.integer({ minimum: 1_000, maximum: 86_400_000 }),
      }),
      output: State,
      faults: [CouponUsedUp, CouponsClosed, NoPromotion],
      allow: [services("checkout")],
      criticality: "critical",
    }),
    /** Keeps them used: the order is paid. Takes them anew if the hold ran out meanwhile. */
    commitCoupons: command({
      input: t.object({ orderId: OrderId }),
      output: State,
      allow: [services("checkout")],
      criticality: "critical",
    }),
    /** Gives them back. For an order that never asked: it never may. */
    releaseCoupons: command({
      input: t.object({ orderId: OrderId, reason: t.text({ maxLength: 200 }) }),
      output: State,
      allow: [services("checkout", "orders")],
      criticality: "critical",
    }),
    setPrices: command({
      summary: "Set prices",
      input: t.object({ prices: t.array(Price, { minItems: 1, maxItems: 500 }) }),
      output: t.object({ changed: t.integer() }),
      faults: [BadPrice],
      allow: [manage],
      deadlineMs: 5_000,
      http: http("PUT /v1/pricing/prices", { bodyBytesMax: 512_000 }),
    }),
    setTaxRates: command({
      summary: "Set tax rates",
      input: t.object({ rates: t.array(TaxRate, { minItems: 1, maxItems: 500 }) }),
      output: t.object({ changed: t.integer() }),
      allow: [manage],
      http: http("PUT /v1/pricing/tax-rates"),
    }),
    putPromotion: command({
      summary: "Create or replace a promotion",
      input: Promotion,
      output: Promotion,
      allow: [manage],
      http: http("PUT /v1/pricing/promotions/:promotionId"),
    }),
    putCoupon: command({
      summary: "Create or replace a coupon",
      input: Coupon,
      output: Coupon,
      faults: [NoPromotion, LimitBelowUse],
      allow: [manage],
      http: http("PUT /v1/pricing/coupons/:code"),
    }),
  },
  queries: {
    prices: query({
      summary: "Prices of some variants",
      input: t.object({ skus: t.array(Sku, { minItems: 1, maxItems: 1_000 }), currency: Currency }),
      output: t.object({
        prices: t.array(t.object({ sku: Sku, price: Money, compareAt: t.optional(Money), taxCategory: t.text() })),
      }),
      allow: [anyone],
      criticality: "normal",
      cache: { maxAgeMs: 1_000, sameForAll: true },
      staleMaxMs: 3_000,
      http: http("GET /v1/prices"),
    }),
    /** What some lines cost together, with promotions, coupons, shipping and tax. Changes nothing. */
    quote: query({
      summary: "What a cart costs",
      input: t.object({
        currency: Currency,
        country: Country,
        lines: t.array(t.object({ sku: Sku, quantity: Quantity }), { minItems: 1, maxItems: 100 }),
        couponCodes: t.array(CouponCode, { maxItems: 5 }),
        shipping: t.nullable(PriceMoney),
        customer: t.optional(Customer),
      }),
      output: Quote,
      faults: [NoPrice, CurrencyMismatch],
      allow: [anyone],
      criticality: "high",
      http: http("POST /v1/pricing/quotes"),
    }),
    promotions: query({
      summary: "List promotions",
      input: t.object({ ...pageFields }),
      output: pageOf(Promotion),
      allow: [manage],
      http: http("GET /v1/pricing/promotions"),
    }),
    coupon: query({
      summary: "Show a coupon and how often it was used",
      input: t.object({ code: CouponCode }),
      output: t.object({
        coupon: Coupon,
        held: t.integer(),
        committed: t.integer(),
      }),
      faults: [NoPromotion],
      allow: [manage],
      http: http("GET /v1/pricing/coupons/:code"),
    }),
    taxRates: query({
      summary: "List tax rates",
      input: t.object({}),
      output: t.object({ rates: t.array(TaxRate) }),
      allow: [anyone],
      http: http("GET /v1/pricing/tax-rates"),
    }),
  },
  events: {
    priceChanged: event({
      key: "sku",
      data: t.object({ sku: Sku, price: Money, was: t.nullable(Money) }),
    }),
    promotionChanged: event({ key: "promotionId", data: t.object({ promotionId: t.text(), label: t.text() }) }),
    couponsHeld: event({
      key: "orderId",
      data: t.object({ orderId: OrderId, codes: t.array(CouponCode), customer: Customer }),
    }),
    couponsRedeemed: event({ key: "orderId", data: t.object({ orderId: OrderId, codes: t.array(CouponCode) }) }),
    couponsReleased: event({
      key: "orderId",
      data: t.object({ orderId: OrderId, codes: t.array(CouponCode), reason: t.text() }),
    }),
  },
});
