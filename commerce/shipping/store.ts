/** The tables of shipping, and the statements over them. */
import { type Reader, statements } from "@isomer/kernel/store";
import type { Status } from "./tracking.ts";

/** A shipment as SQL has it. */
export type ShipmentRow = {
  shipment_id: string;
  order_id: string;
  subject: string;
  status: Status;
  carrier: string;
  option_code: string;
  tracking_number: string | null;
  /** JSON. */
  lines: string;
  /** JSON; empty when it was forgotten. */
  address: string;
  on_hold: number;
  leaving: string | null;
  ship_at: number | null;
  version: number;
  created_at: number;
  updated_at: number;
};

/** A price within a zone. */
export type RateRow = {
  zone: string;
  currency: string;
  code: string;
  position: number;
  label: string;
  carrier: string;
  price: number;
  per_item: number;
  free_from: number | null;
  days_min: number;
  days_max: number;
};

/** Something that was said of a parcel. */
export type TrackingRow = {
  shipment_id: string;
  entry_id: string;
  status: Status;
  at: number;
  place: string | null;
  message: string;
  recorded_at: number;
};

/** What the carrier is told. */
export type TaskKind = "label" | "handover" | "cancel";

/** Something that the carrier still has to be told. */
export type TaskRow = {
  shipment_id: string;
  kind: TaskKind;
  next_at: number;
  attempts: number;
  last_result: string | null;
};

/** A webhook as it came; `next_at` is null when it is done with. */
export type WebhookRow = {
  event_id: string;
  tracking_number: string;
  payload: string;
  received_at: number;
  result: string | null;
  attempts: number;
  next_at: number | null;
};

/** All tables. */
export interface Tables {
  shipping_zone: { country: string; zone: string };
  shipping_rate: RateRow;
  shipment: ShipmentRow;
  called_off: { order_id: string; subject: string | null; reason: string; at: number };
  tracking: TrackingRow;
  carrier_task: TaskRow;
  webhook_inbox: WebhookRow;
}

const sql = statements<Tables>();
type None = Record<never, never>;

/** The prices of a country in a currency, as they are to be shown. */
export const ratesFor = sql((db, p: { country: string; currency: string }) =>
  db
    .selectFrom("shipping_zone")
    .innerJoin("shipping_rate", "shipping_rate.zone", "shipping_zone.zone")
    .selectAll("shipping_rate")
    .where("country", "=", p.country)
    .where("currency", "=", p.currency)
    .orderBy("position"),
);
/** The zone of a country. */
export const zoneOf = sql((db, p: { country: string }) =>
  db.selectFrom("shipping_zone").select("zone").where("country", "=", p.country),
);
/** All countries. */
export const allZones = sql((db, _: None) =>
  db.selectFrom("shipping_zone").selectAll().orderBy("zone").orderBy("country"),
);
/** All prices. */
export const allRates = sql((db, _: None) =>
  db.selectFrom("shipping_rate").selectAll().orderBy("zone").orderBy("currency").orderBy("position"),
);
/** Empties a zone. */
export const clearZone = {
  countries: sql((db, p: { zone: string }) => db.deleteFrom("shipping_zone").where("zone", "=", p.zone)),
  rates: sql((db, p: { zone: string }) => db.deleteFrom("shipping_rate").where("zone", "=", p.zone)),
};
/** Puts a country into a zone, wherever it was before. */
export const putZone = sql((db, p: Tables["shipping_zone"]) =>
  db
    .insertInto("shipping_zone")
    .values(p)
    .onConflict((conflict) => conflict.column("country").doUpdateSet((eb) => ({ zone: eb.ref("excluded.zone") }))),
);
/** Sets a price. */
export const putRate = sql((db, p: RateRow) =>
  db
    .insertInto("shipping_rate")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["zone", "currency", "code"]).doUpdateSet((eb) => ({
        position: eb.ref("excluded.position"),
        label: eb.ref("excluded.label"),
        carrier: eb.ref("excluded.carrier"),
        price: eb.ref("excluded.price"),
        per_item: eb.ref("excluded.per_item"),
        free_from: eb.ref("excluded.free_from"),
        days_min: eb.ref("excluded.days_min"),
        days_max: eb.ref("excluded.days_max"),
      })),
    ),
);

/** A shipment. */
export const shipmentById = sql((db, p: { shipmentId: string }) =>
  db.selectFrom("shipment").selectAll().where("shipment_id", "=", p.shipmentId),
);
/** The shipment of an order. */
export const shipmentOf = sql((db, p: { orderId: string }) =>
  db.selectFrom("shipment").selectAll().where("order_id", "=", p.orderId),
);
/** The shipment that a parcel is. */
export const shipmentTracked = sql((db, p: { trackingNumber: string }) =>
  db.selectFrom("shipment").selectAll().where("tracking_number", "=", p.trackingNumber),
);
/** A new shipment. */
export const addShipment = sql((db, p: ShipmentRow) => db.insertInto("shipment").values(p));
/** Writes what may change of a shipment, and counts the change. */
export const saveShipment = sql(
  (
    db,
    p: Pick<
      ShipmentRow,
      "shipment_id" | "status" | "tracking_number" | "address" | "on_hold" | "leaving" | "ship_at"
    > & { now: number },
  ) =>
    db
      .updateTable("shipment")
      .set((eb) => ({
        status: p.status,
        tracking_number: p.tracking_number,
        address: p.address,
        on_hold: p.on_hold,
        leaving: p.leaving,
        ship_at: p.ship_at,
        version: eb("version", "+", 1),
        updated_at: p.now,
      }))
      .where("shipment_id", "=", p.shipment_id),
);
/** Shipments that leave by themselves now. */
export const dueToShip = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("shipment")
    .selectAll()
    .where("ship_at", "<=", p.now)
    .where("status", "=", "ready")
    .where("on_hold", "=", 0)
    .where("leaving", "is", null)
    .orderBy("ship_at")
    .limit(p.limit),
);
/** Forgets where parcels went that nobody has heard of since a moment. */
export const forgetAddresses = sql((db, p: { before: number }) =>
  db.updateTable("shipment").set({ address: "" }).where("address", "<>", "").where("updated_at", "<", p.before),
);

/** Whether an order was called off before it had a shipment. */
export const calledOff = sql((db, p: { orderId: string }) =>
  db.selectFrom("called_off").selectAll().where("order_id", "=", p.orderId),
);
/** Notes that an order never gets a shipment. */
export const callOff = sql((db, p: { orderId: string; reason: string; at: number }) =>
  db
    .insertInto("called_off")
    .values({ order_id: p.orderId, subject: null, reason: p.reason, at: p.at })
    .onConflict((conflict) => conflict.column("order_id").doNothing()),
);
/** Notes whose order it was. */
export const nameCalledOff = sql((db, p: { orderId: string; subject: string }) =>
  db.updateTable("called_off").set({ subject: p.subject }).where("order_id", "=", p.orderId),
);

/** All that was said of a parcel. */
export const trackingOf = sql((db, p: { shipmentId: string }) =>
  db.selectFrom("tracking").selectAll().where("shipment_id", "=", p.shipmentId),
);
/** Notes something that was said; what is known stays as it is. */
export const addTracking = sql((db, p: TrackingRow) =>
  db
    .insertInto("tracking")
    .values(p)
    .onConflict((conflict) => conflict.columns(["shipment_id", "entry_id"]).doNothing()),
);

/** What the carrier is to be told now. */
export const dueTasks = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("carrier_task")
    .selectAll()
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .orderBy("shipment_id")
    .orderBy("kind")
    .limit(p.limit),
);
/** Something to tell the carrier; asked for twice it is told once. */
export const addTask = sql((db, p: { shipmentId: string; kind: TaskKind; nextAt: number }) =>
  db
    .insertInto("carrier_task")
    .values({ shipment_id: p.shipmentId, kind: p.kind, next_at: p.nextAt, attempts: 0, last_result: null })
    .onConflict((conflict) => conflict.columns(["shipment_id", "kind"]).doNothing()),
);
/** Puts a task off. */
export const putOffTask = sql((db, p: { shipmentId: string; kind: TaskKind; nextAt: number; result: string }) =>
  db
    .updateTable("carrier_task")
    .set((eb) => ({ next_at: p.nextAt, attempts: eb("attempts", "+", 1), last_result: p.result }))
    .where("shipment_id", "=", p.shipmentId)
    .where("kind", "=", p.kind),
);
/** A task is done, or not wanted any more. */
export const dropTask = sql((db, p: { shipmentId: string; kind: TaskKind }) =>
  db.deleteFrom("carrier_task").where("shipment_id", "=", p.shipmentId).where("kind", "=", p.kind),
);

/** Stores a webhook; changes nothing when it is stored already. */
export const addWebhook = sql((db, p: WebhookRow) =>
  db
    .insertInto("webhook_inbox")
    .values(p)
    .onConflict((conflict) => conflict.column("event_id").doNothing()),
);
/** Webhooks to be tried again now. */
export const waitingWebhooks = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("webhook_inbox")
    .selectAll()
    .where("next_at", "<=", p.now)
    .orderBy("next_at")
    .orderBy("event_id")
    .limit(p.limit),
);
/** Writes what came of a webhook. */
export const saveWebhook = sql((db, p: { eventId: string; result: string; nextAt: number | null }) =>
  db
    .updateTable("webhook_inbox")
    .set((eb) => ({ result: p.result, next_at: p.nextAt, attempts: eb("attempts", "+", 1) }))
    .where("event_id", "=", p.eventId),
);
/** Forgets webhooks that are done with. */
export const forgetWebhooks = sql((db, p: { before: number }) =>
  db.deleteFrom("webhook_inbox").where("received_at", "<", p.before).where("next_at", "is", null),
);

/** A page of shipments, newest first. */
export function findPage(
  db: Reader<Tables>,
  page: {
    readonly status: Status | undefined;
    readonly before: readonly [number, string] | undefined;
    readonly limit: number;
  },
): Promise<ShipmentRow[]> {
  return db.query((kysely) => {
    let rows = kysely.selectFrom("shipment").selectAll();
    const { status, before } = page;
    if (status !== undefined) rows = rows.where("status", "=", status);
    if (before !== undefined) {
      rows = rows.where((eb) =>
        eb.or([
          eb("created_at", "<", before[0]),
          eb.and([eb("created_at", "=", before[0]), eb("shipment_id", "<", before[1])]),
        ]),
      );
    }
    return rows.orderBy("created_at", "desc").orderBy("shipment_id", "desc").limit(page.limit);
  });
}
