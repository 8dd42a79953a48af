/** Invariants 14 and 15 as far as they are about coupons. */
import type { ShopData, Violation } from "./data.ts";
import { type OrderRecord, stands } from "./orders-log.ts";

/** 15: a coupon counts its uses right, and is used no more often than it may be: by all, and by each customer. */
export function couponLimits(data: ShopData): Violation[] {
  const coupons = data.rows<{
    code: string;
    limit: number | null;
    each: number | null;
    used: number;
    redeemed: number;
  }>(
    "pricing",
    `SELECT c.code, c.use_limit AS "limit", c.per_customer_limit AS "each", c.used, COUNT(r.order_id) AS redeemed
     FROM coupon c LEFT JOIN redemption r ON r.code = c.code AND r.state IN ('held', 'committed') GROUP BY c.code`,
  );
  const eager = data.rows<{ code: string; customer: string; uses: number }>(
    "pricing",
    `SELECT r.code, r.customer, COUNT(*) AS uses FROM redemption r JOIN coupon c ON c.code = r.code
     WHERE r.state IN ('held', 'committed') AND c.per_customer_limit IS NOT NULL
     GROUP BY r.code, r.customer HAVING COUNT(*) > MAX(c.per_customer_limit)`,
  );
  return [
    ...coupons.flatMap(({ code, limit, used, redeemed }) => [
      ...(used === redeemed
        ? []
        : [{ invariant: 15, what: `${redeemed} redemptions, ${used} counted`, subject: `coupon ${code}` }]),
      ...(limit === null || redeemed <= limit
        ? []
        : [{ invariant: 15, what: `${redeemed} redemptions of ${limit}`, subject: `coupon ${code}` }]),
    ]),
    ...eager.map(({ code, customer, uses }) => ({
      invariant: 15,
      what: `${uses} uses by ${customer}`,
      subject: `coupon ${code}`,
    })),
  ];
}

/** 15: standing orders have their coupons committed, and others hold none. */
export function couponOwners(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const rows = data.rows<{ order_id: string; state: string; codes: string }>(
    "pricing",
    "SELECT order_id, state, codes FROM coupon_order",
  );
  const kept = new Map(rows.map((row) => [row.order_id, row]));
  const found: Violation[] = [];
  for (const order of orders.values()) {
    const { orderId, draft } = order;
    const row = kept.get(orderId);
    kept.delete(orderId);
    const subject = `order ${orderId}`;
    const state = row?.state ?? "absent";
    if (stands(order) && draft !== undefined && draft.couponCodes.length > 0) {
      if (state !== "committed")
        found.push({ invariant: 15, what: `the order stands, its coupons are ${state}`, subject });
      else if (text(JSON.parse(row?.codes ?? "[]") as string[]) !== text(draft.couponCodes)) {
        found.push({
          invariant: 15,
          what: `redeemed were ${row?.codes}, the order has ${text(draft.couponCodes)}`,
          subject,
        });
      }
    } else if (!stands(order) && (state === "held" || state === "committed")) {
      found.push({ invariant: 14, what: `the order is ${order.lifecycle}, its coupons are ${state}`, subject });
    }
  }
  for (const { order_id: id, state } of kept.values()) {
    if (state === "held" || state === "committed") {
      found.push({
        invariant: 14,
        what: `coupons are ${state} for an order that is not there`,
        subject: `order ${id}`,
      });
    }
  }
  return found;
}

const text = (codes: readonly string[]): string =>
  [...codes]
    .map((code) => code.toUpperCase())
    .toSorted()
    .join(",");
