/**
 * The life of an order's coupons: held while it is paid, committed or released after.
 *
 * Holds across a crash: a coupon's count equals its held and committed redemptions, and never passes its limit.
 * An order asks once: after a release, also one that came before the hold, it cannot ask again.
 */
import type { Tx } from "@isomer/kernel/runtime";
import { CouponUsedUp, CouponsClosed, NoPromotion, pricing } from "./contract.ts";
import {
  type Tables,
  addOrderCoupons,
  couponByCode,
  expiredHolds,
  moveUses,
  orderCoupons,
  putRedemption,
  returnCoupon,
  setOrderState,
  useCoupon,
  usesByCustomer,
  usesOfOrder,
} from "./store.ts";

type State = "held" | "committed" | "released" | "expired";
/** What the commands answer. */
export interface OrderCoupons {
  readonly orderId: string;
  readonly codes: string[];
}

/** The form in which codes are kept. */
export function normaliseCode(code: string): string {
  return code.toUpperCase();
}

/** Takes one use of each coupon for an order. @throws {CouponUsedUp} and {CouponsClosed}. */
export async function hold(
  tx: Tx<Tables>,
  request: { orderId: string; codes: readonly string[]; customer: string; now: number; ttlMs: number },
): Promise<OrderCoupons> {
  const { orderId, customer, now } = request;
  const codes = [...new Set(request.codes.map(normaliseCode))].toSorted();
  const known = await tx.first(orderCoupons, { orderId });
  if (known !== undefined) {
    if (known.state === "held" || known.state === "committed") return answer(known);
    throw CouponsClosed.with({ orderId });
  }
  await tx.run(addOrderCoupons, {
    order_id: orderId,
    state: "held" satisfies State,
    codes: JSON.stringify(codes),
    customer,
    expires_at: now + request.ttlMs,
  });
  for (const code of codes) await take(tx, { code, orderId, customer, at: now });
  await tx.emit(pricing.events.couponsHeld, { orderId, codes, customer });
  return { orderId, codes };
}

/** The order is paid: its coupons stay used. */
export async function commit(tx: Tx<Tables>, orderId: string, now: number): Promise<OrderCoupons> {
  const known = await tx.first(orderCoupons, { orderId });
  if (known === undefined) return { orderId, codes: [] };
  if (known.state === "released") throw CouponsClosed.with({ orderId });
  if (known.state === "expired") await retake(tx, known, now);
  if (known.state !== "committed") {
    await tx.run(setOrderState, { orderId, state: "committed" satisfies State, expiresAt: null });
    await tx.run(moveUses, { orderId, state: "committed" });
    await tx.emit(pricing.events.couponsRedeemed, { orderId, codes: answer(known).codes });
  }
  return answer(known);
}

/** Gives an order's coupons back, or sees to it that it never gets any. */
export async function release(tx: Tx<Tables>, orderId: string, reason: string): Promise<OrderCoupons> {
  const known = await tx.first(orderCoupons, { orderId });
  if (known === undefined) {
    await tx.run(addOrderCoupons, {
      order_id: orderId,
      state: "released",
      codes: "[]",
      customer: "",
      expires_at: null,
    });
    return { orderId, codes: [] };
  }
  if (known.state === "held" || known.state === "committed") await giveBack(tx, known, "released", reason);
  else await tx.run(setOrderState, { orderId, state: "released" satisfies State, expiresAt: null });
  return answer(known);
}

/** Gives back what was held too long; resolves to whether there may be more. */
export async function expire(tx: Tx<Tables>, now: number, limit: number): Promise<boolean> {
  const due = await tx.all(expiredHolds, { now, limit });
  for (const order of due) await giveBack(tx, order, "expired", "the hold ran out");
  return due.length === limit;
}

async function take(tx: Tx<Tables>, use: Omit<Use, "state">): Promise<void> {
  const { code } = use;
  if ((await tx.first(couponByCode, { code })) === undefined) throw NoPromotion.with({ promotionId: code });
  if (!(await tryUse(tx, { ...use, state: "held" }))) throw CouponUsedUp.with({ code });
}

interface Use {
  readonly code: string;
  readonly orderId: string;
  readonly customer: string;
  readonly state: State;
  readonly at: number;
}

/** Uses a coupon once if both its limits allow it; resolves to whether they did. */
async function tryUse(tx: Tx<Tables>, { code, orderId, customer, state, at }: Use): Promise<boolean> {
  const each = (await tx.first(couponByCode, { code }))?.per_customer_limit ?? null;
  if (each !== null && ((await tx.first(usesByCustomer, { code, customer }))?.uses ?? 0) >= each) return false;
  if ((await tx.run(useCoupon, { code })) === 0) return false;
  await tx.run(putRedemption, { code, order_id: orderId, customer, state, at });
  return true;
}

/**
 * The order was paid with a discount whose hold ran out meanwhile: the discount stands. Past a limit the coupon is
 * not counted again, because the limit is a promise to the shop and the price one to the customer, who has paid.
 */
async function retake(tx: Tx<Tables>, order: Tables["coupon_order"], at: number): Promise<void> {
  const { order_id: orderId, customer } = order;
  for (const code of answer(order).codes) await tryUse(tx, { code, orderId, customer, state: "committed", at });
}

/** Gives back what the order uses, which after a hold that ran out may be less than it asked for. */
async function giveBack(tx: Tx<Tables>, order: Tables["coupon_order"], state: State, reason: string): Promise<void> {
  const { orderId, codes } = answer(order);
  for (const { code } of await tx.all(usesOfOrder, { orderId })) await tx.run(returnCoupon, { code });
  await tx.run(moveUses, { orderId, state });
  await tx.run(setOrderState, { orderId, state, expiresAt: null });
  await tx.emit(pricing.events.couponsReleased, { orderId, codes, reason });
}

function answer(order: Tables["coupon_order"]): OrderCoupons {
  return { orderId: order.order_id, codes: JSON.parse(order.codes) as string[] };
}
