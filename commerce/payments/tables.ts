/** The tables of payments, as `migrations/` makes them. */
import type { FactKind, FactPhase, PaymentStatus } from "./domain.ts";

/** How a fact was learned: by the answer to a call, a webhook, or by asking later. */
export type Source = "call" | "webhook" | "reconcile";

/** A payment. Sums and status are a summary of its ledger. */
export interface PaymentRow {
  id: string;
  /** Empty in a tombstone: the payment was called off before it was asked for. */
  order_id: string;
  checkout_id: string | null;
  customer: string;
  token: string;
  return_url: string | null;
  amount: number;
  currency: string;
  status: PaymentStatus;
  authorized: number;
  captured: number;
  refunded: number;
  voided: number;
  provider_id: string | null;
  given_up: number;
  reason: string | null;
  late: number;
  look_at: number | null;
  looks: number;
  version: number;
  created_at: number;
  updated_at: number;
}

/** A fact of the ledger. `entry` counts within the payment. */
export interface LedgerRow {
  payment_id: string;
  kind: FactKind;
  phase: FactPhase;
  ref: string;
  entry: number;
  amount: number;
  detail: string;
  source: Source;
  at: number;
}

/** A webhook as it came. `next_at` is null when it is done with. */
export interface WebhookRow {
  event_id: string;
  type: string;
  payment_id: string | null;
  payload: string;
  received_at: number;
  processed_at: number | null;
  result: string | null;
  attempts: number;
  next_at: number | null;
}

/** All tables. */
export interface Tables {
  payment: PaymentRow;
  payment_ledger: LedgerRow;
  webhook_inbox: WebhookRow;
}
