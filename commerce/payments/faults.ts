/** The faults of payments. */
import { fault } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Money } from "../shared/mod.ts";
import { PaymentId, PaymentStatus } from "./schemas.ts";

/** There is no such payment. */
export const NoPayment = fault("payments/no-payment", {
  kind: "missing",
  data: t.object({ paymentId: PaymentId }),
  message: ({ paymentId }) => `There is no payment ${paymentId}.`,
});

/** The id was used for another payment. */
export const PaymentTaken = fault("payments/taken", {
  kind: "conflict",
  data: t.object({ paymentId: PaymentId }),
  message: ({ paymentId }) => `The payment ${paymentId} exists already, for another order, amount or method.`,
});

/** The payment was called off: nothing more is asked of the provider. Start another payment. */
export const PaymentGivenUp = fault("payments/given-up", {
  kind: "conflict",
  data: t.object({ paymentId: PaymentId }),
  message: ({ paymentId }) => `The payment ${paymentId} was called off. Start another one.`,
});

/** There is less to capture than asked for. */
export const CaptureTooLarge = fault("payments/capture-too-large", {
  kind: "conflict",
  data: t.object({ paymentId: PaymentId, status: PaymentStatus, capturable: Money }),
  message: ({ paymentId, status, capturable }) =>
    `The payment ${paymentId} is ${status}: at most ${capturable.amount} ${capturable.currency} (minor units) can be captured.`,
});

/** There is less to refund than asked for. */
export const RefundTooLarge = fault("payments/refund-too-large", {
  kind: "conflict",
  data: t.object({ paymentId: PaymentId, status: PaymentStatus, refundable: Money }),
  message: ({ paymentId, status, refundable }) =>
    `The payment ${paymentId} is ${status}: at most ${refundable.amount} ${refundable.currency} (minor units) can be refunded.`,
});

/** The provider understood the request and will not carry it out. Nothing happened. */
export const ProviderRefused = fault("payments/provider-refused", {
  kind: "conflict",
  data: t.object({ paymentId: PaymentId, reason: t.text() }),
  message: ({ paymentId, reason }) => `The payment provider refuses this for the payment ${paymentId}: ${reason}.`,
});

/** The webhook is signed, but is not an event of the provider's. */
export const BadEvent = fault("payments/bad-event", {
  kind: "invalid",
  data: t.object({}),
  message: () => "The webhook is signed, but has not the form of an event with an id and a type.",
});
