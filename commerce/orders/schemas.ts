/** The values of orders. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Address, Currency, Email, Money, OrderLine, Totals, Version } from "../shared/mod.ts";
import { OptionCode } from "../shipping/contract.ts";

/** The id of an order: chosen by the checkout, so that opening it twice is opening it once. */
export const OrderId = t.text({ minLength: 1, maxLength: 64 });

/** Where the order itself stands. */
export const LIFECYCLES = [
  "pending",
  "placed",
  "on_hold",
  "cancelling",
  "completed",
  "cancelled",
  "abandoned",
] as const;
/** Where its money stands: derived from the payment's sums, never set by hand. */
export const PAYMENT_STATES = [
  "none",
  "authorized",
  "captured_partial",
  "captured",
  "refunded_partial",
  "refunded",
  "voided",
] as const;
/** Where its goods stand: derived from what its shipments said. */
export const FULFILMENT_STATES = ["processing", "ready", "fulfilled", "delivered", "returned", "cancelled"] as const;

/** What an order is made of: a snapshot of what was agreed. It never changes. */
export const OrderDraft = t.object({
  orderId: OrderId,
  checkoutId: t.text({ maxLength: 64 }),
  subject: t.text({ maxLength: 64 }),
  email: Email,
  currency: Currency,
  lines: t.array(OrderLine, { minItems: 1, maxItems: 100 }),
  totals: Totals,
  shippingAddress: Address,
  billingAddress: t.optional(Address),
  shippingOption: t.object({ code: OptionCode, label: t.text(), carrier: t.text(), price: Money }),
  couponCodes: t.array(t.text({ maxLength: 40 }), { maxItems: 5 }),
});
/** What an order is made of. */
export type OrderDraft = TypeOf<typeof OrderDraft>;

/** The sums of an order's payment. */
export const PaymentSums = t.object({ authorized: t.integer(), captured: t.integer(), refunded: t.integer() });
/** The sums of an order's payment, in minor units of the order's currency. */
export type PaymentSums = TypeOf<typeof PaymentSums>;

/** An order as people see it. */
export const OrderView = t.object({
  orderId: OrderId,
  number: t.text({ description: "What people say on the telephone." }),
  lifecycle: t.oneOf(LIFECYCLES),
  payment: t.oneOf(PAYMENT_STATES),
  fulfilment: t.oneOf(FULFILMENT_STATES),
  email: Email,
  currency: Currency,
  lines: t.array(OrderLine),
  totals: Totals,
  captured: Money,
  refunded: Money,
  shippingAddress: Address,
  billingAddress: t.optional(Address),
  shippingOption: t.object({ code: t.text(), label: t.text(), carrier: t.text(), price: Money }),
  couponCodes: t.array(t.text()),
  paymentId: t.optional(t.text()),
  trackingNumbers: t.array(t.text()),
  reason: t.optional(t.text({ description: "Why it was cancelled; for the shop's people, also why it is on hold." })),
  notes: t.array(t.object({ at: t.instant(), by: t.text(), text: t.text({ maxLength: 1_000 }) }), {
    description: "Only the shop's people see them.",
  }),
  version: Version,
  createdAt: t.instant(),
  updatedAt: t.instant(),
});
/** An order as people see it. */
export type OrderView = TypeOf<typeof OrderView>;

/** An order in a list. */
export const OrderSummary = t.object({
  orderId: OrderId,
  number: t.text(),
  lifecycle: t.oneOf(LIFECYCLES),
  payment: t.oneOf(PAYMENT_STATES),
  fulfilment: t.oneOf(FULFILMENT_STATES),
  total: Money,
  items: t.integer(),
  createdAt: t.instant(),
});
