/** The tables of the sandbox carrier, and the statements over them. */
import { type Reader, statements } from "@isomer/kernel/store";
import type { CarrierStatus } from "./contract.ts";

/** A parcel. */
export type ParcelRow = {
  reference: string;
  label_id: string;
  tracking_number: string | null;
  service: string;
  carrier: string;
  country: string;
  status: CarrierStatus;
  plan: string;
  step: number;
  next_at: number | null;
  created_at: number;
};
/** Something that happened. */
export type LedgerRow = {
  position: number;
  reference: string;
  tracking_number: string | null;
  entry_id: string;
  status: CarrierStatus;
  at: number;
  place: string | null;
  message: string;
};
/** A webhook to send. */
export type DeliveryRow = {
  event_id: string;
  payload: string;
  created_at: number;
  attempts: number;
  next_at: number | null;
  last_result: string | null;
};
/** All tables. */
export interface Tables {
  parcel: ParcelRow;
  ledger: LedgerRow;
  delivery: DeliveryRow;
}

const sql = statements<Tables>();

/** A parcel by the sender's reference. */
export const parcelOf = sql((db, p: { reference: string }) =>
  db.selectFrom("parcel").selectAll().where("reference", "=", p.reference),
);
/** A parcel by its tracking number. */
export const parcelTracked = sql((db, p: { trackingNumber: string }) =>
  db.selectFrom("parcel").selectAll().where("tracking_number", "=", p.trackingNumber),
);
/** A new parcel. */
export const addParcel = sql((db, p: ParcelRow) => db.insertInto("parcel").values(p));
/** Writes how far a parcel is. */
export const moveParcel = sql(
  (db, p: { reference: string; status: CarrierStatus; step: number; nextAt: number | null }) =>
    db
      .updateTable("parcel")
      .set({ status: p.status, step: p.step, next_at: p.nextAt })
      .where("reference", "=", p.reference),
);
/** Parcels to which something happens now. */
export const dueParcels = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("parcel")
    .selectAll()
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .orderBy("reference")
    .limit(p.limit),
);

/** The end of the ledger. */
export const lastPosition = sql((db, _: Record<never, never>) =>
  db.selectFrom("ledger").select("position").orderBy("position", "desc").limit(1),
);
/** Notes something that happened. */
export const addEntry = sql((db, p: LedgerRow) => db.insertInto("ledger").values(p));
/** What happened to a parcel. */
export const entriesTracked = sql((db, p: { trackingNumber: string }) =>
  db.selectFrom("ledger").selectAll().where("tracking_number", "=", p.trackingNumber).orderBy("position"),
);

/** A webhook to send. */
export const addDelivery = sql((db, p: DeliveryRow) => db.insertInto("delivery").values(p));
/** Webhooks whose time has come. */
export const dueDeliveries = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("delivery")
    .selectAll()
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .orderBy("event_id")
    .limit(p.limit),
);
/** Writes how a delivery went. */
export const saveDelivery = sql((db, p: { eventId: string; attempts: number; nextAt: number | null; result: string }) =>
  db
    .updateTable("delivery")
    .set({ attempts: p.attempts, next_at: p.nextAt, last_result: p.result })
    .where("event_id", "=", p.eventId),
);

/** A page of the ledger, oldest first. */
export function findEntries(
  db: Reader<Tables>,
  page: { readonly reference: string | undefined; readonly after: number; readonly limit: number },
): Promise<LedgerRow[]> {
  return db.query((kysely) => {
    let entries = kysely.selectFrom("ledger").selectAll().where("position", ">", page.after);
    if (page.reference !== undefined) entries = entries.where("reference", "=", page.reference);
    return entries.orderBy("position").limit(page.limit);
  });
}
