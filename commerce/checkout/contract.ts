/** checkout: turns a cart into a paid order, or leaves everything as it was. */
import { command, contract, event, fault, http, owner, query, user } from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Money } from "../shared/mod.ts";

const CheckoutId = t.id();

/** Where a checkout stands. After a failure it is open again. */
export const CHECKOUT_STATUSES = [
  "open",
  "completing",
  "requires_action",
  "completed",
  "cancelled",
  "expired",
] as const;

/** A checkout as its buyer sees it. */
export const Checkout = t.object({
  checkoutId: CheckoutId,
  cartId: t.id(),
  status: t.oneOf(CHECKOUT_STATUSES),
  /** What will be charged. Absent while the cart has no price. */
  total: t.optional(Money),
  /** What the buyer agrees to: send it back to complete, and nothing else is charged. */
  quoteHash: t.optional(t.text()),
  /** What the cart still needs before it can be bought. */
  missing: t.array(t.text()),
  /** Where the buyer approves the payment, while the status is `requires_action`. */
  redirectUrl: t.optional(t.text({ maxLength: 2_000 })),
  /** The order, once there is one. */
  orderId: t.optional(t.text()),
  /** Why the last attempt came to nothing. */
  problem: t.optional(
    t.object({ code: t.text(), kind: t.text(), message: t.text({ maxLength: 1_000 }), data: t.unknown() }),
  ),
  createdAt: t.instant(),
  updatedAt: t.instant(),
});
/** A checkout as its buyer sees it. */
export type Checkout = TypeOf<typeof Checkout>;

/** No checkout by that name. */
export const NoCheckout = fault("checkout/no-checkout", {
  kind: "missing",
  data: t.object({ checkoutId: CheckoutId }),
  message: ({ checkoutId }) => `There is no checkout ${checkoutId}. Begin one with POST /v1/checkouts.`,
});

/** An attempt to pay is under way, or the checkout is over. */
export const CheckoutBusy = fault("checkout/busy", {
  kind: "conflict",
  data: t.object({ checkoutId: CheckoutId, status: t.oneOf(CHECKOUT_STATUSES) }),
  message: ({ checkoutId, status }) => `Checkout ${checkoutId} is ${status}. Look at it with GET before you go on.`,
});

/** The payment was refused. Nothing was charged; another method may work. */
export const PaymentDeclined = fault("checkout/payment-declined", {
  kind: "conflict",
  data: t.object({ reason: t.text() }),
  message: ({ reason }) => `The payment was refused (${reason}). Nothing was charged; try another method.`,
});

/** Nobody approved the payment in time, or the provider never said what came of it. Whatever it took is given back. */
export const PaymentTimedOut = fault("checkout/payment-timed-out", {
  kind: "conflict",
  data: t.object({ waitedMs: t.integer() }),
  message: () => "The payment was not settled in time. Nothing is charged: if it succeeds later, it is given back.",
});

/** Something did not work, of the shop's and not of the buyer's. Everything is back where it was. */
export const AttemptFailed = fault("checkout/attempt-failed", {
  kind: "conflict",
  data: t.object({ checkoutId: CheckoutId, code: t.text() }),
  message: ({ code }) =>
    `The order could not be placed this time (${code}). Nothing is charged; try again, with a new key.`,
});

/** The buyer called it off while the payment was waiting for approval. */
export const CalledOff = fault("checkout/called-off", {
  kind: "conflict",
  data: t.object({}),
  message: () => "The checkout was called off.",
});

const about = { checkoutId: CheckoutId, subject: t.text() };

export const checkout = contract("checkout", {
  version: "1.0.0",
  summary: "From a cart to a paid order.",
  commands: {
    begin: command({
      summary: "Begin to buy a cart",
      input: t.object({ cartId: t.id() }),
      output: Checkout,
      allow: [user],
      criticality: "high",
      deadlineMs: 4_000,
      http: http("POST /v1/checkouts", { status: 201 }),
    }),
    complete: command({
      summary: "Pay, and place the order",
      input: t.object({
        checkoutId: CheckoutId,
        paymentToken: t.secret(
          t.text({ minLength: 1, maxLength: 200, description: "The provider's token of a payment method." }),
        ),
        quoteHash: t.optional(
          t.text({
            maxLength: 128,
            description: "What the buyer agreed to, when it is not what the checkout began with.",
          }),
        ),
      }),
      output: Checkout,
      faults: [NoCheckout, CheckoutBusy, PaymentDeclined, PaymentTimedOut, AttemptFailed],
      allow: [owner],
      criticality: "critical",
      deadlineMs: 15_000,
      http: http("POST /v1/checkouts/:checkoutId/complete", { idempotencyKey: "required" }),
    }),
    cancel: command({
      summary: "Call a checkout off",
      input: t.object({ checkoutId: CheckoutId }),
      output: Checkout,
      faults: [NoCheckout, CheckoutBusy],
      allow: [owner],
      criticality: "high",
      deadlineMs: 10_000,
      http: http("POST /v1/checkouts/:checkoutId/cancel"),
    }),
  },
  queries: {
    get: query({
      summary: "A checkout",
      input: t.object({ checkoutId: CheckoutId }),
      output: Checkout,
      faults: [NoCheckout],
      allow: [owner],
      criticality: "high",
      http: http("GET /v1/checkouts/:checkoutId"),
    }),
  },
  events: {
    started: event({ key: "checkoutId", data: t.object({ ...about, orderId: t.text(), attempt: t.integer() }) }),
    requiresAction: event({ key: "checkoutId", data: t.object({ ...about, orderId: t.text() }) }),
    completed: event({ key: "checkoutId", data: t.object({ ...about, orderId: t.text() }) }),
    failed: event({ key: "checkoutId", data: t.object({ ...about, orderId: t.text(), code: t.text() }) }),
    expired: event({ key: "checkoutId", data: t.object(about) }),
  },
});
