/**
 * The commands of payments. Each asks the provider first and records what came of it in its one transaction. A crash
 * in between loses nothing: the provider recognises the repetition by its key, tells of it by webhook, and
 * reconciliation asks.
 */
import type { InputOf } from "@isomer/kernel/contract";
import type { CommandContext } from "@isomer/kernel/runtime";
import { toBase64Url } from "@isomer/kernel/security";
import {
  CaptureTooLarge,
  NoPayment,
  PaymentGivenUp,
  PaymentTaken,
  type PaymentView,
  ProviderRefused,
  RefundTooLarge,
  type payments,
} from "./contract.ts";
import { type Fact, type FactKind, capturableOf, fold, refundableOf } from "./domain.ts";
import { factsOf } from "./facts-of.ts";
import type { PaymentProvider, ProviderAnswer } from "./provider.ts";
import type { Reader } from "@isomer/kernel/store";
import { type Change, record } from "./record.ts";
import { takeBack } from "./reversal.ts";
import type { Settings } from "./settings.ts";
import { type Known, findKnown, insertPayment, refresh } from "./store.ts";
import type { PaymentRow, Tables } from "./tables.ts";
import { viewOf } from "./views.ts";

type Ctx = CommandContext<Tables, string, Settings>;
type Commands = typeof payments.commands;

/** Providers bound the length of ids: longer ones are hashed. */
const REF_LENGTH_MAX = 100;

/** How long a payment may wait to be authorised before reconciliation looks what became of it, in milliseconds. */
const CREATED_LOOK_MS = 30_000;

/** Notes a payment. The same payment again is the same answer; another one under its id is refused. */
export function create(input: InputOf<Commands["create"]>, ctx: Ctx): Promise<PaymentView> {
  const now = ctx.now();
  const wanted = {
    id: input.paymentId,
    order_id: input.orderId,
    checkout_id: input.checkoutId ?? null,
    customer: input.customer,
    token: input.method.token,
    return_url: input.returnUrl ?? null,
    amount: input.amount.amount,
    currency: input.amount.currency,
    status: "created" as const,
    given_up: 0,
    reason: null,
    look_at: now + CREATED_LOOK_MS,
    created_at: now,
    updated_at: now,
  };
  return ctx.transaction(async (tx) => {
    if (await insertPayment(tx, wanted)) return viewOf({ ...wanted, ...NOTHING }, []);
    const { row, ledger } = await known(tx, input.paymentId);
    if (row.given_up === 1) throw PaymentGivenUp.with({ paymentId: row.id });
    if (row.order_id !== wanted.order_id || row.amount !== wanted.amount || row.currency !== wanted.currency) {
      throw PaymentTaken.with({ paymentId: row.id });
    }
    return viewOf(row, ledger);
  });
}

const NOTHING = {
  authorized: 0,
  captured: 0,
  refunded: 0,
  voided: 0,
  provider_id: null,
  late: 0,
  looks: 0,
  version: 1,
};

/** Has the amount held: one round trip to the provider, one transaction. */
export async function authorise(paymentId: string, provider: PaymentProvider, ctx: Ctx): Promise<PaymentView> {
  const before = await ctx.read((db) => known(db, paymentId));
  const { row } = before;
  if (row.given_up === 1) throw PaymentGivenUp.with({ paymentId });
  const isOpen = row.status === "created" || row.status === "unknown";
  const learned = isOpen ? await askToAuthorise(provider, row) : NO_NEWS;
  return ctx.transaction(async (tx) => {
    const current = await refresh(tx, before);
    return recorded(tx, current, { ...learned, source: "call", at: ctx.now() });
  });
}

type Learned = Pick<Change, "facts" | "providerId">;
const NO_NEWS: Learned = { facts: [] };

/** Asks to hold the amount; when no answer comes, asks once what became of it, since a customer waits. */
export async function askToAuthorise(provider: PaymentProvider, row: PaymentRow): Promise<Learned> {
  const { id: paymentId, order_id: orderId, amount, currency, token } = row;
  const request: Fact = { kind: "authorize", phase: "request", ref: paymentId, amount, detail: "" };
  if (amount === 0) return { facts: [{ ...request, phase: "success", ref: "free" }] };
  const returnUrl = row.return_url ?? undefined;
  let answer = await provider.authorise({ paymentId, orderId, amount, currency, token, returnUrl });
  if (answer.kind === "unknown") answer = await provider.find({ paymentId, intentId: undefined });
  if (answer.kind === "intent") return news(answer);
  if (answer.kind === "refused")
    return { facts: [{ ...request, phase: "failure", detail: answer.code.slice(0, 100) }] };
  // `missing` too: the request may be on its way still.
  return { facts: [request] };
}

/** Takes what is held, or a part of it. What the provider leaves open is recorded, and carried out by reconciliation. */
export async function capture(
  { paymentId, amount: wanted, orLeave }: InputOf<Commands["capture"]>,
  provider: PaymentProvider,
  ctx: Ctx,
): Promise<PaymentView> {
  const ref = refOf(ctx);
  const before = await ctx.read((db) => existing(db, paymentId));
  const { row, ledger } = before;
  const state = fold(ledger);
  if (orLeave === true && (row.given_up === 1 || (state.authorized > 0 && capturableOf(state) <= 0))) {
    return ctx.transaction(async (tx) => {
      const now = await refresh(tx, before);
      return viewOf(now.row, now.ledger);
    });
  }
  if (row.given_up === 1) throw PaymentGivenUp.with({ paymentId });
  const isRepeated = ledger.some((fact) => fact.kind === "capture" && fact.ref === ref);
  const capturable = capturableOf(state);
  const amount = wanted?.amount ?? capturable;
  const isFree = row.amount === 0 && state.status === "authorized" && amount === 0;
  if (
    !isRepeated &&
    !isFree &&
    (amount <= 0 || amount > capturable || (wanted?.currency ?? row.currency) !== row.currency)
  ) {
    const left = { amount: Math.max(0, capturable), currency: row.currency };
    throw CaptureTooLarge.with({ paymentId, status: row.status, capturable: left });
  }
  const request = { paymentId, intentId: row.provider_id ?? "", ref, amount };
  const learned = isRepeated
    ? NO_NEWS
    : isFree
      ? { facts: [{ kind: "capture" as const, phase: "success" as const, ref, amount, detail: "" }] }
      : movementNews("capture", request, await provider.capture(request));
  return ctx.transaction(async (tx) =>
    recorded(tx, await refresh(tx, before), { ...learned, source: "call", at: ctx.now() }),
  );
}

/** Gives back what was taken, or a part of it. */
export async function refund(
  { paymentId, refundId, amount: { amount, currency } }: InputOf<Commands["refund"]>,
  provider: PaymentProvider,
  ctx: Ctx,
): Promise<PaymentView> {
  const ref = refundId ?? refOf(ctx);
  const before = await ctx.read((db) => existing(db, paymentId));
  const { row, ledger } = before;
  const isRepeated = ledger.some((fact) => fact.kind === "refund" && fact.ref === ref);
  const refundable = refundableOf(fold(ledger));
  if (!isRepeated && (amount === 0 || amount > refundable || currency !== row.currency)) {
    const left = { amount: Math.max(0, refundable), currency: row.currency };
    throw RefundTooLarge.with({ paymentId, status: row.status, refundable: left });
  }
  const request = { paymentId, intentId: row.provider_id ?? "", ref, amount };
  const learned = isRepeated ? NO_NEWS : movementNews("refund", request, await provider.refund(request));
  return ctx.transaction(async (tx) =>
    recorded(tx, await refresh(tx, before), { ...learned, source: "call", at: ctx.now() }),
  );
}

/**
 * Calls a payment off, whether or not it exists, got far, or is being authorised this moment. It always succeeds:
 * what cannot be reversed now is reversed by reconciliation.
 */
export async function cancel(
  { paymentId, reason }: InputOf<Commands["cancel"]>,
  provider: PaymentProvider,
  ctx: Ctx,
): Promise<{ paymentId: string; status: PaymentRow["status"]; settled: boolean }> {
  const before = await ctx.read((db) => findKnown(db, paymentId));
  // Nothing was asked of the provider yet: if a request is on its way after all, reconciliation finds what it does.
  const isUntouched = before === undefined || before.row.status === "created";
  const learned = isUntouched ? undefined : await takenBack(provider, before);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    if (before === undefined && (await insertPayment(tx, tombstone(paymentId, reason, now)))) {
      return { paymentId, status: "failed" as const, settled: true };
    }
    const current = before === undefined ? await known(tx, paymentId) : await refresh(tx, before);
    const row = await record(tx, current, {
      ...(learned ?? NO_NEWS),
      giveUp: reason,
      source: "call",
      at: now,
    });
    return { paymentId, status: row.status, settled: row.authorized - row.voided - row.refunded <= 0 };
  });
}

async function takenBack(provider: PaymentProvider, { row, ledger }: Known): Promise<Learned> {
  if (row.amount === 0) return { facts: [{ kind: "void", phase: "success", ref: "free", amount: 0, detail: "" }] };
  const { facts, providerId } = await takeBack(provider, { paymentId: row.id, providerId: row.provider_id, ledger });
  return { facts, ...(providerId === undefined ? {} : { providerId }) };
}

/** Keeps the place of a payment that was called off before it was asked for, so that it cannot be made any more. */
function tombstone(id: string, reason: string, now: number) {
  return {
    id,
    order_id: "",
    checkout_id: null,
    customer: "",
    token: "",
    return_url: null,
    amount: 0,
    currency: "",
    status: "failed" as const,
    given_up: 1,
    reason,
    look_at: null,
    created_at: now,
    updated_at: now,
  };
}

/** What the answer to a capture or refund tells. @throws {ProviderRefused} when nothing happened, nor will. */
function movementNews(
  kind: FactKind & ("capture" | "refund"),
  request: { readonly paymentId: string; readonly ref: string; readonly amount: number },
  answer: ProviderAnswer,
): Learned {
  if (answer.kind === "intent") return news(answer);
  if (answer.kind === "unknown") {
    return { facts: [{ kind, phase: "request", ref: request.ref, amount: request.amount, detail: "" }] };
  }
  throw ProviderRefused.with({
    paymentId: request.paymentId,
    reason: answer.kind === "missing" ? "it does not know the payment" : answer.message || answer.code,
  });
}

/** An id for what a command asks for, from its idempotency key: short, because providers bound theirs. */
function refOf({ key, crypto }: Ctx): string {
  return key.length <= REF_LENGTH_MAX ? key : `sha256-${toBase64Url(crypto.sha256(key))}`;
}

/** What a snapshot tells. */
export function news({ intent }: Extract<ProviderAnswer, { kind: "intent" }>): Learned {
  return { facts: factsOf(intent), providerId: intent.id };
}

async function known(db: Reader<Tables>, paymentId: string): Promise<Known> {
  const found = await findKnown(db, paymentId);
  if (found === undefined) throw NoPayment.with({ paymentId });
  return found;
}

/** A payment that was asked for: no tombstone. */
async function existing(db: Reader<Tables>, paymentId: string): Promise<Known> {
  const found = await known(db, paymentId);
  if (found.row.order_id === "") throw NoPayment.with({ paymentId });
  return found;
}

async function recorded(tx: Parameters<typeof record>[0], current: Known, change: Change): Promise<PaymentView> {
  const row = await record(tx, current, change);
  return viewOf(row, [...current.ledger, ...change.facts]);
}
