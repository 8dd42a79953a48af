/** What orders hear: payments move the money axis, shipments the goods axis. Late and repeated events change nothing. */
import { type Projection, type Subscription, subscribe } from "@isomer/kernel/runtime";
import type { DataOf } from "@isomer/kernel/contract";
import { payments } from "../payments/contract.ts";
import { shipping } from "../shipping/contract.ts";
import { change } from "./change.ts";
import { orders } from "./contract.ts";
import type { Fulfilment } from "./domain.ts";
import { type Tables, addSales, clearSales } from "./store.ts";

const hear = subscribe<Tables>();

type PaymentEvent = DataOf<typeof payments.events.authorized>;

const money = (
  event: typeof payments.events.authorized | typeof payments.events.captured | typeof payments.events.refunded,
  voided = false,
): Subscription<Tables> =>
  hear(event as typeof payments.events.authorized, async ({ data }, tx, ctx) => {
    const { orderId, paymentId, authorized, captured, refunded }: PaymentEvent = data;
    const sums = { authorized: authorized.amount, captured: captured.amount, refunded: refunded.amount };
    await change(tx, orderId, { type: "payment", orderId, paymentId, sums, voided }, ctx.now());
  }) as Subscription<Tables>;

const goods = (event: typeof shipping.events.shipmentReady, moved: Fulfilment): Subscription<Tables> =>
  hear(event, async ({ data }, tx, ctx) => {
    const { orderId, trackingNumber } = data;
    // A lost parcel is still away: it may be found and arrive.
    const fulfilment = data.status === "lost" ? "fulfilled" : moved;
    await change(tx, orderId, { type: "goods", orderId, fulfilment, trackingNumber }, ctx.now());
  }) as Subscription<Tables>;

/** What orders listen to. */
export const subscriptions: readonly Subscription<Tables>[] = [
  money(payments.events.authorized),
  money(payments.events.captured),
  money(payments.events.refunded),
  money(payments.events.voided, true),
  goods(shipping.events.shipmentReady, "ready"),
  goods(shipping.events.shipmentShipped, "fulfilled"),
  goods(shipping.events.shipmentMoved, "fulfilled"),
  goods(shipping.events.shipmentDelivered, "delivered"),
  goods(shipping.events.shipmentReturned, "returned"),
];

/** The day of a moment, in UTC. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Sales by day: a read model that can be made anew from the log. */
export const salesProjection: Projection<Tables> = {
  name: "sales",
  on: [
    hear(orders.events.placed, async ({ at, data }, tx) => {
      const { currency, totals } = data;
      await tx.run(addSales, { day: dayOf(at), currency, placed: 1, cancelled: 0, revenue: totals.total.amount });
    }),
    hear(orders.events.cancelled, async ({ data }, tx) => {
      // Counted on the day of the sale, so that a day's revenue is what remained of it.
      const { currency, amount } = data.totals.total;
      await tx.run(addSales, { day: data.placedAt.slice(0, 10), currency, placed: 0, cancelled: 1, revenue: -amount });
    }),
  ],
  reset: async (tx) => {
    await tx.run(clearSales, {});
  },
};
