/**
 * What a cart costs: a pure function of prices, taxes, promotions and lines. No clock, no store.
 *
 * Every discount is split over the lines that it is for by largest remainder, so that line discounts add up to the
 * order's; tax is rounded once for each line, half to even.
 */
import {
  type Money,
  add,
  allocate,
  least,
  money,
  multiplyByQuantity,
  scaleByRatio,
  subtract,
  sum,
  zero,
} from "../shared/mod.ts";
import type { Promotion, QuoteLine, TaxRate } from "./schemas.ts";

/** A line to be priced. */
export interface PricedLine {
  readonly sku: string;
  readonly quantity: number;
  readonly unitPrice: Money;
  readonly taxCategory: string;
}

/** A promotion that was asked for, by a coupon or because it is for all. */
export interface Offer {
  readonly promotion: Promotion;
  readonly code?: string;
}

/** Everything that a quote is made from. */
export interface QuoteRequest {
  readonly currency: string;
  readonly lines: readonly PricedLine[];
  readonly offers: readonly Offer[];
  readonly shipping: Money | null;
  readonly taxes: readonly TaxRate[];
}

/** A discount that was given. */
export interface Discount {
  readonly promotionId: string;
  readonly code?: string;
  readonly label: string;
  readonly amount: Money;
}

/** Why a coupon gave nothing. */
export interface CouponProblem {
  readonly code: string;
  readonly reason: "belowMinimum" | "notApplicable";
}

/** What came out, apart from the hash. */
export interface Priced {
  readonly lines: readonly QuoteLine[];
  readonly discounts: readonly Discount[];
  readonly couponProblems: readonly CouponProblem[];
  readonly subtotal: Money;
  readonly discount: Money;
  readonly shipping: Money;
  readonly freeShipping: boolean;
  readonly tax: Money;
  readonly taxIncluded: Money;
  readonly total: Money;
}

interface Working {
  readonly line: PricedLine;
  readonly subtotal: Money;
  discount: Money;
}

/** Prices a cart. */
export function priceCart(request: QuoteRequest): Priced {
  const { currency } = request;
  const rows: Working[] = request.lines.map((line) => ({
    line,
    subtotal: multiplyByQuantity(line.unitPrice, line.quantity),
    discount: zero(currency),
  }));
  const subtotal = sum(
    rows.map((row) => row.subtotal),
    currency,
  );
  const discounts: Discount[] = [];
  const couponProblems: CouponProblem[] = [];
  let freeShipping = false;
  for (const offer of request.offers) {
    const { promotionId } = offer.promotion;
    // Two codes of one promotion, or a code for what everybody gets, are one discount.
    const isGiven = discounts.some((discount) => discount.promotionId === promotionId);
    const reason = isGiven ? "notApplicable" : problemOf(offer.promotion, subtotal, rows);
    if (reason !== undefined) {
      if (offer.code !== undefined) couponProblems.push({ code: offer.code, reason });
      continue;
    }
    if (offer.promotion.benefit.kind === "freeShipping") {
      freeShipping = true;
      discounts.push(discountOf(offer, zero(currency)));
      continue;
    }
    const amount = applyTo(rowsFor(offer.promotion, rows), offer.promotion, currency);
    if (amount.amount > 0) discounts.push(discountOf(offer, amount));
    else if (offer.code !== undefined) couponProblems.push({ code: offer.code, reason: "notApplicable" });
  }
  const lines = rows.map((row) => finish(row, request.taxes, currency));
  const discount = sum(
    lines.map((line) => line.discount),
    currency,
  );
  const tax = sum(
    lines.map((line) => line.tax),
    currency,
  );
  const shipping = freeShipping || request.shipping === null ? zero(currency) : request.shipping;
  return {
    lines,
    discounts,
    couponProblems,
    subtotal,
    discount,
    shipping,
    freeShipping,
    tax,
    taxIncluded: sum(
      lines.map((line) => line.taxIncluded),
      currency,
    ),
    total: add(add(subtract(subtotal, discount), shipping), tax),
  };
}

function discountOf({ promotion, code }: Offer, amount: Money): Discount {
  return {
    promotionId: promotion.promotionId,
    label: promotion.label,
    amount,
    ...(code === undefined ? {} : { code }),
  };
}

function rowsFor(promotion: Promotion, rows: readonly Working[]): readonly Working[] {
  if (promotion.skus === undefined) return rows;
  const skus = new Set(promotion.skus);
  return rows.filter((row) => skus.has(row.line.sku));
}

function problemOf(
  promotion: Promotion,
  subtotal: Money,
  rows: readonly Working[],
): CouponProblem["reason"] | undefined {
  const { minSubtotal } = promotion;
  if (minSubtotal !== undefined) {
    if (minSubtotal.currency !== subtotal.currency) return "notApplicable";
    if (subtotal.amount < minSubtotal.amount) return "belowMinimum";
  }
  return rowsFor(promotion, rows).length === 0 ? "notApplicable" : undefined;
}

/** Takes a promotion off some lines, never below nothing; returns what it took. */
function applyTo(rows: readonly Working[], promotion: Promotion, currency: string): Money {
  const { benefit } = promotion;
  const open = rows.map((row) => subtract(row.subtotal, row.discount).amount);
  const openSum = money(
    open.reduce((total, amount) => total + amount, 0),
    currency,
  );
  if (openSum.amount === 0) return zero(currency);
  if (benefit.kind === "buyXGetY") return freePieces(rows, benefit.buy, benefit.get, currency);
  let taken: Money;
  if (benefit.kind === "percent") taken = scaleByRatio(openSum, benefit.bp, 10_000);
  else if (benefit.kind === "fixed" && benefit.amount.currency === currency) taken = least(benefit.amount, openSum);
  else return zero(currency);
  const shares = allocate(taken, open);
  rows.forEach((row, index) => {
    row.discount = add(row.discount, shares[index] ?? zero(currency));
  });
  return taken;
}

/** For each `buy` + `get` pieces of a line, `get` are free. */
function freePieces(rows: readonly Working[], buy: number, get: number, currency: string): Money {
  let taken = zero(currency);
  for (const row of rows) {
    const free = Math.floor(row.line.quantity / (buy + get)) * get;
    const amount = least(multiplyByQuantity(row.line.unitPrice, free), subtract(row.subtotal, row.discount));
    row.discount = add(row.discount, amount);
    taken = add(taken, amount);
  }
  return taken;
}

function finish({ line, subtotal, discount }: Working, taxes: readonly TaxRate[], currency: string): QuoteLine {
  const net = subtract(subtotal, discount);
  const rate = taxes.find((tax) => tax.category === line.taxCategory);
  const rateBp = rate?.rateBp ?? 0;
  const included = rate?.included ?? false;
  const tax = included ? zero(currency) : scaleByRatio(net, rateBp, 10_000);
  return {
    sku: line.sku,
    quantity: line.quantity,
    unitPrice: line.unitPrice,
    subtotal,
    discount,
    tax,
    taxRateBp: rateBp,
    taxIncluded: included ? scaleByRatio(net, rateBp, 10_000 + rateBp) : zero(currency),
    total: add(net, tax),
  };
}
