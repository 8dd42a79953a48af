/**
 * The life of a shipment, each step one transaction.
 *
 * Holds across a crash at any point:
 *  - an order has at most one shipment, and one that was called off first has none;
 *  - the status of a shipment is the fold of its tracking log, and each change of it has one event;
 *  - a parcel that somebody is handing over, or that has left, cannot be called off, and one that was called off does
 *    not leave: both claims are made on the same row.
 */
import type { DataOf } from "@isomer/kernel/contract";
import type { EventWriter } from "@isomer/kernel/events";
import { toInstant } from "@isomer/kernel/std";
import type { orders } from "../orders/contract.ts";
import { OnHold, WrongStatus, shipping } from "./contract.ts";
import { type Settings, shipAtOf } from "./settings.ts";
import {
  type ShipmentRow,
  type Tables,
  addShipment,
  addTask,
  addTracking,
  callOff,
  calledOff,
  dropTask,
  nameCalledOff,
  saveShipment,
  shipmentById,
  shipmentOf,
  trackingOf,
} from "./store.ts";
import { type Status, hasLeft, isCarriers, latest } from "./tracking.ts";

/** A transaction of shipping. */
export type ShippingTx = EventWriter<Tables>;

/** What was said of a parcel. */
export interface Said {
  readonly entryId: string;
  readonly status: Status;
  /** When it was so, milliseconds since 1970. */
  readonly at: number;
  readonly place?: string | undefined;
  readonly message: string;
}

/** Drafts the shipment of a placed order, unless it was called off before. */
export async function draft(
  tx: ShippingTx,
  order: DataOf<typeof orders.events.placed>,
  { shipmentId, now }: { readonly shipmentId: string; readonly now: number },
): Promise<void> {
  const { orderId, subject, lines, shippingAddress, shippingOption } = order;
  if ((await tx.first(calledOff, { orderId })) !== undefined) {
    await tx.run(nameCalledOff, { orderId, subject });
    return;
  }
  if ((await tx.first(shipmentOf, { orderId })) !== undefined) return;
  await tx.run(addShipment, {
    shipment_id: shipmentId,
    order_id: orderId,
    subject,
    status: "draft",
    carrier: shippingOption.carrier,
    option_code: shippingOption.code,
    tracking_number: null,
    lines: JSON.stringify(lines.map(({ sku, quantity }) => ({ sku, quantity }))),
    address: JSON.stringify(shippingAddress),
    on_hold: 0,
    leaving: null,
    ship_at: null,
    version: 1,
    created_at: now,
    updated_at: now,
  });
  await tx.run(addTask, { shipmentId, kind: "label", nextAt: now });
}

/** Stops the shipment of an order, or lets it go on, while somebody looks at the order. */
export async function setOnHold(tx: ShippingTx, orderId: string, isHeld: boolean, now: number): Promise<void> {
  const row = await tx.first(shipmentOf, { orderId });
  if (row === undefined || hasLeft(row.status)) return;
  await tx.run(saveShipment, { ...row, on_hold: isHeld ? 1 : 0, now });
}

/** Calls an order's shipment off. @throws {WrongStatus} when the parcel has left, or is leaving. */
export async function cancelForOrder(
  tx: ShippingTx,
  { orderId, reason }: { readonly orderId: string; readonly reason: string },
  now: number,
): Promise<void> {
  const row = await tx.first(shipmentOf, { orderId });
  if (row === undefined) {
    await tx.run(callOff, { orderId, reason, at: now });
    return;
  }
  if (row.status === "cancelled") return;
  if (row.leaving !== null) throw WrongStatus.with({ orderId, status: "shipped" });
  if (hasLeft(row.status)) throw WrongStatus.with({ orderId, status: row.status });
  const shipmentId = row.shipment_id;
  await tx.run(dropTask, { shipmentId, kind: "label" });
  // Also when no label is known: a request for one may be on its way right now.
  await tx.run(addTask, { shipmentId, kind: "cancel", nextAt: now });
  await say(
    tx,
    { ...row, address: "", ship_at: null },
    [shopSays("cancelled", now, "The shipment was called off.")],
    now,
  );
  await tx.emit(shipping.events.shipmentCancelled, { orderId, reason });
}

/** The label is bought: the parcel can be packed. */
export async function labelBought(
  tx: ShippingTx,
  row: ShipmentRow,
  {
    trackingNumber,
    now,
    settings,
  }: { readonly trackingNumber: string; readonly now: number; readonly settings: Settings },
): Promise<void> {
  if (row.tracking_number !== null) return;
  const bought = { ...row, tracking_number: trackingNumber };
  if (row.status === "cancelled") {
    // It was called off while the label was asked for: the carrier hears of that by its own task.
    await tx.run(saveShipment, { ...bought, now });
    return;
  }
  const says = [
    shopSays("label_bought", now, "The carrier expects the parcel."),
    shopSays("ready", now, "The parcel is ready to leave."),
  ];
  await say(tx, { ...bought, ship_at: shipAtOf(settings, now) }, says, now);
}

/** Whether a shipment may leave now; faults tell why not. @throws {WrongStatus} {OnHold} */
export function requireReady({ order_id: orderId, status, on_hold: onHold }: ShipmentRow): void {
  if (status !== "ready") throw WrongStatus.with({ orderId, status });
  if (onHold === 1) throw OnHold.with({ orderId });
}

/** The saga that takes a shipment of this version out of the house. */
export function leavingId({ shipmentId, version }: { readonly shipmentId: string; readonly version: number }): string {
  return `leave-${shipmentId}-${version}`;
}

/** Claims a shipment for a saga; from here on it cannot be called off. Resolves to the saga's id. */
export async function claim(tx: ShippingTx, row: ShipmentRow, now: number): Promise<string> {
  const leaving = leavingId({ shipmentId: row.shipment_id, version: row.version + 1 });
  await tx.run(saveShipment, { ...row, leaving, ship_at: null, now });
  return leaving;
}

/** Gives the claim back: the parcel stays. */
export async function stay(tx: ShippingTx, shipmentId: string, now: number): Promise<void> {
  const row = await tx.first(shipmentById, { shipmentId });
  if (row !== undefined) await tx.run(saveShipment, { ...row, leaving: null, now });
}

/** The parcel was handed over: its stock is taken off the shelf already. */
export async function left(tx: ShippingTx, shipmentId: string, now: number): Promise<void> {
  const row = await tx.first(shipmentById, { shipmentId });
  if (row === undefined) return;
  await say(tx, { ...row, leaving: null }, [shopSays("shipped", now, "The parcel was handed to the carrier.")], now);
  await tx.run(addTask, { shipmentId, kind: "handover", nextAt: now });
}

/** Takes in what the carrier said. Resolves to whether the parcel moves though the shop never handed it over. */
export async function carrierSaid(tx: ShippingTx, row: ShipmentRow, said: Said, now: number): Promise<boolean> {
  if (row.status === "cancelled") {
    await tx.run(addTracking, toRow(row.shipment_id, said, now));
    return false;
  }
  const wasHere = !hasLeft(row.status);
  await say(tx, row, [said], now);
  return wasHere && row.leaving === null && isCarriers(said.status);
}

function shopSays(status: Status, at: number, message: string): Said {
  return { entryId: `shop-${status}`, status, at, message };
}

/** Adds to the log, brings the shipment up to date with it, and tells what changed. */
async function say(tx: ShippingTx, row: ShipmentRow, says: readonly Said[], now: number): Promise<void> {
  const shipmentId = row.shipment_id;
  let isNew = false;
  for (const said of says) {
    if ((await tx.run(addTracking, toRow(shipmentId, said, now))) > 0) isNew = true;
  }
  if (!isNew) return;
  const entry = latest(await tx.all(trackingOf, { shipmentId }));
  const status = entry?.status ?? "draft";
  await tx.run(saveShipment, { ...row, status, now });
  // Told also when the carrier was faster than the shop and the status is further already: the buyer's mail needs it.
  const shipped = says.find((said) => said.status === "shipped");
  if (shipped !== undefined) await tell(tx, row, "shipped", shipped.at);
  if (status !== row.status && status !== "shipped") await tell(tx, row, status, entry?.at ?? now);
}

const EVENTS = {
  ready: shipping.events.shipmentReady,
  shipped: shipping.events.shipmentShipped,
  in_transit: shipping.events.shipmentMoved,
  out_for_delivery: shipping.events.shipmentMoved,
  available_for_pickup: shipping.events.shipmentMoved,
  exception: shipping.events.shipmentException,
  delivered: shipping.events.shipmentDelivered,
  returned_to_sender: shipping.events.shipmentReturned,
  lost: shipping.events.shipmentReturned,
} as const;

async function tell(tx: ShippingTx, row: ShipmentRow, status: Status, at: number): Promise<void> {
  if (!(status in EVENTS)) return;
  await tx.emit(EVENTS[status as keyof typeof EVENTS], {
    shipmentId: row.shipment_id,
    orderId: row.order_id,
    subject: row.subject,
    carrier: row.carrier,
    trackingNumber: row.tracking_number ?? "",
    status,
    at: toInstant(at),
  });
}

function toRow(shipment_id: string, { entryId, status, at, place, message }: Said, now: number): Tables["tracking"] {
  return { shipment_id, entry_id: entryId, status, at, place: place ?? null, message, recorded_at: now };
}
