/**
 * Webhooks of the carrier. Each is stored in the transaction that precedes its acknowledgement, once per event id, and
 * in the same transaction taken into the tracking log when its parcel is known. One that overtook our own record of
 * the label waits in the inbox.
 */
import type { JobContext, Tx } from "@isomer/kernel/runtime";
import type { Logger } from "@isomer/kernel/std";
import { type CarrierSaid, readEvent } from "./carrier.ts";
import { leave } from "./saga.ts";
import type { Settings } from "./settings.ts";
import { carrierSaid, claim } from "./shipments.ts";
import {
  type ShipmentRow,
  type Tables,
  addWebhook,
  forgetAddresses,
  forgetWebhooks,
  saveWebhook,
  shipmentById,
  shipmentTracked,
  waitingWebhooks,
} from "./store.ts";

/** How often an event of an unknown parcel is tried again: some minutes, in case it overtook the label. */
const ATTEMPTS_MAX = 9;
const FIRST_PAUSE_MS = 1_000;
const BATCH = 20;
const DAY_MS = 86_400_000;
/** Longer than any carrier repeats them. */
const WEBHOOKS_KEPT_MS = 30 * DAY_MS;
/** For claims and returns. */
const ADDRESSES_KEPT_MS = 90 * DAY_MS;

interface Around {
  readonly now: number;
  readonly log: Logger;
}

/** Stores an event and takes it in if its parcel is known. A repeated event changes nothing. */
export async function receive(tx: Tx<Tables>, event: CarrierSaid, payload: string, around: Around): Promise<void> {
  const { eventId, trackingNumber } = event;
  const row = await tx.first(shipmentTracked, { trackingNumber });
  const isNew = await tx.run(addWebhook, {
    event_id: eventId,
    tracking_number: trackingNumber,
    payload,
    received_at: around.now,
    result: row === undefined ? null : "taken in",
    attempts: 0,
    next_at: row === undefined ? around.now + FIRST_PAUSE_MS : null,
  });
  if (isNew > 0 && row !== undefined) await takeIn(tx, row, event, around);
}

/** One run of the job: takes in what waits in the inbox. */
export async function processWebhooks(ctx: JobContext<Tables, "inventory", Settings>): Promise<boolean> {
  const limit = BATCH;
  if ((await ctx.read((db) => db.all(waitingWebhooks, { now: ctx.now(), limit: 1 }))).length === 0) return false;
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const waiting = await tx.all(waitingWebhooks, { now, limit });
    for (const webhook of waiting) {
      const row = await tx.first(shipmentTracked, { trackingNumber: webhook.tracking_number });
      const event = readEvent(webhook.payload);
      const isTaken = row !== undefined && event !== undefined;
      if (isTaken) await takeIn(tx, row, event, { now, log: ctx.log });
      const isOver = isTaken || webhook.attempts + 1 >= ATTEMPTS_MAX;
      if (isOver && !isTaken)
        ctx.log.error("a webhook of a parcel that never turned up", { eventId: webhook.event_id });
      const nextAt = isOver ? null : now + FIRST_PAUSE_MS * 2 ** webhook.attempts;
      await tx.run(saveWebhook, { eventId: webhook.event_id, result: isTaken ? "taken in" : "no such parcel", nextAt });
    }
    return waiting.length === limit;
  });
}

async function takeIn(tx: Tx<Tables>, row: ShipmentRow, { said }: CarrierSaid, { now, log }: Around): Promise<void> {
  if (said === undefined) return;
  const { shipment_id: shipmentId, order_id: orderId } = row;
  if (row.status === "cancelled") log.error("a parcel moves though its shipment was called off", { shipmentId });
  if (!(await carrierSaid(tx, row, said, now))) return;
  // It left without a word of ours. Its stock has left with it.
  const moved = await tx.first(shipmentById, { shipmentId });
  if (moved !== undefined) await tx.start(leave, { shipmentId, orderId }, await claim(tx, moved, now));
}

/** One run of the job: forgets what nobody needs any more. */
export function forget(ctx: JobContext<Tables, "inventory", Settings>): Promise<boolean> {
  return ctx.transaction(async (tx) => {
    await tx.run(forgetWebhooks, { before: ctx.now() - WEBHOOKS_KEPT_MS });
    await tx.run(forgetAddresses, { before: ctx.now() - ADDRESSES_KEPT_MS });
    return false;
  });
}
