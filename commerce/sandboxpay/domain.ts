/** The provider's rules: what may be done with an intent, and what comes of it. Pure. */
import { type CardOutcome, cardOf } from "./cards.ts";
import type { EventType, Intent, Metadata, Movement } from "./contract.ts";
import { AmountTooLarge, NoCard, WrongState } from "./faults.ts";
import type { TypeOf } from "@isomer/kernel/schema";

/** An intent as the provider keeps it. Amounts are minor units, times milliseconds since 1970. */
export interface StoredIntent {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: Intent["status"];
  readonly authorized: number;
  readonly released: boolean;
  readonly captures: readonly Movement[];
  readonly refunds: readonly Movement[];
  readonly errorCode?: string;
  readonly token?: string;
  readonly returnUrl?: string;
  readonly metadata: TypeOf<typeof Metadata>;
  readonly createdAt: number;
  /** When something happens by itself: the bank decides, or a refund fails. */
  readonly settleAt?: number;
}

/** A line for the ledger. */
export interface Entry {
  readonly kind: "authorize" | "capture" | "release" | "refund" | "refund_failed";
  readonly amount: number;
}

/** What comes of a request. */
export interface Outcome {
  readonly intent: StoredIntent;
  readonly events: readonly EventType[];
  readonly entries: readonly Entry[];
}

/** Moments and delays, in milliseconds. */
export interface Times {
  readonly now: number;
  readonly shortMs: number;
  readonly longMs: number;
}

/** What may still be captured. */
export function capturableOf(intent: StoredIntent): number {
  return intent.released ? 0 : intent.authorized - capturedOf(intent);
}

function capturedOf({ captures }: StoredIntent): number {
  return captures.reduce((sum, capture) => sum + capture.amount, 0);
}

/** Refunds that failed do not count. */
export function refundedOf({ refunds }: StoredIntent): number {
  return refunds.reduce((sum, refund) => (refund.status === "failed" ? sum : sum + refund.amount), 0);
}

/** Nothing happens. */
function nothing(intent: StoredIntent): Outcome {
  return { intent, events: [], entries: [] };
}

/**
 * Tries to authorise with a payment method.
 * @throws {NoCard}, {WrongState}
 */
export function confirm(intent: StoredIntent, token: string, times: Times): Outcome {
  const card = cardOf(token);
  if (card === undefined) throw NoCard.with({ token });
  if (intent.status !== "requires_payment_method" && intent.status !== "requires_confirmation") {
    throw wrong(intent, "be confirmed");
  }
  const { errorCode: _, ...fresh } = intent;
  return decide({ ...fresh, token }, card.outcome, times);
}

function decide(intent: StoredIntent, outcome: CardOutcome, times: Times): Outcome {
  switch (outcome.kind) {
    case "approve":
      return approve(intent);
    case "decline":
      return decline(intent, outcome.code);
    case "action":
      return change(intent, { status: "requires_action" }, "payment_intent.requires_action");
    case "later": {
      const settleAt = times.now + (outcome.delay === "short" ? times.shortMs : times.longMs);
      return change(intent, { status: "processing", settleAt }, "payment_intent.processing");
    }
  }
}

function approve(intent: StoredIntent): Outcome {
  const { settleAt: _, ...rest } = intent;
  return {
    intent: { ...rest, status: "requires_capture", authorized: intent.amount },
    events: ["payment_intent.amount_capturable_updated"],
    entries: [{ kind: "authorize", amount: intent.amount }],
  };
}

function decline(intent: StoredIntent, errorCode: string): Outcome {
  const { settleAt: _, ...rest } = intent;
  return change(rest, { status: "requires_payment_method", errorCode }, "payment_intent.payment_failed");
}

function change(intent: StoredIntent, to: Partial<StoredIntent>, event: EventType): Outcome {
  return { intent: { ...intent, ...to }, events: [event], entries: [] };
}

/** What the customer did on the bank's page. Doing the same again changes nothing. @throws {WrongState} */
export function answerChallenge(intent: StoredIntent, outcome: "approve" | "fail"): Outcome {
  const isApproved = intent.authorized > 0;
  if (intent.status !== "requires_action") {
    if (isApproved === (outcome === "approve") && intent.status !== "canceled") return nothing(intent);
    throw wrong(intent, "be approved or refused");
  }
  return outcome === "approve" ? approve(intent) : decline(intent, "authentication_failed");
}

/** A capture or refund that is asked for. */
export interface MovementRequest {
  readonly id: string;
  readonly amount: number | undefined;
  readonly reference: string | undefined;
}

/** Takes what is held, or a part. @throws {WrongState}, {AmountTooLarge} */
export function capture(intent: StoredIntent, request: MovementRequest, now: number): Outcome {
  if (intent.status !== "requires_capture") throw wrong(intent, "be captured");
  const capturable = capturableOf(intent);
  const amount = request.amount ?? capturable;
  if (amount > capturable) throw AmountTooLarge.with({ asked: amount, available: capturable });
  const captures = [...intent.captures, movement(request, amount, now)];
  const status = amount === capturable ? "succeeded" : "requires_capture";
  return {
    intent: { ...intent, captures, status },
    events: ["payment_intent.captured"],
    entries: [{ kind: "capture", amount }],
  };
}

/** Calls an intent off, or lets go what is held and not captured. @throws {WrongState} */
export function cancel(intent: StoredIntent): Outcome {
  if (intent.status === "canceled" || intent.released) return nothing(intent);
  if (intent.status === "processing" || intent.status === "succeeded") throw wrong(intent, "be canceled");
  const held = capturableOf(intent);
  const isCaptured = intent.captures.length > 0;
  return {
    intent: { ...intent, status: isCaptured ? "succeeded" : "canceled", released: true },
    events: ["payment_intent.canceled"],
    entries: held > 0 ? [{ kind: "release", amount: held }] : [],
  };
}

/** Gives back what was captured, or a part. @throws {WrongState}, {AmountTooLarge} */
export function refund(intent: StoredIntent, request: MovementRequest, times: Times): Outcome {
  if (intent.captures.length === 0) throw wrong(intent, "be refunded");
  const available = capturedOf(intent) - refundedOf(intent);
  const amount = request.amount ?? available;
  if (amount > available || amount === 0) throw AmountTooLarge.with({ asked: amount, available });
  const willFail = cardOf(intent.token ?? "")?.refundsFail === true;
  return {
    intent: {
      ...intent,
      refunds: [...intent.refunds, movement(request, amount, times.now)],
      ...(willFail ? { settleAt: times.now + times.shortMs } : {}),
    },
    events: ["refund.created"],
    entries: [{ kind: "refund", amount }],
  };
}

function movement({ id, reference }: MovementRequest, amount: number, now: number): Movement {
  const created = Math.floor(now / 1_000);
  return { id, ...(reference === undefined ? {} : { reference }), amount, status: "succeeded", created };
}

/** What happens by itself when its time has come. */
export function settle(intent: StoredIntent): Outcome {
  const outcome = cardOf(intent.token ?? "")?.outcome;
  if (intent.status === "processing" && outcome?.kind === "later") {
    return outcome.code === undefined ? approve(intent) : decline(intent, outcome.code);
  }
  const { settleAt: _, ...rest } = intent;
  const failing = rest.refunds.filter(({ status }) => status === "succeeded");
  if (failing.length === 0 || cardOf(intent.token ?? "")?.refundsFail !== true) return nothing(rest);
  return {
    intent: { ...rest, refunds: rest.refunds.map((entry) => ({ ...entry, status: "failed" as const })) },
    events: ["refund.failed"],
    entries: failing.map(({ amount }) => ({ kind: "refund_failed", amount })),
  };
}

function wrong(intent: StoredIntent, asked: string) {
  return WrongState.with({ intentId: intent.id, status: intent.status, asked });
}

const MESSAGES: Readonly<Record<string, string>> = {
  generic_decline: "The card was declined.",
  insufficient_funds: "The card has insufficient funds.",
  expired_card: "The card has expired.",
  authentication_failed: "The customer did not approve the payment.",
};

/** The intent as the API shows it. `publicUrl` is where the customer's browser finds the provider. */
export function toIntent(stored: StoredIntent, publicUrl: string): Intent {
  const { id, amount, currency, status, errorCode } = stored;
  return {
    id,
    object: "payment_intent",
    amount,
    currency,
    status,
    amountAuthorized: stored.authorized,
    amountCapturable: capturableOf(stored),
    amountCaptured: capturedOf(stored),
    amountRefunded: refundedOf(stored),
    released: stored.released,
    captures: [...stored.captures],
    refunds: [...stored.refunds],
    ...(errorCode === undefined ? {} : { lastError: { code: errorCode, message: MESSAGES[errorCode] ?? errorCode } }),
    ...(status === "requires_action" ? { nextAction: { redirectUrl: `${publicUrl}/sandbox/pay/3ds/${id}` } } : {}),
    metadata: stored.metadata,
    created: Math.floor(stored.createdAt / 1_000),
  };
}
