/**
 * Finds out what nobody told: asks the provider about payments whose outcome is open, carries out what was asked for
 * and not confirmed, and takes back what succeeded after its payment was called off. Repeating any of it is harmless.
 */
import type { JobContext } from "@isomer/kernel/runtime";
import { askToAuthorise, news } from "./commands.ts";
import { type Fact, type PaymentState, fold } from "./domain.ts";
import { factsOf } from "./facts-of.ts";
import { FORGOTTEN_AFTER_MS, VAIN_LOOKS_MAX } from "./look.ts";
import type { PaymentProvider, ProviderIntent } from "./provider.ts";
import { type Change, record } from "./record.ts";
import { takeBack } from "./reversal.ts";
import type { Settings } from "./settings.ts";
import { findDue, findKnown, findLedger } from "./store.ts";
import type { PaymentRow, Tables } from "./tables.ts";

/** Payments per run. */
const BATCH = 20;
/** After so many silences in one run the provider is left alone until the next. */
const SILENCES_MAX = 3;
/** Open captures and refunds that one look repeats. */
const REPEATS_MAX = 5;

/** What a look brought. */
interface Look {
  readonly facts: readonly Fact[];
  readonly providerId?: string;
  readonly isSilent: boolean;
  readonly isMissing: boolean;
}

/** One run of the job. */
export async function reconcile(
  provider: PaymentProvider,
  ctx: JobContext<Tables, string, Settings>,
): Promise<boolean> {
  const rows = await ctx.read((db) => findDue(db, ctx.now(), BATCH));
  let silences = 0;
  for (const row of rows) {
    if (await reconcileOne(row, provider, ctx)) silences += 1;
    if (silences >= SILENCES_MAX) return false;
  }
  return rows.length === BATCH && silences === 0;
}

/** Looks at one payment and records what it learned. Resolves to whether the provider was silent. */
async function reconcileOne(
  row: PaymentRow,
  provider: PaymentProvider,
  ctx: JobContext<Tables, string, Settings>,
): Promise<boolean> {
  const ledger = await ctx.read((db) => findLedger(db, row.id));
  const look = row.given_up === 1 ? await lookBack(provider, row, ledger) : await lookOn(provider, row, ledger);
  const now = ctx.now();
  const isForgotten = look.isMissing && isTooOld(row, now);
  await ctx.transaction(async (tx) => {
    const current = await findKnown(tx, row.id);
    if (current === undefined) return;
    const change: Change = {
      facts: isForgotten ? [...look.facts, abandoned(row)] : look.facts,
      ...(look.providerId === undefined ? {} : { providerId: look.providerId }),
      // What comes after all is reversed: nobody waits for it any more.
      ...(isForgotten ? { giveUp: "nothing came of it" } : {}),
      source: "reconcile",
      at: now,
      looked: true,
      calledOffLookMs: ctx.settings.calledOffLookMs,
    };
    const after = await record(tx, current, change);
    if (after.late === 1 && row.late === 0)
      ctx.log.warn("a payment succeeded after it was called off", { paymentId: row.id });
  });
  return look.isSilent;
}

function isTooOld(row: PaymentRow, now: number): boolean {
  return row.given_up === 1 ? row.looks + 1 >= VAIN_LOOKS_MAX : now - row.created_at >= FORGOTTEN_AFTER_MS;
}

function abandoned({ id, amount }: PaymentRow): Fact {
  return { kind: "authorize", phase: "abandoned", ref: id, amount, detail: "" };
}

async function lookBack(provider: PaymentProvider, row: PaymentRow, ledger: readonly Fact[]): Promise<Look> {
  const asked = await repeatRefunds(provider, row, ledger);
  const { providerId, ...learned } = await takeBack(provider, {
    paymentId: row.id,
    providerId: row.provider_id,
    ledger: [...ledger, ...asked.facts],
  });
  return {
    ...learned,
    facts: [...asked.facts, ...learned.facts],
    isSilent: asked.isSilent || learned.isSilent,
    ...(providerId === undefined ? {} : { providerId }),
  };
}

/**
 * Carries out refunds that were asked for before the payment was called off: as long as they are open they count as given
 * back, and nothing else would give their amounts back.
 */
async function repeatRefunds(
  provider: PaymentProvider,
  row: PaymentRow,
  ledger: readonly Fact[],
): Promise<Pick<Look, "facts" | "isSilent">> {
  const state = fold(ledger);
  const open = state.open.filter(({ kind }) => kind === "refund");
  if (open.length === 0) return { facts: [], isSilent: false };
  const found = await provider.find({ paymentId: row.id, intentId: row.provider_id ?? undefined });
  if (found.kind !== "intent") return { facts: [], isSilent: found.kind === "unknown" };
  const repeated = await repeatOpen(provider, row, { state: { ...state, open }, intent: found.intent });
  return { facts: [...factsOf(found.intent), ...repeated.facts], isSilent: repeated.isSilent };
}

async function lookOn(provider: PaymentProvider, row: PaymentRow, ledger: readonly Fact[]): Promise<Look> {
  const state = fold(ledger);
  const found = await provider.find({ paymentId: row.id, intentId: row.provider_id ?? undefined });
  if (found.kind === "unknown") return { facts: [], isSilent: true, isMissing: false };
  if (found.kind !== "intent") {
    // The customer wants to pay, and the first request was lost, or is on its way: with the same key it counts once.
    const again = state.status === "unknown" ? await askToAuthorise(provider, row) : { facts: [] };
    return { ...again, isSilent: false, isMissing: true };
  }
  const repeated = await repeatOpen(provider, row, { state, intent: found.intent });
  const { facts, providerId } = news(found);
  return {
    facts: [...facts, ...repeated.facts],
    ...(providerId === undefined ? {} : { providerId }),
    isSilent: repeated.isSilent,
    isMissing: false,
  };
}

/** Carries out captures and refunds that were asked for and that the provider does not know. */
async function repeatOpen(
  provider: PaymentProvider,
  row: PaymentRow,
  { state, intent }: { readonly state: PaymentState; readonly intent: ProviderIntent },
): Promise<{ facts: Fact[]; isSilent: boolean }> {
  const knownRefs = new Set([...intent.captures, ...intent.refunds].map(({ ref }) => ref));
  const facts: Fact[] = [];
  let isSilent = false;
  for (const open of state.open.filter(({ ref }) => !knownRefs.has(ref)).slice(0, REPEATS_MAX)) {
    const request = { paymentId: row.id, intentId: intent.id, ref: open.ref, amount: open.amount };
    const answer = await (open.kind === "capture" ? provider.capture(request) : provider.refund(request));
    if (answer.kind === "intent") facts.push(...factsOf(answer.intent));
    else if (answer.kind === "refused") facts.push({ ...open, phase: "failure", detail: answer.code.slice(0, 100) });
    else isSilent = true;
  }
  return { facts, isSilent };
}
