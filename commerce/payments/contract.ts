/**
 * payments: what customers owe, have paid and got back. Amounts and states are derived from an append-only ledger
 * of what the provider said; a payment that was called off stays called off, and a success that comes later is reversed.
 */
import { anyone, command, contract, event, http, owner, permission, query, services } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { BadSignature } from "@isomer/kernel/security";
import { Money, pageFields, pageOf } from "../shared/mod.ts";
import {
  BadEvent,
  CaptureTooLarge,
  NoPayment,
  PaymentGivenUp,
  PaymentTaken,
  ProviderRefused,
  RefundTooLarge,
} from "./faults.ts";
import {
  CheckoutId,
  LedgerEntry,
  OrderId,
  PaymentId,
  PaymentStatus,
  PaymentView,
  RefundId,
  eventFields,
} from "./schemas.ts";

export {
  BadEvent,
  CaptureTooLarge,
  NoPayment,
  PaymentGivenUp,
  PaymentTaken,
  ProviderRefused,
  RefundTooLarge,
} from "./faults.ts";
export { LedgerEntry, PaymentId, PaymentStatus, PaymentView, RefundId } from "./schemas.ts";

/** The most characters of a webhook. */
export const WEBHOOK_LENGTH_MAX = 262_144;

const read = permission("payments.read");
const manage = permission("payments.manage");
/** Calls to the provider take their time: its own timeout is shorter than this. */
const deadlineMs = 10_000;

const commands = {
  create: command({
    summary: "Notes that an order is to be paid. Asks nothing of the provider.",
    input: t.object({
      paymentId: PaymentId,
      orderId: OrderId,
      checkoutId: t.optional(CheckoutId),
      amount: Money,
      customer: t.text({ minLength: 1, maxLength: 100, description: "The subject whose payment it is." }),
      method: t.object({
        token: t.secret(t.text({ minLength: 1, maxLength: 200, description: "The provider's token of a method." })),
      }),
      returnUrl: t.optional(t.text({ maxLength: 1_000, description: "Where the browser goes after an approval." })),
    }),
    output: PaymentView,
    faults: [PaymentTaken, PaymentGivenUp],
    allow: [services("checkout")],
    criticality: "critical",
  }),
  authorise: command({
    summary: "Has the whole amount held. `unknown` and `processing` are answers: events tell what comes of them.",
    input: t.object({ paymentId: PaymentId }),
    output: PaymentView,
    faults: [NoPayment, PaymentGivenUp],
    allow: [services("checkout")],
    criticality: "critical",
    deadlineMs,
  }),
  capture: command({
    summary: "Takes what is held, or a part of it.",
    input: t.object({
      paymentId: PaymentId,
      amount: t.optional(Money),
      orLeave: t.optional(
        t.boolean({
          description: "Answer how the payment stands, instead of refusing, when nothing is held of it any more.",
        }),
      ),
    }),
    output: PaymentView,
    faults: [NoPayment, PaymentGivenUp, CaptureTooLarge, ProviderRefused],
    allow: [services("checkout", "orders"), manage],
    http: http("POST /v1/payments/:paymentId/captures", { idempotencyKey: "required" }),
    criticality: "critical",
    deadlineMs,
  }),
  cancel: command({
    summary: "Calls a payment off: what is held is let go, what was taken is given back, now or when it turns up.",
    input: t.object({ paymentId: PaymentId, reason: t.text({ minLength: 1, maxLength: 200 }) }),
    output: t.object({
      paymentId: PaymentId,
      status: PaymentStatus,
      /** Whether the shop has nothing of the customer's. If not, it is being reversed; `voided` or `refunded` will tell. */
      settled: t.boolean(),
    }),
    allow: [services("checkout", "orders")],
    criticality: "critical",
    deadlineMs,
  }),
  refund: command({
    summary: "Gives back a part of what was taken, or all of it.",
    input: t.object({
      paymentId: PaymentId,
      refundId: t.optional(RefundId),
      amount: Money,
      reason: t.text({ minLength: 1, maxLength: 200 }),
    }),
    output: PaymentView,
    faults: [NoPayment, RefundTooLarge, ProviderRefused],
    allow: [services("orders"), manage],
    http: http("POST /v1/payments/:paymentId/refunds", { idempotencyKey: "required" }),
    criticality: "critical",
    deadlineMs,
  }),
  receiveWebhook: command({
    summary: "Takes a signed event of the payment provider. It is stored before this answers.",
    input: t.object({
      payload: t.text({ maxLength: WEBHOOK_LENGTH_MAX }),
      signature: t.text({ minLength: 1, maxLength: 1_000, description: "t=<unix seconds>,v1=<hex HMAC-SHA256>" }),
    }),
    output: t.object({ received: t.literal(true) }),
    faults: [BadSignature, BadEvent],
    allow: [anyone],
    http: http("POST /v1/webhooks/payments", {
      rawBody: "payload",
      headers: { signature: "isomer-signature" },
      bodyBytesMax: WEBHOOK_LENGTH_MAX,
    }),
    criticality: "critical",
  }),
};

const queries = {
  get: query({
    summary: "A payment.",
    input: t.object({ paymentId: PaymentId }),
    output: PaymentView,
    faults: [NoPayment],
    allow: [services("checkout", "orders"), read, owner],
    http: http("GET /v1/payments/:paymentId"),
    criticality: "high",
  }),
  byOrder: query({
    summary: "The payments of an order, oldest first.",
    input: t.object({ orderId: OrderId }),
    output: t.object({ items: t.array(PaymentView, { maxItems: 100 }) }),
    allow: [services("checkout", "orders"), read],
    http: http("GET /v1/orders/:orderId/payments"),
  }),
  list: query({
    summary: "Payments, newest first.",
    input: t.object({ ...pageFields, status: t.optional(PaymentStatus) }),
    output: pageOf(PaymentView),
    allow: [read],
    http: http("GET /v1/payments"),
  }),
  ledger: query({
    summary: "All that is known of a payment, in the order in which it was learned.",
    input: t.object({ paymentId: PaymentId }),
    output: t.object({ items: t.array(LedgerEntry), audit: t.array(t.text(), { maxItems: 20 }) }),
    faults: [NoPayment],
    allow: [services("orders"), read],
    http: http("GET /v1/payments/:paymentId/ledger"),
  }),
};

const fact = (summary: string) => event({ summary, key: "paymentId", data: t.object(eventFields) });
const because = { reason: t.text({ maxLength: 200 }) };

const events = {
  authorized: fact("The amount is held."),
  requiresAction: event({
    summary: "The customer has to approve, at the address given.",
    key: "paymentId",
    data: t.object({ ...eventFields, redirectUrl: t.text({ maxLength: 2_000 }) }),
  }),
  declined: event({
    summary: "The method was refused. Nothing is held.",
    key: "paymentId",
    data: t.object({ ...eventFields, ...because }),
  }),
  failed: event({
    summary: "Nothing came of it, and nobody waits any more.",
    key: "paymentId",
    data: t.object({ ...eventFields, ...because }),
  }),
  captured: event({
    summary: "A part of what is held was taken, or all of it.",
    key: "paymentId",
    data: t.object({ ...eventFields, captureId: t.text() }),
  }),
  voided: fact("What was held is let go, or the payment was called off before anything was held."),
  refunded: event({
    summary: "A part of what was taken was given back, or all of it.",
    key: "paymentId",
    data: t.object({ ...eventFields, refundId: RefundId }),
  }),
  refundFailed: event({
    summary: "The money could not be given back: somebody has to look.",
    key: "paymentId",
    data: t.object({ ...eventFields, refundId: RefundId }),
  }),
  unknownResolved: fact("It is known now what came of a request that the provider had not answered."),
  reversed: fact("A success that came after the payment was called off was found, and reversed."),
};

/** The contract of payments. */
export const payments = contract("payments", {
  version: "1.0.0",
  summary: "What customers owe, have paid and got back.",
  permissions: {
    "payments.read": "See payments and their ledgers.",
    "payments.manage": "Capture and refund payments.",
  },
  commands,
  queries,
  events,
});
