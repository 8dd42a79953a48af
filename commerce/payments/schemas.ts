/** What payments look like from outside. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Money, Version } from "../shared/mod.ts";
import { PAYMENT_STATUSES } from "./domain.ts";

const reference = (description: string) => t.text({ minLength: 1, maxLength: 64, pattern: "^[\\w.-]+$", description });

/** The id of a payment: chosen by whoever asks for it, so that asking twice is asking once. */
export const PaymentId = reference("The payment: one attempt to pay an order with one method.");
/** The id of an order. */
export const OrderId = reference("The order that is paid.");
/** The id of a checkout. */
export const CheckoutId = reference("The checkout that asked for the payment.");
/** The id of a refund. */
export const RefundId = t.text({
  minLength: 1,
  maxLength: 150,
  pattern: "^[\\x21-\\x7e]+$",
  description: "The refund: asking twice with one id is asking once.",
});

/** Where a payment stands. */
export const PaymentStatus = t.oneOf(PAYMENT_STATUSES, { description: "Derived from the ledger, never set by hand." });

/** A payment as others see it. */
export const PaymentView = t.object({
  paymentId: PaymentId,
  orderId: OrderId,
  checkoutId: t.optional(CheckoutId),
  status: PaymentStatus,
  /** What the order costs: exactly this is authorised. */
  amount: Money,
  authorized: Money,
  captured: Money,
  refunded: Money,
  voided: Money,
  /** A capture or refund was asked for, and the provider has not confirmed it yet. It will be carried out. */
  pending: t.boolean(),
  /** It was called off: whatever succeeds later is reversed. */
  givenUp: t.boolean(),
  /** Why the method was refused, when it was. */
  declineCode: t.optional(t.text({ maxLength: 100 })),
  /** Where the customer approves, while the status is `requires_action`. */
  redirectUrl: t.optional(t.text({ maxLength: 2_000 })),
  version: Version,
  createdAt: t.instant(),
});
/** A payment as others see it. */
export type PaymentView = TypeOf<typeof PaymentView>;

/** An entry of the ledger. */
export const LedgerEntry = t.object({
  kind: t.oneOf(["authorize", "capture", "void", "refund"]),
  phase: t.oneOf(["request", "action", "pending", "success", "failure", "abandoned"]),
  ref: t.text(),
  amount: Money,
  detail: t.text({ maxLength: 2_000 }),
  /** How it was learned: by the answer to a call, a webhook, or by asking later. */
  source: t.oneOf(["call", "webhook", "reconcile"]),
  at: t.instant(),
});

/** What all events of payments carry. */
export const eventFields = {
  paymentId: PaymentId,
  orderId: OrderId,
  checkoutId: t.optional(CheckoutId),
  /** What this event is about. */
  amount: Money,
  status: PaymentStatus,
  /** Sums after it. */
  authorized: Money,
  captured: Money,
  refunded: Money,
};
