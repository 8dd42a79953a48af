/** The SQL of payments. */
import { type Reader, type Writer, statements } from "@isomer/kernel/store";
import type { LedgerRow, PaymentRow, Source, Tables, WebhookRow } from "./tables.ts";
import type { Fact } from "./domain.ts";

const sql = statements<Tables>();

const byId = sql((db, p: { id: string }) => db.selectFrom("payment").selectAll().where("id", "=", p.id));
const versionOf = sql((db, p: { id: string }) => db.selectFrom("payment").select("version").where("id", "=", p.id));
const ofOrder = sql((db, p: { orderId: string }) =>
  db.selectFrom("payment").selectAll().where("order_id", "=", p.orderId).orderBy("created_at").orderBy("id").limit(100),
);
const due = sql((db, p: { now: number; limit: number }) =>
  db.selectFrom("payment").selectAll().where("look_at", "<=", p.now).orderBy("look_at").orderBy("id").limit(p.limit),
);
const ledgerOf = sql((db, p: { id: string }) =>
  db.selectFrom("payment_ledger").selectAll().where("payment_id", "=", p.id).orderBy("entry"),
);
const addPayment = sql((db, p: NewPayment) =>
  db
    .insertInto("payment")
    .values({ ...p, authorized: 0, captured: 0, refunded: 0, voided: 0, late: 0, looks: 0, version: 1 })
    .onConflict((conflict) => conflict.column("id").doNothing()),
);
const addFact = sql((db, p: LedgerParameters) => db.insertInto("payment_ledger").values(p));
const updatePayment = sql((db, p: Summary & { id: string }) =>
  db
    .updateTable("payment")
    .set({
      status: p.status,
      authorized: p.authorized,
      captured: p.captured,
      refunded: p.refunded,
      voided: p.voided,
      provider_id: p.provider_id,
      token: p.token,
      given_up: p.given_up,
      reason: p.reason,
      late: p.late,
      look_at: p.look_at,
      looks: p.looks,
      version: p.version,
      updated_at: p.updated_at,
    })
    .where("id", "=", p.id),
);
const addWebhook = sql((db, p: NewWebhook) =>
  db
    .insertInto("webhook_inbox")
    .values({ ...p, attempts: 0 })
    .onConflict((conflict) => conflict.column("event_id").doNothing()),
);
const waitingWebhooks = sql((db, p: { now: number; limit: number }) =>
  db.selectFrom("webhook_inbox").selectAll().where("next_at", "<=", p.now).orderBy("next_at").limit(p.limit),
);
const updateWebhook = sql(
  (
    db,
    p: { event_id: string; processed_at: number | null; result: string; attempts: number; next_at: number | null },
  ) =>
    db
      .updateTable("webhook_inbox")
      .set({ processed_at: p.processed_at, result: p.result, attempts: p.attempts, next_at: p.next_at })
      .where("event_id", "=", p.event_id),
);
const oldWebhooks = sql((db, p: { before: number; limit: number }) =>
  db
    .deleteFrom("webhook_inbox")
    .where("event_id", "in", (inner) =>
      inner
        .selectFrom("webhook_inbox")
        .select("event_id")
        .where("next_at", "is", null)
        .where("received_at", "<", p.before)
        .limit(p.limit),
    ),
);

/** What a payment begins with. */
export type NewPayment = Pick<
  PaymentRow,
  | "id"
  | "order_id"
  | "checkout_id"
  | "customer"
  | "token"
  | "return_url"
  | "amount"
  | "currency"
  | "status"
  | "given_up"
  | "reason"
  | "look_at"
  | "created_at"
  | "updated_at"
>;
/** What changes in the row of a payment. */
export type Summary = Omit<
  PaymentRow,
  "id" | "order_id" | "checkout_id" | "customer" | "return_url" | "amount" | "currency" | "created_at"
>;
/** A webhook as it is stored. */
export type NewWebhook = Omit<WebhookRow, "attempts">;
/** Written out by name: a type alias counts as a record of values, an interface does not. */
type LedgerParameters = { [K in keyof LedgerRow]: LedgerRow[K] };

/** A payment with all that is known of it. */
export interface Known {
  readonly row: PaymentRow;
  readonly ledger: readonly LedgerRow[];
}

/** The row of a payment. */
export function findPayment(db: Reader<Tables>, id: string): Promise<PaymentRow | undefined> {
  return db.first(byId, { id });
}

/** A payment and its ledger. */
export async function findKnown(db: Reader<Tables>, id: string): Promise<Known | undefined> {
  const row = await db.first(byId, { id });
  if (row === undefined) return undefined;
  // The ledger and the version grow together.
  return { row, ledger: row.version === 1 ? [] : await db.all(ledgerOf, { id }) };
}

/** The payment as it is in this transaction: what was read before it, unless that has changed since. */
export async function refresh(tx: Reader<Tables>, before: Known): Promise<Known> {
  const { id, version } = before.row;
  const current = await tx.first(versionOf, { id });
  return current?.version === version ? before : ((await findKnown(tx, id)) ?? before);
}

/** The ledger of a payment, oldest first. */
export function findLedger(db: Reader<Tables>, id: string): Promise<LedgerRow[]> {
  return db.all(ledgerOf, { id });
}

/** The payments of an order, oldest first; at most 100. */
export function findOfOrder(db: Reader<Tables>, orderId: string): Promise<PaymentRow[]> {
  return db.all(ofOrder, { orderId });
}

/** Payments that reconciliation is to look at, longest due first. */
export function findDue(db: Reader<Tables>, now: number, limit: number): Promise<PaymentRow[]> {
  return db.all(due, { now, limit });
}

/** A page of payments, newest first, one row more than asked for; tombstones are left out. */
export function findPage(
  db: Reader<Tables>,
  page: {
    readonly before: readonly [number, string] | undefined;
    readonly status: string | undefined;
    readonly limit: number;
  },
): Promise<PaymentRow[]> {
  return db.query((kysely) => {
    let rows = kysely.selectFrom("payment").selectAll().where("order_id", "<>", "");
    if (page.status !== undefined) rows = rows.where("status", "=", page.status as PaymentRow["status"]);
    const { before } = page;
    if (before !== undefined) {
      rows = rows.where((where) =>
        where.or([
          where("created_at", "<", before[0]),
          where.and([where("created_at", "=", before[0]), where("id", "<", before[1])]),
        ]),
      );
    }
    return rows
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(page.limit + 1);
  });
}

/** Adds a payment; false when its id is there already. */
export async function insertPayment(tx: Writer<Tables>, payment: NewPayment): Promise<boolean> {
  return (await tx.run(addPayment, payment)) === 1;
}

/** Appends a fact to a ledger. */
export async function insertFact(
  tx: Writer<Tables>,
  fact: Fact,
  where: { readonly paymentId: string; readonly entry: number; readonly source: Source; readonly at: number },
): Promise<void> {
  const { kind, phase, ref, amount, detail } = fact;
  const { paymentId: payment_id, entry, source, at } = where;
  await tx.run(addFact, { payment_id, kind, phase, ref, entry, amount, detail, source, at });
}

/** Writes what follows from the ledger into the row. */
export async function saveSummary(tx: Writer<Tables>, id: string, summary: Summary): Promise<void> {
  await tx.run(updatePayment, { ...summary, id });
}

/** Stores a webhook; false when its event was stored before. */
export async function insertWebhook(tx: Writer<Tables>, webhook: NewWebhook): Promise<boolean> {
  return (await tx.run(addWebhook, webhook)) === 1;
}

/** Webhooks that could not be applied yet, longest due first. */
export function findWaitingWebhooks(db: Reader<Tables>, now: number, limit: number): Promise<WebhookRow[]> {
  return db.all(waitingWebhooks, { now, limit });
}

/** Writes how far a webhook got. */
export async function saveWebhook(
  tx: Writer<Tables>,
  webhook: Pick<WebhookRow, "event_id" | "processed_at" | "attempts" | "next_at"> & { result: string },
): Promise<void> {
  await tx.run(updateWebhook, webhook);
}

/** Deletes webhooks that are done with and older than a moment; resolves to how many. */
export function deleteOldWebhooks(tx: Writer<Tables>, before: number, limit: number): Promise<number> {
  return tx.run(oldWebhooks, { before, limit });
}
