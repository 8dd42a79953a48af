/**
 * Takes facts into a payment's ledger, in the open transaction: the ledger, the row's summary and the events that
 * follow commit together. This is the only place that writes a ledger.
 */
import type { EventWriter } from "@isomer/kernel/events";
import { announce } from "./announce.ts";
import { type Fact, type PaymentState, fold, hasGrown, isUndecided, unseen } from "./domain.ts";
import { nextLook } from "./look.ts";
import { type Known, insertFact, saveSummary } from "./store.ts";
import type { PaymentRow, Source, Tables } from "./tables.ts";

/** What was learned or decided about a payment. */
export interface Change {
  readonly facts: readonly Fact[];
  readonly source: Source;
  readonly at: number;
  /** The provider's id of the intent, when it is known. */
  readonly providerId?: string;
  /** Calls the payment off, with a reason for the record. */
  readonly giveUp?: string;
  /** Reconciliation looked: without anything new, the next look is further away. */
  readonly looked?: boolean;
  /** The first pause between looks for a payment that was called off, when the settings say. */
  readonly calledOffLookMs?: number | undefined;
}

/** Records a change. Resolves to the row as it is then; when nothing is new, nothing is written. */
export async function record(tx: EventWriter<Tables>, known: Known, change: Change): Promise<PaymentRow> {
  const { row, ledger } = known;
  const fresh = unseen(ledger, change.facts);
  const isGivenUpNow = change.giveUp !== undefined && row.given_up === 0;
  const isProviderNew = change.providerId !== undefined && row.provider_id === null;
  if (fresh.length === 0 && !isGivenUpNow && !isProviderNew && change.looked !== true) return row;

  const before = fold(ledger);
  const all = [...ledger, ...fresh];
  const after = fresh.length === 0 ? before : fold(all);
  for (const [index, fact] of fresh.entries()) {
    await insertFact(tx, fact, {
      paymentId: row.id,
      entry: ledger.length + index + 1,
      source: change.source,
      at: change.at,
    });
  }
  const next = summarise(row, change, { before, after, isNews: fresh.length > 0 || isGivenUpNow });
  await saveSummary(tx, row.id, next);
  if (fresh.length > 0) await announce(tx, { row: next, before, after, fresh, all });
  return next;
}

function summarise(
  row: PaymentRow,
  change: Change,
  { before, after, isNews }: { before: PaymentState; after: PaymentState; isNews: boolean },
): PaymentRow {
  const wasGivenUp = row.given_up === 1;
  const givenUp = wasGivenUp || change.giveUp !== undefined;
  const looks = isNews ? 0 : change.looked === true ? row.looks + 1 : row.looks;
  return {
    ...row,
    status: after.status,
    authorized: after.authorized,
    captured: after.captured,
    refunded: after.refunded,
    voided: after.voided,
    provider_id: row.provider_id ?? change.providerId ?? null,
    token: isUndecided(after.status) && !givenUp ? row.token : "",
    given_up: givenUp ? 1 : 0,
    reason: row.reason ?? change.giveUp ?? null,
    late: row.late === 1 || (wasGivenUp && hasGrown(before, after)) ? 1 : 0,
    look_at: nextLook({ state: after, givenUp, looks, now: change.at, calledOffLookMs: change.calledOffLookMs }),
    looks,
    version: row.version + 1,
    updated_at: change.at,
  };
}
