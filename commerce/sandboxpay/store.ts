/** The SQL of the sandbox provider. */
import { type Reader, type Writer, statements } from "@isomer/kernel/store";
import type { Entry, StoredIntent } from "./domain.ts";

/** An intent as a row: `body` is the document. */
export interface IntentRow {
  id: string;
  payment_id: string | null;
  order_id: string | null;
  body: string;
  settle_at: number | null;
  created_at: number;
}
/** An entry of the ledger. */
export interface LedgerRow {
  position: number;
  intent_id: string;
  payment_id: string | null;
  order_id: string | null;
  kind: Entry["kind"];
  amount: number;
  currency: string;
  at: number;
}
/** A webhook to send. */
export interface DeliveryRow {
  event_id: string;
  intent_id: string;
  type: string;
  payload: string;
  created_at: number;
  attempts: number;
  next_at: number | null;
  delivered_at: number | null;
  last_result: string | null;
}
/** All tables. */
export interface Tables {
  intent: IntentRow;
  ledger: LedgerRow;
  delivery: DeliveryRow;
}

/** A webhook as it begins. */
export type NewDelivery = Pick<DeliveryRow, "event_id" | "intent_id" | "type" | "payload" | "created_at" | "next_at">;

/** The columns by name: a type alias counts as a record of values, an interface does not. */
type Columns<R> = { [K in keyof R]: R[K] };

const sql = statements<Tables>();

const byId = sql((db, p: { id: string }) => db.selectFrom("intent").select("body").where("id", "=", p.id));
const byPayment = sql((db, p: { paymentId: string }) =>
  db
    .selectFrom("intent")
    .select(["body", "created_at", "id"])
    .where("payment_id", "=", p.paymentId)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(20),
);
const addIntent = sql((db, p: Columns<IntentRow>) => db.insertInto("intent").values(p));
const setIntent = sql((db, p: { id: string; body: string; settle_at: number | null }) =>
  db.updateTable("intent").set({ body: p.body, settle_at: p.settle_at }).where("id", "=", p.id),
);
const toSettle = sql((db, p: { now: number; limit: number }) =>
  db.selectFrom("intent").select("id").where("settle_at", "<=", p.now).orderBy("settle_at").limit(p.limit),
);
const addEntry = sql((db, p: Columns<Omit<LedgerRow, "position">>) =>
  db.insertInto("ledger").values((row) => ({
    ...p,
    position: row
      .selectFrom("ledger")
      .select((last) => last(last.fn.coalesce(last.fn.max("position"), last.val(0)), "+", 1).as("next")),
  })),
);
const addDelivery = sql((db, p: NewDelivery) => db.insertInto("delivery").values({ ...p, attempts: 0 }));
const toDeliver = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("delivery")
    .selectAll()
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .orderBy("event_id")
    .limit(p.limit),
);
const setDelivery = sql(
  (
    db,
    p: { event_id: string; attempts: number; next_at: number | null; delivered_at: number | null; last_result: string },
  ) =>
    db
      .updateTable("delivery")
      .set({ attempts: p.attempts, next_at: p.next_at, delivered_at: p.delivered_at, last_result: p.last_result })
      .where("event_id", "=", p.event_id),
);

/** An intent by its id. */
export async function findIntent(db: Reader<Tables>, id: string): Promise<StoredIntent | undefined> {
  const row = await db.first(byId, { id });
  return row === undefined ? undefined : parse(row.body);
}

/** The intents of a payment, newest first; at most 20. */
export async function findOfPayment(db: Reader<Tables>, paymentId: string): Promise<StoredIntent[]> {
  return (await db.all(byPayment, { paymentId })).map((row) => parse(row.body));
}

/** A page of intents, newest first, one more than asked for. */
export async function findIntents(
  db: Reader<Tables>,
  page: {
    readonly orderId: string | undefined;
    readonly before: readonly [number, string] | undefined;
    readonly limit: number;
  },
): Promise<StoredIntent[]> {
  const rows = await db.query((kysely) => {
    let intents = kysely.selectFrom("intent").select("body");
    const { orderId, before } = page;
    if (orderId !== undefined) intents = intents.where("order_id", "=", orderId);
    if (before !== undefined) {
      intents = intents.where((where) =>
        where.or([
          where("created_at", "<", before[0]),
          where.and([where("created_at", "=", before[0]), where("id", "<", before[1])]),
        ]),
      );
    }
    return intents
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(page.limit + 1);
  });
  return rows.map((row) => parse(row.body));
}

/** A page of the ledger, oldest first, one more than asked for. */
export function findEntries(
  db: Reader<Tables>,
  page: { readonly paymentId: string | undefined; readonly after: number; readonly limit: number },
): Promise<LedgerRow[]> {
  return db.query((kysely) => {
    let entries = kysely.selectFrom("ledger").selectAll().where("position", ">", page.after);
    if (page.paymentId !== undefined) entries = entries.where("payment_id", "=", page.paymentId);
    return entries.orderBy("position").limit(page.limit + 1);
  });
}

/** Adds an intent. */
export async function insertIntent(tx: Writer<Tables>, intent: StoredIntent): Promise<void> {
  await tx.run(addIntent, {
    id: intent.id,
    payment_id: intent.metadata.paymentId ?? null,
    order_id: intent.metadata.orderId ?? null,
    body: JSON.stringify(intent),
    settle_at: intent.settleAt ?? null,
    created_at: intent.createdAt,
  });
}

/** Replaces an intent. */
export async function updateIntent(tx: Writer<Tables>, intent: StoredIntent): Promise<void> {
  await tx.run(setIntent, { id: intent.id, body: JSON.stringify(intent), settle_at: intent.settleAt ?? null });
}

/** The ids of intents to which something happens by itself now. */
export async function findToSettle(db: Reader<Tables>, now: number, limit: number): Promise<string[]> {
  return (await db.all(toSettle, { now, limit })).map((row) => row.id);
}

/** Appends to the ledger. */
export async function appendEntries(
  tx: Writer<Tables>,
  intent: StoredIntent,
  entries: readonly Entry[],
  at: number,
): Promise<void> {
  for (const { kind, amount } of entries) {
    await tx.run(addEntry, {
      intent_id: intent.id,
      payment_id: intent.metadata.paymentId ?? null,
      order_id: intent.metadata.orderId ?? null,
      kind,
      amount,
      currency: intent.currency,
      at,
    });
  }
}

/** Adds a webhook to send. */
export async function insertDelivery(tx: Writer<Tables>, delivery: NewDelivery): Promise<void> {
  await tx.run(addDelivery, delivery);
}

/** Webhooks whose time has come. */
export function findToDeliver(db: Reader<Tables>, now: number, limit: number): Promise<DeliveryRow[]> {
  return db.all(toDeliver, { now, limit });
}

/** Writes how a delivery went. */
export async function saveDelivery(
  tx: Writer<Tables>,
  delivery: {
    event_id: string;
    attempts: number;
    next_at: number | null;
    delivered_at: number | null;
    last_result: string;
  },
): Promise<void> {
  await tx.run(setDelivery, delivery);
}

function parse(body: string): StoredIntent {
  return JSON.parse(body) as StoredIntent;
}
