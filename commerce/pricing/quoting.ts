/** Quotes: reads what a cart's price depends on, and asks the domain. */
import type { Reader } from "@isomer/kernel/store";
import { fromInstant } from "@isomer/kernel/std";
import { money } from "../shared/mod.ts";
import { CurrencyMismatch, NoPrice } from "./contract.ts";
import { normaliseCode } from "./coupons.ts";
import { type CouponProblem, type Offer, type PricedLine, type Priced, priceCart } from "./domain.ts";
import type { Promotion, TaxRate } from "./schemas.ts";
import {
  type Tables,
  couponByCode,
  openPromotions,
  pricesIn,
  promotionById,
  taxesOf,
  usesByCustomer,
} from "./store.ts";

/** What a quote is asked for. */
export interface QuoteInput {
  readonly currency: string;
  readonly country: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly couponCodes: readonly string[];
  readonly shipping: { amount: number; currency: string } | null;
  readonly customer?: string;
}

type Problem = { code: string; reason: CouponProblem["reason"] | "unknown" | "notStarted" | "ended" | "usedUp" };

/** Prices a cart. @throws {NoPrice} {CurrencyMismatch} */
export async function quoteCart(db: Reader<Tables>, input: QuoteInput, now: number) {
  const { shipping, currency: asked } = input;
  if (shipping !== null && shipping.currency !== asked)
    throw CurrencyMismatch.with({ asked, given: shipping.currency });
  const skus = input.lines.map(({ sku }) => sku);
  const prices = new Map((await pricesIn(db, skus, { currency: asked })).map((row) => [row.sku, row]));
  const lines = input.lines.map(({ sku, quantity }): PricedLine => {
    const row = prices.get(sku);
    if (row === undefined) throw NoPrice.with({ sku, currency: asked });
    return { sku, quantity, unitPrice: money(row.amount, row.currency), taxCategory: row.tax_category };
  });
  const taxes = (await db.all(taxesOf, { country: input.country })).map(toTaxRate);
  const problems: Problem[] = [];
  const offers: Offer[] = (await db.all(openPromotions, {}))
    .map((row) => ({ promotion: JSON.parse(row.body) as Promotion }))
    .filter(({ promotion }) => timing(promotion, now) === undefined);
  for (const code of new Set(input.couponCodes.map(normaliseCode))) {
    const offer = await offerOf(db, code, input.customer, now);
    if (typeof offer === "string") problems.push({ code, reason: offer });
    else offers.push(offer);
  }
  const priced = priceCart({ currency: input.currency, lines, offers, shipping: input.shipping, taxes });
  return {
    ...priced,
    currency: input.currency,
    lines: [...priced.lines],
    discounts: [...priced.discounts],
    couponProblems: [...problems, ...priced.couponProblems],
    hash: hashOf(priced, input),
  };
}

/** A row as the contract has it. */
export function toTaxRate(row: Tables["tax_rate"]): TaxRate {
  return { country: row.country, category: row.category, rateBp: row.rate_bp, included: row.included === 1 };
}

async function offerOf(
  db: Reader<Tables>,
  code: string,
  customer: string | undefined,
  now: number,
): Promise<Offer | Problem["reason"]> {
  const coupon = await db.first(couponByCode, { code });
  if (coupon === undefined) return "unknown";
  const row = await db.first(promotionById, { promotionId: coupon.promotion_id });
  if (row === undefined) return "unknown";
  const promotion = JSON.parse(row.body) as Promotion;
  const late = timing(promotion, now);
  if (late !== undefined) return late;
  if (coupon.use_limit !== null && coupon.used >= coupon.use_limit) return "usedUp";
  if (coupon.per_customer_limit !== null && customer !== undefined) {
    const uses = (await db.first(usesByCustomer, { code, customer }))?.uses ?? 0;
    if (uses >= coupon.per_customer_limit) return "usedUp";
  }
  return { promotion, code };
}

function timing(promotion: Promotion, now: number): "notStarted" | "ended" | undefined {
  if (promotion.startsAt !== undefined && fromInstant(promotion.startsAt) > now) return "notStarted";
  if (promotion.endsAt !== undefined && fromInstant(promotion.endsAt) <= now) return "ended";
  return undefined;
}

/**
 * What the buyer agreed to, in few characters: the sums, the lines and the coupons that count. Two FNV-1a hashes of 32
 * bits are enough to notice a change of price; this guards against surprise, not against forgery.
 */
function hashOf(priced: Priced, input: QuoteInput): string {
  const parts = [
    input.currency,
    input.country,
    priced.total.amount,
    priced.shipping.amount,
    ...priced.lines.flatMap((line) => [
      line.sku,
      line.quantity,
      line.unitPrice.amount,
      line.discount.amount,
      line.tax.amount,
    ]),
    ...priced.discounts.map((discount) => discount.code ?? discount.promotionId),
  ];
  const text = parts.join("|");
  return fnv(text, 0x811c9dc5) + fnv(text, 0x01000193);
}

function fnv(text: string, basis: number): string {
  let hash = basis;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
