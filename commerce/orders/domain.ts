/**
 * The order as its events make it: three axes (the order, its money, its goods) so that states do not multiply.
 * Deciding is pure; the money and the goods are derived from what payments and shipments said, in any order.
 */
import { defineAggregate, type FactOf } from "@isomer/kernel/sourcing";
import { add, money, subtract, sum } from "../shared/mod.ts";
import { DoesNotAddUp, NoOrder, OrderAbandoned, WrongState, orders } from "./contract.ts";
import type { FULFILMENT_STATES, LIFECYCLES, OrderDraft, PAYMENT_STATES, PaymentSums } from "./schemas.ts";

/** Where the order stands. */
export type Lifecycle = (typeof LIFECYCLES)[number];
/** Where its money stands. */
export type PaymentState = (typeof PAYMENT_STATES)[number];
/** Where its goods stand. */
export type Fulfilment = (typeof FULFILMENT_STATES)[number];
/** What an order's events say. */
export type OrderFact = FactOf<typeof orders.events>;

/** An order. */
export interface Order {
  /** `none` before it was opened. */
  readonly lifecycle: Lifecycle | "none";
  readonly draft: OrderDraft | null;
  readonly paymentId: string | null;
  readonly sums: PaymentSums;
  /** Whether what was held was let go without being taken. */
  readonly voided: boolean;
  readonly fulfilment: Fulfilment;
  readonly trackingNumbers: readonly string[];
  /** Whether it was ever placed: from then on refunds are told to the customer. */
  readonly wasPlaced: boolean;
  /** How often somebody asked to cancel it: names the saga that carries the last request out. */
  readonly cancels: number;
  readonly reason: string | null;
}

/** What is asked of an order. `now` is RFC 3339. */
export type OrderCommand =
  | { readonly type: "open"; readonly draft: OrderDraft }
  | { readonly type: "place"; readonly orderId: string; readonly paymentId: string }
  | { readonly type: "abandon"; readonly orderId: string; readonly reason: string }
  | { readonly type: "requestCancel"; readonly orderId: string; readonly reason: string; readonly by: string }
  | { readonly type: "refuseCancel"; readonly orderId: string; readonly reason: string }
  | { readonly type: "cancel"; readonly orderId: string; readonly placedAt: string }
  | { readonly type: "hold"; readonly orderId: string; readonly reason: string; readonly by: string }
  | { readonly type: "resume"; readonly orderId: string; readonly by: string }
  | { readonly type: "note"; readonly orderId: string; readonly text: string; readonly by: string }
  | {
      readonly type: "payment";
      readonly orderId: string;
      readonly paymentId: string;
      readonly sums: PaymentSums;
      readonly voided: boolean;
    }
  | {
      readonly type: "goods";
      readonly orderId: string;
      readonly fulfilment: Fulfilment;
      readonly trackingNumber?: string;
    };

const nothing: Order = {
  lifecycle: "none",
  draft: null,
  paymentId: null,
  sums: { authorized: 0, captured: 0, refunded: 0 },
  voided: false,
  fulfilment: "processing",
  trackingNumbers: [],
  wasPlaced: false,
  cancels: 0,
  reason: null,
};

/** How far goods have come: what a late carrier event says never takes them back. */
const PROGRESS: Readonly<Record<Fulfilment, number>> = {
  processing: 0,
  ready: 1,
  fulfilled: 2,
  delivered: 3,
  returned: 4,
  cancelled: 5,
};

/** What people say on the telephone: made from the id, so that nobody has to count. */
export function orderNumber(orderId: string): string {
  const hex = orderId.replaceAll("-", "");
  const value = BigInt(`0x${/^[0-9a-f]{32}$/i.test(hex) ? hex.slice(0, 12) + hex.slice(27) : "0"}`);
  return `IS-${value.toString(36).toUpperCase()}`;
}

/** The money axis, from the sums. */
export function paymentState({ sums, voided, draft }: Order): PaymentState {
  const { authorized, captured, refunded } = sums;
  const total = draft?.totals.total.amount ?? 0;
  if (refunded > 0) return refunded >= captured ? "refunded" : "refunded_partial";
  if (captured > 0) return captured >= total ? "captured" : "captured_partial";
  if (voided) return "voided";
  return authorized > 0 ? "authorized" : "none";
}

function decide(order: Order, command: OrderCommand): readonly OrderFact[] {
  switch (command.type) {
    case "open":
      return open(order, command.draft);
    case "place":
      return place(order, command.orderId, command.paymentId);
    case "abandon":
      return abandon(order, command.orderId, command.reason);
    case "requestCancel":
    case "refuseCancel":
    case "cancel":
      return cancelling(order, command);
    case "hold":
      if (order.lifecycle === "on_hold") return [];
      requireOne(order, command.orderId, ["placed"]);
      return [{ type: "held", data: { orderId: command.orderId, reason: command.reason, by: command.by } }];
    case "resume":
      if (order.lifecycle === "placed") return [];
      requireOne(order, command.orderId, ["on_hold"]);
      return [
        { type: "resumed", data: { orderId: command.orderId, by: command.by } },
        ...goingOn(order, command.orderId),
      ];
    case "note":
      requireDraft(order, command.orderId);
      return [{ type: "noteAdded", data: { orderId: command.orderId, text: command.text, by: command.by } }];
    case "payment":
      return payment(order, command);
    case "goods":
      return goods(order, command);
    default:
      return command satisfies never;
  }
}

function open(order: Order, draft: OrderDraft): readonly OrderFact[] {
  if (order.lifecycle === "abandoned") throw OrderAbandoned.with({ orderId: draft.orderId });
  if (order.lifecycle !== "none") return [];
  const detail = mistakeIn(draft);
  if (detail !== undefined) throw DoesNotAddUp.with({ orderId: draft.orderId, detail });
  return [{ type: "opened", data: draft }];
}

/** What does not add up in a draft, if anything. */
export function mistakeIn({ totals, lines, currency }: OrderDraft): string | undefined {
  const { subtotal, discount, shipping, tax, total } = totals;
  const made = add(add(subtract(subtotal, discount), shipping), tax);
  if (made.amount !== total.amount)
    return `subtotal - discount + shipping + tax is ${made.amount}, total ${total.amount}`;
  const gross = lines.reduce((soFar, line) => soFar + line.unitPrice.amount * line.quantity, 0);
  if (gross !== subtotal.amount) return `the lines cost ${gross}, the subtotal is ${subtotal.amount}`;
  const off = sum(
    lines.map((line) => line.discount),
    currency,
  );
  if (off.amount !== discount.amount) return `the lines' discounts are ${off.amount}, the order's ${discount.amount}`;
  const taxes = sum(
    lines.map((line) => line.tax),
    currency,
  );
  if (taxes.amount !== tax.amount) return `the lines' taxes are ${taxes.amount}, the order's ${tax.amount}`;
  const odd = lines.find(
    (line) => line.total.amount !== line.unitPrice.amount * line.quantity - line.discount.amount + line.tax.amount,
  );
  if (odd !== undefined) return `line ${odd.lineId} costs ${odd.total.amount}, which is not what its parts make`;
  return undefined;
}

function place(order: Order, orderId: string, paymentId: string): readonly OrderFact[] {
  if (order.wasPlaced && order.paymentId === paymentId) return [];
  const draft = requireOne(order, orderId, ["pending"]);
  const { subject, email, currency, lines, totals, shippingAddress, shippingOption } = draft;
  const number = orderNumber(orderId);
  return [
    {
      type: "placed",
      data: { orderId, number, subject, email, currency, lines, totals, shippingAddress, shippingOption, paymentId },
    },
    ...goingOn(order, orderId),
  ];
}

function abandon(order: Order, orderId: string, reason: string): readonly OrderFact[] {
  if (order.lifecycle === "abandoned") return [];
  if (order.lifecycle !== "none") requireOne(order, orderId, ["pending"]);
  return [{ type: "abandoned", data: { orderId, reason } }];
}

function cancelling(
  order: Order,
  command: Extract<OrderCommand, { type: "requestCancel" | "refuseCancel" | "cancel" }>,
): readonly OrderFact[] {
  const { orderId } = command;
  if (command.type === "requestCancel") {
    if (order.lifecycle === "cancelling" || order.lifecycle === "cancelled") return [];
    requireOne(order, orderId, ["placed", "on_hold"]);
    if (PROGRESS[order.fulfilment] >= PROGRESS.fulfilled) throw wrong(order, orderId);
    return [{ type: "cancelRequested", data: { orderId, reason: command.reason, by: command.by } }];
  }
  if (command.type === "refuseCancel") {
    if (order.lifecycle !== "cancelling") return [];
    return [{ type: "cancelRefused", data: { orderId, reason: command.reason } }, ...goingOn(order, orderId)];
  }
  if (order.lifecycle === "cancelled") return [];
  const { subject, email, totals } = requireOne(order, orderId, ["cancelling"]);
  const reason = order.reason ?? "cancelled";
  const placedAt = command.placedAt;
  return [
    { type: "cancelled", data: { orderId, number: orderNumber(orderId), subject, email, totals, reason, placedAt } },
  ];
}

/** Sums only grow; what arrives late or twice says nothing new. */
function payment(
  order: Order,
  { orderId, paymentId, sums, voided }: Extract<OrderCommand, { type: "payment" }>,
): readonly OrderFact[] {
  const draft = order.draft;
  if (draft === null) return [];
  const merged: PaymentSums = {
    authorized: Math.max(order.sums.authorized, sums.authorized),
    captured: Math.max(order.sums.captured, sums.captured),
    refunded: Math.max(order.sums.refunded, sums.refunded),
  };
  if (
    merged.authorized === order.sums.authorized &&
    merged.captured === order.sums.captured &&
    merged.refunded === order.sums.refunded &&
    (order.voided || !voided)
  ) {
    return [];
  }
  const facts: OrderFact[] = [
    { type: "paymentChanged", data: { orderId, paymentId, ...merged, voided: order.voided || voided } },
  ];
  const back = merged.refunded - order.sums.refunded;
  if (back > 0 && order.wasPlaced) {
    const { subject, email, currency } = draft;
    const refundedTotal = money(merged.refunded, currency);
    const data = {
      orderId,
      number: orderNumber(orderId),
      subject,
      email,
      amount: money(back, currency),
      refundedTotal,
    };
    facts.push({ type: "refunded", data });
  }
  return [...facts, ...completion({ ...order, sums: merged }, orderId)];
}

function goods(
  order: Order,
  { orderId, fulfilment, trackingNumber }: Extract<OrderCommand, { type: "goods" }>,
): readonly OrderFact[] {
  if (order.draft === null) return [];
  const forward = PROGRESS[fulfilment] > PROGRESS[order.fulfilment];
  const tracked = trackingNumber !== undefined && !order.trackingNumbers.includes(trackingNumber);
  if (!forward && !tracked) return [];
  const next = forward ? fulfilment : order.fulfilment;
  const data = { orderId, fulfilment: next, ...(trackingNumber === undefined ? {} : { trackingNumber }) };
  return [{ type: "fulfilmentChanged", data }, ...completion({ ...order, fulfilment: next }, orderId)];
}

/** What follows when an order stands (again): its parcel may have arrived, and its money come, in the meantime. */
function goingOn(order: Order, orderId: string): readonly OrderFact[] {
  return completion({ ...order, lifecycle: "placed" }, orderId);
}

/** An order is complete once it is delivered and its money was taken. */
function completion(order: Order, orderId: string): readonly OrderFact[] {
  const paid = order.draft !== null && order.sums.captured >= order.draft.totals.total.amount;
  if (order.lifecycle !== "placed" || order.fulfilment !== "delivered" || !paid) return [];
  return [{ type: "completed", data: { orderId, subject: order.draft.subject } }];
}

function requireDraft(order: Order, orderId: string): OrderDraft {
  if (order.draft === null) throw NoOrder.with({ orderId });
  return order.draft;
}

function requireOne(order: Order, orderId: string, allowed: readonly Lifecycle[]): OrderDraft {
  const draft = requireDraft(order, orderId);
  if (!allowed.includes(order.lifecycle as Lifecycle)) throw wrong(order, orderId);
  return draft;
}

function wrong(order: Order, orderId: string) {
  return WrongState.with({ orderId, lifecycle: order.lifecycle as Lifecycle, fulfilment: order.fulfilment });
}

function evolve(order: Order, fact: OrderFact): Order {
  switch (fact.type) {
    case "opened":
      return { ...order, lifecycle: "pending", draft: fact.data };
    case "placed":
      return { ...order, lifecycle: "placed", paymentId: fact.data.paymentId, wasPlaced: true };
    case "abandoned":
      return { ...order, lifecycle: "abandoned", reason: fact.data.reason };
    case "cancelRequested":
      return {
        ...order,
        lifecycle: "cancelling",
        reason: fact.data.reason,
        cancels: order.cancels + 1,
      };
    case "cancelRefused":
    case "resumed":
      return { ...order, lifecycle: "placed", reason: null };
    case "cancelled":
      return { ...order, lifecycle: "cancelled", fulfilment: "cancelled", reason: fact.data.reason };
    case "held":
      return { ...order, lifecycle: "on_hold", reason: fact.data.reason };
    case "paymentChanged": {
      const { authorized, captured, refunded, voided } = fact.data;
      return { ...order, sums: { authorized, captured, refunded }, voided };
    }
    case "fulfilmentChanged": {
      const { fulfilment, trackingNumber } = fact.data;
      const known = trackingNumber === undefined || order.trackingNumbers.includes(trackingNumber);
      return {
        ...order,
        fulfilment,
        trackingNumbers: known ? order.trackingNumbers : [...order.trackingNumbers, trackingNumber],
      };
    }
    case "completed":
      return { ...order, lifecycle: "completed" };
    case "refunded":
    case "noteAdded":
      return order;
    default:
      return fact satisfies never;
  }
}

/** The aggregate. Its events are the log of the service. */
export const orderAggregate = defineAggregate<Order, OrderCommand, typeof orders.events>({
  name: "order",
  events: orders.events,
  initial: nothing,
  decide,
  evolve,
});
