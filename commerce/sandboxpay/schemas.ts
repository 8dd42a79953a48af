/** The provider's objects, shaped after Stripe's. Amounts are integers in minor units, times are Unix seconds. */
import { type TypeOf, t } from "@isomer/kernel/schema";

const Id = t.text({ minLength: 1, maxLength: 64 });
const Amount = t.integer({ minimum: 0, description: "Minor units." });
const UnixSeconds = t.integer({ minimum: 0, description: "Unix seconds." });

/** The states of an intent. */
export const IntentStatus = t.oneOf([
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
  "processing",
  "requires_capture",
  "succeeded",
  "canceled",
]);

/** A capture or refund. */
export const Movement = t.object({
  id: Id,
  /** The caller's own id, if it gave one. */
  reference: t.optional(t.text({ maxLength: 300 })),
  amount: Amount,
  status: t.oneOf(["pending", "succeeded", "failed"]),
  created: UnixSeconds,
});
/** A capture or refund. */
export type Movement = TypeOf<typeof Movement>;

/** The caller's own ids. */
export const Metadata = t.object({
  paymentId: t.optional(t.text({ maxLength: 100 })),
  orderId: t.optional(t.text({ maxLength: 100 })),
});

/** An attempt to pay. */
export const Intent = t.object({
  id: Id,
  object: t.literal("payment_intent"),
  amount: Amount,
  currency: t.text({ minLength: 3, maxLength: 3, pattern: "^[A-Z]{3}$" }),
  status: IntentStatus,
  /** What was authorised; stays as captures are made. */
  amountAuthorized: Amount,
  /** What may still be captured. */
  amountCapturable: Amount,
  amountCaptured: Amount,
  /** Refunds that failed do not count. */
  amountRefunded: Amount,
  /** What was authorised and not captured has been let go. */
  released: t.boolean(),
  captures: t.array(Movement, { maxItems: 100 }),
  refunds: t.array(Movement, { maxItems: 100 }),
  lastError: t.optional(t.object({ code: t.text({ maxLength: 100 }), message: t.text() })),
  nextAction: t.optional(t.object({ redirectUrl: t.text({ maxLength: 2_000 }) })),
  metadata: Metadata,
  created: UnixSeconds,
});
/** An attempt to pay. */
export type Intent = TypeOf<typeof Intent>;

/** What webhooks are about. */
export const EVENT_TYPES = [
  "payment_intent.requires_action",
  "payment_intent.processing",
  "payment_intent.amount_capturable_updated",
  "payment_intent.payment_failed",
  "payment_intent.captured",
  "payment_intent.canceled",
  "refund.created",
  "refund.failed",
] as const;
/** What a webhook is about. */
export type EventType = (typeof EVENT_TYPES)[number];

/** The body of a webhook. */
export const WebhookEvent = t.object({
  id: Id,
  object: t.literal("event"),
  type: t.text({ maxLength: 100 }),
  created: UnixSeconds,
  data: t.object({ object: Intent }),
});
/** The body of a webhook. */
export type WebhookEvent = TypeOf<typeof WebhookEvent>;

/** An entry of the provider's ledger, which never forgets. */
export const ProviderEntry = t.object({
  position: t.integer({ minimum: 1 }),
  intentId: Id,
  paymentId: t.optional(t.text({ maxLength: 100 })),
  orderId: t.optional(t.text({ maxLength: 100 })),
  kind: t.oneOf(["authorize", "capture", "release", "refund", "refund_failed"]),
  amount: Amount,
  currency: t.text(),
  at: t.instant(),
});
