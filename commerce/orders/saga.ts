/** Cancelling a placed order: once the parcel is stopped there is no way back, and everything is given back. */
import { saga } from "@isomer/kernel/saga";
import { t } from "@isomer/kernel/schema";
import { inventory } from "../inventory/contract.ts";
import { payments } from "../payments/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { WrongStatus, shipping } from "../shipping/contract.ts";
import { change } from "./change.ts";
import { OrderId } from "./schemas.ts";
import type { Tables } from "./store.ts";

type Uses = "inventory" | "payments" | "pricing" | "shipping";

/** The saga that takes an order back. */
export const cancelOrder = saga<Tables, Uses>()("cancelOrder", {
  input: t.object({
    orderId: OrderId,
    paymentId: t.text(),
    reason: t.text({ maxLength: 200 }),
    coupons: t.boolean(),
    placedAt: t.instant(),
  }),
  output: t.object({ cancelled: t.boolean() }),
  run: async (s, { orderId, paymentId, reason, coupons, placedAt }) => {
    try {
      // Never given up: nobody would know whether the parcel was stopped.
      const attemptsMax = Number.POSITIVE_INFINITY;
      await s.step("stopParcel", shipping.cancelForOrder({ orderId, reason }), { attemptsMax });
    } catch (error) {
      if (!WrongStatus.is(error)) throw error;
      const now = await s.now("refusedAt");
      await s.local("refuse", (tx) =>
        change(tx, orderId, { type: "refuseCancel", orderId, reason: "the parcel has left" }, now),
      );
      return { cancelled: false };
    }
    await s.pivot();
    await s.step("returnMoney", payments.cancel({ paymentId, reason }));
    await s.step("returnStock", inventory.release({ orderId, reason }));
    if (coupons) await s.step("returnCoupons", pricing.releaseCoupons({ orderId, reason }));
    const now = await s.now("cancelledAt");
    await s.local("finish", (tx) => change(tx, orderId, { type: "cancel", orderId, placedAt }, now));
    return { cancelled: true };
  },
  // Before its pivot it turns back only by a bug or an operator. Then the order must not be left between two states.
  settled: async (tx, { orderId }, { status }, { now }) => {
    if (status !== "compensated") return;
    await change(tx, orderId, { type: "refuseCancel", orderId, reason: "it could not be carried out" }, now);
  },
});
