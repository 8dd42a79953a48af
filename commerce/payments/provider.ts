/**
 * The port to whoever moves the money. Shaped after Stripe's PaymentIntent with manual capture, so that its adapter
 * and the sandbox's are alike.
 *
 * Every request carries an idempotency key made from our own ids: a repetition has one effect. No method throws for
 * what the network or the provider does: an answer that did not come is `unknown`, and never taken for a failure.
 */

/** The states of an intent, as Stripe names them. */
export type IntentStatus =
  | "requires_payment_method"
  | "requires_confirmation"
  | "requires_action"
  | "processing"
  | "requires_capture"
  | "succeeded"
  | "canceled";

/** A capture or refund of an intent. */
export interface ProviderMovement {
  /** Our id when we asked for it, else the provider's. Never changes. */
  readonly ref: string;
  /** Minor units. */
  readonly amount: number;
  readonly status: "pending" | "succeeded" | "failed";
}

/** What the provider says of a payment, all of it: facts are made from any such snapshot, old or new. */
export interface ProviderIntent {
  /** The provider's id. */
  readonly id: string;
  /** Ours, from the metadata. */
  readonly paymentId: string;
  readonly status: IntentStatus;
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  /** What was authorized, once; does not shrink by captures. 0 before. */
  readonly authorized: number;
  /** Whether what was authorized and not captured has been let go. */
  readonly released: boolean;
  readonly captures: readonly ProviderMovement[];
  readonly refunds: readonly ProviderMovement[];
  /** Why the last attempt failed, if it did. */
  readonly declineCode: string | undefined;
  /** Where the customer approves, if they have to. */
  readonly actionUrl: string | undefined;
}

/** What came of a request. */
export type ProviderAnswer =
  | { readonly kind: "intent"; readonly intent: ProviderIntent }
  /** The provider understood and will not: nothing happened. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** There is no such intent, now. A request on its way may still make it. */
  | { readonly kind: "missing" }
  /** Timeout, lost connection, 5xx: it may have happened. Ask later, or repeat with the same key. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What {@link PaymentProvider.authorise} needs. */
export interface AuthoriseRequest {
  readonly paymentId: string;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  /** The provider's token of a payment method. */
  readonly token: string;
  /** Where the customer's browser goes after an approval. */
  readonly returnUrl: string | undefined;
}

/** What {@link PaymentProvider.capture} and {@link PaymentProvider.refund} need. */
export interface MovementRequest {
  readonly paymentId: string;
  readonly intentId: string;
  /** Our id of the capture or refund: makes the idempotency key and comes back as `ref`. */
  readonly ref: string;
  readonly amount: number;
}

/** An event that the provider sent. */
export interface ProviderEvent {
  readonly id: string;
  readonly type: string;
  /** The intent as it was then; undefined when the event is about something else. */
  readonly intent: ProviderIntent | undefined;
}

/** Moves money. Implementations hold no state. */
export interface PaymentProvider {
  /** Makes the intent and confirms it: one round trip. */
  authorise(request: AuthoriseRequest): Promise<ProviderAnswer>;
  /** Takes a part, or all, of what is held. */
  capture(request: MovementRequest): Promise<ProviderAnswer>;
  /** Lets go what is held and not taken; calls off what is not authorized yet. Repeating it does nothing more. */
  cancel(request: { readonly intentId: string }): Promise<ProviderAnswer>;
  /** Gives back a part, or all, of what was taken. */
  refund(request: MovementRequest): Promise<ProviderAnswer>;
  /** The intent as it is now: by its id when that is known, else by our payment id. */
  find(request: { readonly paymentId: string; readonly intentId: string | undefined }): Promise<ProviderAnswer>;
}
