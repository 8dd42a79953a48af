/**
 * Takes a payment back at the provider, however far it got: calls it off, lets go what is held, gives back what was
 * taken. Used when a payment is called off, and again by reconciliation until nothing is kept. Every request in
 * it may be repeated, so a crash anywhere in it costs nothing.
 */
import { type Fact, type PaymentState, fold, isUndecided, keptOf, refundableOf } from "./domain.ts";
import { factsOf } from "./facts-of.ts";
import type { PaymentProvider, ProviderAnswer, ProviderIntent } from "./provider.ts";

/** What came of it. */
export interface Learned {
  readonly facts: readonly Fact[];
  /** The provider's id of the intent, when it is known now. */
  readonly providerId: string | undefined;
  /** The provider was asked and knows no such payment. */
  readonly isMissing: boolean;
  /** The provider did not answer, or not to all. */
  readonly isSilent: boolean;
}

/** A payment to take back. */
export interface Reversible {
  readonly paymentId: string;
  readonly providerId: string | null;
  readonly ledger: readonly Fact[];
}

/** Steps of one attempt at most: find, cancel, refund, and one more look. The rest is for the next attempt. */
const STEPS_MAX = 4;

/** Takes back what can be taken back now, and learns what it can on the way. */
export async function takeBack(provider: PaymentProvider, payment: Reversible): Promise<Learned> {
  const { paymentId, ledger } = payment;
  const facts: Fact[] = [];
  let intentId = payment.providerId ?? undefined;
  let current: ProviderIntent | undefined;
  let isSilent = false;
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    const state = fold([...ledger, ...facts]);
    const answer = await nextStep(provider, { paymentId, intentId, current, state, ledger: [...ledger, ...facts] });
    if (answer === undefined) break;
    if (answer.kind === "missing") return { facts, providerId: intentId, isMissing: true, isSilent: false };
    if (answer.kind === "unknown") {
      isSilent = true;
      break;
    }
    if (answer.kind === "refused") {
      // Things are not as we thought: look. If we have just looked, leave it to the next attempt.
      if (current !== undefined) break;
      const found = await provider.find({ paymentId, intentId });
      if (found.kind !== "intent")
        return { facts, providerId: intentId, isMissing: found.kind === "missing", isSilent: true };
      current = found.intent;
    } else {
      current = answer.intent;
    }
    intentId = current.id;
    facts.push(...factsOf(current));
  }
  return { facts, providerId: intentId, isMissing: false, isSilent };
}

interface Position {
  readonly paymentId: string;
  readonly intentId: string | undefined;
  /** The intent as just seen. */
  readonly current: ProviderIntent | undefined;
  readonly state: PaymentState;
  readonly ledger: readonly Fact[];
}

/** The request to make next; undefined when there is nothing to do, or nothing that can be done now. */
function nextStep(provider: PaymentProvider, position: Position): Promise<ProviderAnswer> | undefined {
  const { paymentId, intentId, current, state } = position;
  const isOpen = isUndecided(state.status);
  if (!isOpen && keptOf(state) <= 0) return undefined;
  if (intentId === undefined) return provider.find({ paymentId, intentId });
  const refundable = refundableOf(state);
  if (refundable > 0) {
    return provider.refund({
      paymentId,
      intentId,
      ref: nextRefundRef(position.ledger, refundable),
      amount: refundable,
    });
  }
  const isHeld = state.authorized - state.voided - state.captured > 0;
  if (!isHeld && !isOpen) return undefined;
  // What is processing cannot be called off: it has to be waited for.
  if (current?.status === "processing") return undefined;
  if (state.status === "processing" && current === undefined) return provider.find({ paymentId, intentId });
  return provider.cancel({ intentId });
}

/**
 * A new id after each refund that is done with, or for another amount; the same while nobody knows what came of it,
 * so that repeating it refunds once.
 */
function nextRefundRef(ledger: readonly Fact[], amount: number): string {
  const done = new Set(
    ledger
      .filter(({ kind, phase, ref }) => kind === "refund" && phase !== "request" && ref.startsWith("reversal-"))
      .map(({ ref }) => ref),
  );
  return `reversal-${done.size + 1}-${amount}`;
}
