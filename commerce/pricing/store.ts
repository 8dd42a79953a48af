/** The tables of pricing, and the statements over them. */
import { statements } from "@isomer/kernel/store";
import { listStatement } from "../shared/mod.ts";

/** The tables as SQL has them. */
export interface Tables {
  price: {
    sku: string;
    currency: string;
    amount: number;
    compare_at: number | null;
    tax_category: string;
    updated_at: number;
  };
  tax_rate: { country: string; category: string; rate_bp: number; included: number };
  promotion: {
    promotion_id: string;
    needs_coupon: number;
    starts_at: number | null;
    ends_at: number | null;
    body: string;
  };
  coupon: {
    code: string;
    promotion_id: string;
    use_limit: number | null;
    per_customer_limit: number | null;
    used: number;
  };
  coupon_order: { order_id: string; state: string; codes: string; customer: string; expires_at: number | null };
  redemption: { code: string; order_id: string; customer: string; state: string; at: number };
}

const sql = statements<Tables>();

/** A variant's price in a currency. */
export const priceOf = sql((db, p: { sku: string; currency: string }) =>
  db.selectFrom("price").selectAll().where("sku", "=", p.sku).where("currency", "=", p.currency),
);

/** The prices of variants, in the currency that goes beside them. */
export const pricesIn = listStatement<Tables, Tables["price"]>((skus) =>
  sql((db, p: Readonly<Record<string, string>>) =>
    db
      .selectFrom("price")
      .selectAll()
      .where("currency", "=", p["currency"] ?? "")
      .where("sku", "in", skus(p)),
  ),
);

/** Sets a price. */
export const putPrice = sql((db, p: Tables["price"]) =>
  db
    .insertInto("price")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["sku", "currency"]).doUpdateSet((eb) => ({
        amount: eb.ref("excluded.amount"),
        compare_at: eb.ref("excluded.compare_at"),
        tax_category: eb.ref("excluded.tax_category"),
        updated_at: eb.ref("excluded.updated_at"),
      })),
    ),
);

/** The tax rates of a country. */
export const taxesOf = sql((db, p: { country: string }) =>
  db.selectFrom("tax_rate").selectAll().where("country", "=", p.country),
);

/** All tax rates. */
export const allTaxes = sql((db, _: Record<never, never>) =>
  db.selectFrom("tax_rate").selectAll().orderBy("country").orderBy("category"),
);

/** Sets a tax rate. */
export const putTax = sql((db, p: Tables["tax_rate"]) =>
  db
    .insertInto("tax_rate")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["country", "category"]).doUpdateSet((eb) => ({
        rate_bp: eb.ref("excluded.rate_bp"),
        included: eb.ref("excluded.included"),
      })),
    ),
);

/** A promotion. */
export const promotionById = sql((db, p: { promotionId: string }) =>
  db.selectFrom("promotion").selectAll().where("promotion_id", "=", p.promotionId),
);

/** The promotions that are for everybody. */
export const openPromotions = sql((db, _: Record<never, never>) =>
  db.selectFrom("promotion").selectAll().where("needs_coupon", "=", 0).orderBy("promotion_id").limit(100),
);

/** Promotions after an id, in order. */
export const promotionsAfter = sql((db, p: { after: string; limit: number }) =>
  db.selectFrom("promotion").selectAll().where("promotion_id", ">", p.after).orderBy("promotion_id").limit(p.limit),
);

/** Creates or replaces a promotion. */
export const putPromotion = sql((db, p: Tables["promotion"]) =>
  db
    .insertInto("promotion")
    .values(p)
    .onConflict((conflict) =>
      conflict.column("promotion_id").doUpdateSet((eb) => ({
        needs_coupon: eb.ref("excluded.needs_coupon"),
        starts_at: eb.ref("excluded.starts_at"),
        ends_at: eb.ref("excluded.ends_at"),
        body: eb.ref("excluded.body"),
      })),
    ),
);

/** A coupon. */
export const couponByCode = sql((db, p: { code: string }) =>
  db.selectFrom("coupon").selectAll().where("code", "=", p.code),
);

/** Creates or changes a coupon; how often it was used stays. */
export const putCoupon = sql((db, p: Tables["coupon"]) =>
  db
    .insertInto("coupon")
    .values(p)
    .onConflict((conflict) =>
      conflict.column("code").doUpdateSet((eb) => ({
        promotion_id: eb.ref("excluded.promotion_id"),
        use_limit: eb.ref("excluded.use_limit"),
        per_customer_limit: eb.ref("excluded.per_customer_limit"),
      })),
    ),
);

/** Uses a coupon once, unless it is used up: one statement, so that two buyers cannot both take the last. */
export const useCoupon = sql((db, p: { code: string }) =>
  db
    .updateTable("coupon")
    .set((eb) => ({ used: eb("used", "+", 1) }))
    .where("code", "=", p.code)
    .where((eb) => eb.or([eb("use_limit", "is", null), eb("used", "<", eb.ref("use_limit"))])),
);

/** Gives a use back. */
export const returnCoupon = sql((db, p: { code: string }) =>
  db
    .updateTable("coupon")
    .set((eb) => ({ used: eb("used", "-", 1) }))
    .where("code", "=", p.code),
);

/** How often a customer holds or used a coupon. */
export const usesByCustomer = sql((db, p: { code: string; customer: string }) =>
  db
    .selectFrom("redemption")
    .select((eb) => eb.fn.countAll<number>().as("uses"))
    .where("code", "=", p.code)
    .where("customer", "=", p.customer)
    .where("state", "in", ["held", "committed"]),
);

/** How often a coupon is held, and used. */
export const usesByState = sql((db, p: { code: string; state: string }) =>
  db
    .selectFrom("redemption")
    .select((eb) => eb.fn.countAll<number>().as("uses"))
    .where("code", "=", p.code)
    .where("state", "=", p.state),
);

/** The coupons of an order. */
export const orderCoupons = sql((db, p: { orderId: string }) =>
  db.selectFrom("coupon_order").selectAll().where("order_id", "=", p.orderId),
);

/** Remembers that an order asked, or never may. */
export const addOrderCoupons = sql((db, p: Tables["coupon_order"]) => db.insertInto("coupon_order").values(p));

/** Moves an order's coupons on. */
export const setOrderState = sql((db, p: { orderId: string; state: string; expiresAt: number | null }) =>
  db.updateTable("coupon_order").set({ state: p.state, expires_at: p.expiresAt }).where("order_id", "=", p.orderId),
);

/** A use of a coupon by an order. */
export const putRedemption = sql((db, p: Tables["redemption"]) =>
  db
    .insertInto("redemption")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["code", "order_id"]).doUpdateSet((eb) => ({ state: eb.ref("excluded.state") })),
    ),
);

/** The uses of an order that count. */
export const usesOfOrder = sql((db, p: { orderId: string }) =>
  db
    .selectFrom("redemption")
    .select("code")
    .where("order_id", "=", p.orderId)
    .where("state", "in", ["held", "committed"]),
);

/** Moves the uses of an order that count on; what was given back stays so. */
export const moveUses = sql((db, p: { orderId: string; state: string }) =>
  db
    .updateTable("redemption")
    .set({ state: p.state })
    .where("order_id", "=", p.orderId)
    .where("state", "in", ["held", "committed"]),
);

/** Orders whose hold has run out. */
export const expiredHolds = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("coupon_order")
    .selectAll()
    .where("state", "=", "held")
    .where("expires_at", "<=", p.now)
    .orderBy("expires_at")
    .limit(p.limit),
);
