/** pricing, as it runs. */
import { type Job, type Tx, implement } from "@isomer/kernel/runtime";
import { fromInstant } from "@isomer/kernel/std";
import { money, pageFrom, decodeCursor, PAGE_LIMIT } from "../shared/mod.ts";
import { BadPrice, LimitBelowUse, NoPromotion, pricing } from "./contract.ts";
import { commit, expire, hold, normaliseCode, release } from "./coupons.ts";
import { quoteCart, toTaxRate } from "./quoting.ts";
import type { Coupon, Price, Promotion } from "./schemas.ts";
import {
  type Tables,
  allTaxes,
  couponByCode,
  priceOf,
  pricesIn,
  promotionById,
  promotionsAfter,
  putCoupon,
  putPrice,
  putPromotion,
  putTax,
  usesByState,
} from "./store.ts";

/** How many holds one transaction gives back. */
const HOLDS_MAX = 100;

const expireHolds: Job<Tables, never, unknown> = {
  name: "expireHolds",
  everyMs: 5_000,
  run: (ctx) => ctx.transaction((tx) => expire(tx, ctx.now(), HOLDS_MAX)),
};

async function setPrice(tx: Tx<Tables>, entry: Price, now: number): Promise<boolean> {
  const { sku, price } = entry;
  if (entry.compareAt !== undefined && entry.compareAt.currency !== price.currency) throw BadPrice.with({ sku });
  const old = await tx.first(priceOf, { sku, currency: price.currency });
  const compareAt = entry.compareAt?.amount ?? null;
  if (old?.amount === price.amount && old.compare_at === compareAt && old.tax_category === entry.taxCategory)
    return false;
  await tx.run(putPrice, {
    sku,
    currency: price.currency,
    amount: price.amount,
    compare_at: compareAt,
    tax_category: entry.taxCategory,
    updated_at: now,
  });
  const was = old === undefined ? null : money(old.amount, old.currency);
  await tx.emit(pricing.events.priceChanged, { sku, price, was });
  return true;
}

function toCoupon(row: Tables["coupon"]): Coupon {
  return {
    code: row.code,
    promotionId: row.promotion_id,
    ...(row.use_limit === null ? {} : { limit: row.use_limit }),
    ...(row.per_customer_limit === null ? {} : { perCustomerLimit: row.per_customer_limit }),
  };
}

export default implement<Tables>()(pricing, {
  database: { migrations: new URL("./migrations/", import.meta.url) },
  commands: {
    holdCoupons: (input, ctx) => ctx.transaction((tx) => hold(tx, { ...input, now: ctx.now() })),
    commitCoupons: ({ orderId }, ctx) => ctx.transaction((tx) => commit(tx, orderId, ctx.now())),
    releaseCoupons: ({ orderId, reason }, ctx) => ctx.transaction((tx) => release(tx, orderId, reason)),
    setPrices: ({ prices }, ctx) =>
      ctx.transaction(async (tx) => {
        let changed = 0;
        for (const price of prices) if (await setPrice(tx, price, ctx.now())) changed += 1;
        return { changed };
      }),
    setTaxRates: ({ rates }, ctx) =>
      ctx.transaction(async (tx) => {
        for (const { country, category, rateBp, included } of rates) {
          await tx.run(putTax, { country, category, rate_bp: rateBp, included: included ? 1 : 0 });
        }
        return { changed: rates.length };
      }),
    putPromotion: (promotion, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.run(putPromotion, {
          promotion_id: promotion.promotionId,
          needs_coupon: promotion.needsCoupon ? 1 : 0,
          starts_at: promotion.startsAt === undefined ? null : fromInstant(promotion.startsAt),
          ends_at: promotion.endsAt === undefined ? null : fromInstant(promotion.endsAt),
          body: JSON.stringify(promotion),
        });
        const { promotionId, label } = promotion;
        await tx.emit(pricing.events.promotionChanged, { promotionId, label });
        return promotion;
      }),
    putCoupon: (coupon, ctx) =>
      ctx.transaction(async (tx) => {
        const { promotionId } = coupon;
        if ((await tx.first(promotionById, { promotionId })) === undefined) throw NoPromotion.with({ promotionId });
        const code = normaliseCode(coupon.code);
        const { limit } = coupon;
        const used = (await tx.first(couponByCode, { code }))?.used ?? 0;
        if (limit !== undefined && limit < used) throw LimitBelowUse.with({ code, limit, used });
        await tx.run(putCoupon, {
          code,
          promotion_id: promotionId,
          use_limit: coupon.limit ?? null,
          per_customer_limit: coupon.perCustomerLimit ?? null,
          used: 0,
        });
        return { ...coupon, code };
      }),
  },
  queries: {
    prices: ({ skus, currency }, ctx) =>
      ctx.read(async (db) => {
        const prices = [];
        const rows = new Map((await pricesIn(db, [...new Set(skus)], { currency })).map((row) => [row.sku, row]));
        for (const sku of new Set(skus)) {
          const row = rows.get(sku);
          if (row === undefined) continue;
          const compareAt = row.compare_at === null ? {} : { compareAt: money(row.compare_at, currency) };
          prices.push({ sku, price: money(row.amount, currency), ...compareAt, taxCategory: row.tax_category });
        }
        return { prices };
      }),
    quote: (input, ctx) => ctx.read((db) => quoteCart(db, input, ctx.now())),
    promotions: ({ cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        const after = cursor === undefined ? "" : decodeCursor(cursor, ["string"])[0];
        const rows = await db.all(promotionsAfter, { after, limit: limit + 1 });
        const page = pageFrom(rows, limit, (row) => [row.promotion_id]);
        return { ...page, items: page.items.map((row) => JSON.parse(row.body) as Promotion) };
      }),
    coupon: ({ code: given }, ctx) =>
      ctx.read(async (db) => {
        const code = normaliseCode(given);
        const row = await db.first(couponByCode, { code });
        if (row === undefined) throw NoPromotion.with({ promotionId: code });
        const held = (await db.first(usesByState, { code, state: "held" }))?.uses ?? 0;
        const committed = (await db.first(usesByState, { code, state: "committed" }))?.uses ?? 0;
        return { coupon: toCoupon(row), held, committed };
      }),
    taxRates: (_, ctx) => ctx.read(async (db) => ({ rates: (await db.all(allTaxes, {})).map(toTaxRate) })),
  },
  jobs: [expireHolds],
});
