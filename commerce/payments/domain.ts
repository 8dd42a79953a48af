/**
 * What is known about a payment, as a set of facts, and what follows from it.
 *
 * Facts come from the provider's answers, from its webhooks in any order and number, and from reconciliation. A fact
 * is named by (kind, phase, ref) and never changes; the ledger is the set of them. State is a function of the
 * set, so neither order nor repetition can matter: union is all that ever happens to a ledger.
 */

/** What happened to money, or was to happen. */
export type FactKind = "authorize" | "capture" | "void" | "refund";

/**
 * How far it got. `request`: asked for, outcome not known. `action`: the customer has to approve. `pending`: the
 * provider works on it. `abandoned`: nothing came of it for so long that nobody waits any more.
 */
export type FactPhase = "request" | "action" | "pending" | "success" | "failure" | "abandoned";

/** One entry of the ledger. */
export interface Fact {
  readonly kind: FactKind;
  readonly phase: FactPhase;
  /** The provider's or our own id of what this is about: of the intent, the capture or the refund. */
  readonly ref: string;
  /** Minor units. */
  readonly amount: number;
  /** A decline code, or where the customer approves; else empty. */
  readonly detail: string;
}

/** Where a payment stands. Later ones win over earlier ones, whatever order they are learned in. */
export const PAYMENT_STATUSES = [
  "created", // Nothing was asked of the provider yet, as far as we know.
  "unknown", // The provider was asked and did not answer.
  "requires_action", // The customer has to approve (3-D Secure).
  "processing", // The provider is still at it.
  "failed", // Nothing came of it.
  "declined", // The method was refused; take another payment to try another one.
  "authorized", // The money is held.
  "canceled", // Called off before anything was held.
  "voided", // It was held, and let go without being taken.
  "captured_partial", // A part of what is held was taken.
  "captured",
  "refunded_partial",
  "refunded", // All that was taken was given back.
] as const;
/** Where a payment stands. */
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** What follows from a ledger. Amounts are minor units. */
export interface PaymentState {
  readonly status: PaymentStatus;
  readonly authorized: number;
  readonly captured: number;
  readonly refunded: number;
  readonly voided: number;
  /** Captures and refunds that were asked for and not heard of. */
  readonly open: readonly Fact[];
  /** How many refunds failed. */
  readonly failedRefunds: number;
  readonly declineCode: string | undefined;
  readonly redirectUrl: string | undefined;
}

/** Names a fact within its payment. */
export function factKey({ kind, phase, ref }: Fact): string {
  return `${kind} ${phase} ${ref}`;
}

/** The facts that a ledger does not have yet, each once. */
export function unseen(ledger: readonly Fact[], facts: readonly Fact[]): Fact[] {
  const seen = new Set(ledger.map(factKey));
  return facts.filter((fact) => {
    const key = factKey(fact);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The state that follows from a set of facts, in whatever order they come and however often. */
export function fold(facts: readonly Fact[]): PaymentState {
  const found = (kind: FactKind, phase: FactPhase): ReadonlyMap<string, Fact> =>
    new Map(facts.filter((fact) => fact.kind === kind && fact.phase === phase).map((fact) => [fact.ref, fact]));
  const authorizations = found("authorize", "success");
  const captures = found("capture", "success");
  const refunds = without(found("refund", "success"), found("refund", "failure"));
  const captured = total(captures);
  // A capture implies an authorization, also when it is heard of first.
  const authorized = Math.max(captured, ...[...authorizations.values()].map((fact) => fact.amount));
  const refunded = total(refunds);
  const isVoid = found("void", "success").size > 0;
  const state = {
    authorized,
    captured,
    refunded,
    voided: isVoid ? authorized - captured : 0,
    open: openRequests(facts, isVoid),
    failedRefunds: found("refund", "failure").size,
    declineCode: firstDetail(found("authorize", "failure")),
    redirectUrl: firstDetail(found("authorize", "action")),
  };
  const isAuthorized = authorizations.size > 0 || captures.size > 0;
  if (captures.size > 0) return { ...state, status: capturedStatus(state) };
  if (isVoid) return { ...state, status: isAuthorized ? "voided" : "canceled" };
  if (isAuthorized) return { ...state, status: "authorized" };
  return { ...state, status: heldUpStatus((phase) => found("authorize", phase).size > 0) };
}

function capturedStatus(state: { authorized: number; captured: number; refunded: number }): PaymentStatus {
  if (state.refunded > 0) return state.refunded >= state.captured ? "refunded" : "refunded_partial";
  return state.captured < state.authorized ? "captured_partial" : "captured";
}

function heldUpStatus(has: (phase: FactPhase) => boolean): PaymentStatus {
  if (has("failure")) return "declined";
  if (has("abandoned")) return "failed";
  if (has("pending")) return "processing";
  if (has("action")) return "requires_action";
  return has("request") ? "unknown" : "created";
}

/** When what was held is let go, there is nothing left that a capture under way could take. */
function openRequests(facts: readonly Fact[], isVoid: boolean): Fact[] {
  const requests = facts.filter(
    ({ kind, phase }) => phase === "request" && (kind === "refund" || (kind === "capture" && !isVoid)),
  );
  if (requests.length === 0) return [];
  const done = new Set(
    facts.filter(({ phase }) => phase === "success" || phase === "failure").map(({ kind, ref }) => `${kind} ${ref}`),
  );
  const open = new Map(
    requests.filter(({ kind, ref }) => !done.has(`${kind} ${ref}`)).map((request) => [factKey(request), request]),
  );
  return [...open.keys()].toSorted().flatMap((key) => open.get(key) ?? []);
}

function without(facts: ReadonlyMap<string, Fact>, others: ReadonlyMap<string, Fact>): ReadonlyMap<string, Fact> {
  return others.size === 0 ? facts : new Map([...facts].filter(([ref]) => !others.has(ref)));
}

function total(facts: ReadonlyMap<string, Fact>): number {
  let amount = 0;
  for (const fact of facts.values()) amount += fact.amount;
  return amount;
}

/** Of several details the smallest, so that the choice does not hang on the order. */
function firstDetail(facts: ReadonlyMap<string, Fact>): string | undefined {
  return [...facts.values()].map((fact) => fact.detail).toSorted()[0];
}

/** What the shop has of the customer's: held or taken, and not let go or given back. */
export function keptOf(state: PaymentState): number {
  return state.authorized - state.voided - state.refunded;
}

/** Whether more was held or taken than was known before. */
export function hasGrown(before: PaymentState, after: PaymentState): boolean {
  return after.authorized > before.authorized || after.captured > before.captured;
}

/** What may still be taken: requests under way count as taken. */
export function capturableOf(state: PaymentState): number {
  return state.authorized - state.voided - state.captured - openAmount(state, "capture");
}

/** What may still be given back: requests under way count as given back. */
export function refundableOf(state: PaymentState): number {
  return state.captured - state.refunded - openAmount(state, "refund");
}

function openAmount(state: PaymentState, kind: FactKind): number {
  return state.open.reduce((amount, fact) => (fact.kind === kind ? amount + fact.amount : amount), 0);
}

/** Whether the provider may still come up with something that nobody asked for again. */
export function isUndecided(status: PaymentStatus): boolean {
  return status === "created" || status === "unknown" || status === "requires_action" || status === "processing";
}
