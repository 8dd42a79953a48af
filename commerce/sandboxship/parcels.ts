/** Labels and parcels: each function is one transaction; the ledger and the webhooks to send change with it. */
import { type Ids, toInstant } from "@isomer/kernel/std";
import type { Writer } from "@isomer/kernel/store";
import type { TypeOf } from "@isomer/kernel/schema";
import { type CarrierEntry, type CarrierEvent, type Label, LabelCancelled, NoParcel, ParcelLeft } from "./contract.ts";
import { type Step, journeyOf } from "./journeys.ts";
import { type Settings, stepOf } from "./settings.ts";
import {
  type LedgerRow,
  type ParcelRow,
  type Tables,
  addDelivery,
  addEntry,
  addParcel,
  dueParcels,
  lastPosition,
  moveParcel,
  parcelOf,
} from "./store.ts";

/** What surrounds a change. */
export interface Around {
  now(): number;
  readonly ids: Ids;
  readonly settings: Settings;
}

/** What a label is made from. The name and the street are printed, not kept. */
export interface LabelRequest {
  readonly reference: string;
  readonly service: string;
  readonly to: { readonly postalCode: string; readonly country: string };
}

type Tx = Writer<Tables>;

/** Sells a label; the same one for the same reference. @throws {LabelCancelled} */
export async function createLabel(tx: Tx, { reference, service, to }: LabelRequest, around: Around): Promise<Label> {
  const known = await tx.first(parcelOf, { reference });
  if (known?.status === "cancelled") throw LabelCancelled.with({ reference });
  if (known !== undefined) return toLabel(known);
  const id = around.ids.next();
  const trackingNumber = `SBX${id.replaceAll("-", "").slice(-16).toUpperCase()}`;
  const plan = JSON.stringify(journeyOf(trackingNumber, to, service));
  const parcel: ParcelRow = {
    ...emptyParcel(reference, around),
    tracking_number: trackingNumber,
    service,
    country: to.country,
    plan,
  };
  await tx.run(addParcel, parcel);
  await happen(tx, parcel, { status: "pre_transit", place: "", message: "The label was bought." }, around);
  return toLabel(parcel);
}

/** Calls a label off; one that was never bought never will be. @throws {ParcelLeft} */
export async function cancelLabel(tx: Tx, reference: string, around: Around): Promise<Label> {
  const known = await tx.first(parcelOf, { reference });
  if (known?.status === "cancelled") return toLabel(known);
  if (known !== undefined && known.status !== "pre_transit") throw ParcelLeft.with({ reference, status: known.status });
  if (known?.next_at != null) throw ParcelLeft.with({ reference, status: known.status });
  const cancelled: ParcelRow = { ...(known ?? emptyParcel(reference, around)), status: "cancelled" };
  if (known === undefined) await tx.run(addParcel, cancelled);
  else await tx.run(moveParcel, { reference, status: "cancelled", step: 0, nextAt: null });
  await happen(tx, cancelled, { status: "cancelled", place: "", message: "The label was called off." }, around);
  return toLabel(cancelled);
}

/** Picks the parcel up: it moves from the next step on. @throws {NoParcel} {LabelCancelled} */
export async function handOver(tx: Tx, reference: string, around: Around): Promise<Label> {
  const parcel = await tx.first(parcelOf, { reference });
  if (parcel === undefined) throw NoParcel.with({ what: reference });
  if (parcel.status === "cancelled") throw LabelCancelled.with({ reference });
  if (parcel.status === "pre_transit" && parcel.next_at === null) {
    await tx.run(moveParcel, {
      reference,
      status: parcel.status,
      step: 0,
      nextAt: around.now() + stepOf(around.settings),
    });
  }
  return toLabel(parcel);
}

/** Moves on what is due; resolves to whether there may be more. */
export async function moveOn(tx: Tx, limit: number, around: Around): Promise<boolean> {
  const now = around.now();
  const due = await tx.all(dueParcels, { now, limit });
  for (const parcel of due) {
    const plan = JSON.parse(parcel.plan) as Step[];
    const step = plan[parcel.step];
    const isLast = parcel.step + 1 >= plan.length;
    const nextAt = isLast ? null : now + stepOf(around.settings);
    const status = step?.status ?? parcel.status;
    await tx.run(moveParcel, { reference: parcel.reference, status, step: parcel.step + 1, nextAt });
    if (step !== undefined) await happen(tx, parcel, step, around);
  }
  return due.length === limit;
}

/** The parcel as the API shows it. */
export function toLabel(parcel: ParcelRow): Label {
  return {
    id: parcel.label_id,
    reference: parcel.reference,
    ...(parcel.tracking_number === null ? {} : { trackingNumber: parcel.tracking_number }),
    carrier: parcel.carrier,
    service: parcel.service,
    status: parcel.status,
    created: toInstant(parcel.created_at),
  };
}

/** An entry as the API shows it. */
export function toEntry(row: LedgerRow): TypeOf<typeof CarrierEntry> {
  const { entry_id: id, status, at, place, message } = row;
  return { id, status, at: toInstant(at), ...(place === null ? {} : { place }), message };
}

function emptyParcel(reference: string, around: Around): ParcelRow {
  return {
    reference,
    label_id: `lbl_${around.ids.next()}`,
    tracking_number: null,
    service: "",
    carrier: "Sandbox Post",
    country: "",
    status: "pre_transit",
    plan: "[]",
    step: 0,
    next_at: null,
    created_at: around.now(),
  };
}

/** Writes to the ledger, and makes the webhook. */
async function happen(tx: Tx, parcel: ParcelRow, { status, place, message }: Step, around: Around): Promise<void> {
  const now = around.now();
  const { reference, tracking_number } = parcel;
  const row: LedgerRow = {
    position: ((await tx.first(lastPosition, {}))?.position ?? 0) + 1,
    reference,
    tracking_number,
    entry_id: around.ids.next(),
    status,
    at: now,
    place: place === "" ? null : place,
    message,
  };
  await tx.run(addEntry, row);
  if (tracking_number === null) return;
  const event: CarrierEvent = {
    id: `evt_${around.ids.next()}`,
    type: "tracking.updated",
    created: toInstant(now),
    tracking: { trackingNumber: tracking_number, reference, entry: toEntry(row) },
  };
  const payload = JSON.stringify(event);
  await tx.run(addDelivery, {
    event_id: event.id,
    payload,
    created_at: now,
    attempts: 0,
    next_at: now,
    last_result: null,
  });
}
