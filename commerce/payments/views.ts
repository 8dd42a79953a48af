/** Rows as others see them. */
import { toInstant } from "@isomer/kernel/std";
import type { TypeOf } from "@isomer/kernel/schema";
import type { PaymentView } from "./contract.ts";
import { type Fact, fold } from "./domain.ts";
import type { LedgerEntry } from "./schemas.ts";
import type { LedgerRow, PaymentRow } from "./tables.ts";

/** The view of a payment. The ledger adds what the row does not keep: what is under way, and why not. */
export function viewOf(row: PaymentRow, ledger: readonly Fact[]): PaymentView {
  const money = (amount: number) => ({ amount, currency: row.currency });
  const { open, declineCode, redirectUrl } = fold(ledger);
  return {
    paymentId: row.id,
    orderId: row.order_id,
    ...(row.checkout_id === null ? {} : { checkoutId: row.checkout_id }),
    status: row.status,
    amount: money(row.amount),
    authorized: money(row.authorized),
    captured: money(row.captured),
    refunded: money(row.refunded),
    voided: money(row.voided),
    pending: open.length > 0,
    givenUp: row.given_up === 1,
    ...(declineCode === undefined ? {} : { declineCode }),
    ...(row.status === "requires_action" && redirectUrl !== undefined ? { redirectUrl } : {}),
    version: row.version,
    createdAt: toInstant(row.created_at),
  };
}

/** The view of an entry of the ledger. */
export function entryOf(row: LedgerRow, currency: string): TypeOf<typeof LedgerEntry> {
  const { kind, phase, ref, amount, detail, source, at } = row;
  return { kind, phase, ref, amount: { amount, currency }, detail, source, at: toInstant(at) };
}
