/**
 * Where a parcel is, from everything that was said of it: a pure function of a set, not of the order of arrival.
 *
 * The entry that counts is the greatest by stage, then by the time when it was so. So whatever arrives late, twice or
 * shuffled leads to the same status; an old scan never takes a parcel back, and a parcel that arrived stays there.
 */
import type { SHIPMENT_STATUSES } from "./contract.ts";

/** Where a shipment stands. */
export type Status = (typeof SHIPMENT_STATUSES)[number];

/** One thing that was said of a parcel. */
export interface Entry {
  /** Tells entries of one shipment apart, wherever and however often they arrive. */
  readonly entry_id: string;
  readonly status: Status;
  /** When it was so, milliseconds since 1970: the carrier's time for what the carrier said. */
  readonly at: number;
}

/**
 * How far a status is. Within a stage the latest counts: a parcel on its way may go from one to another and back, as
 * with an exception that is mended.
 */
const STAGE: Readonly<Record<Status, number>> = {
  draft: 0,
  label_bought: 1,
  ready: 2,
  shipped: 3,
  in_transit: 4,
  exception: 4,
  out_for_delivery: 4,
  available_for_pickup: 4,
  // A lost parcel may be found.
  lost: 5,
  delivered: 6,
  // Carriers tell the arrival back at the sender as a delivery too.
  returned_to_sender: 7,
  cancelled: 8,
};

/** What decides between entries of one stage and one moment. */
const RANK: Readonly<Partial<Record<Status, number>>> = {
  in_transit: 1,
  exception: 2,
  out_for_delivery: 3,
  available_for_pickup: 4,
};

/** The entry that says where the parcel is; undefined when nothing was said. */
export function latest<E extends Entry>(entries: readonly E[]): E | undefined {
  let best: E | undefined;
  for (const entry of entries) if (best === undefined || outweighs(entry, best)) best = entry;
  return best;
}

/** The status of a shipment, given all that was said of it. */
export function statusOf(entries: readonly Entry[]): Status {
  return latest(entries)?.status ?? "draft";
}

/** The entries as they happened, whenever they became known. */
export function inOrder<E extends Entry>(entries: readonly E[]): E[] {
  return entries.toSorted((a, b) => a.at - b.at || STAGE[a.status] - STAGE[b.status] || byId(a, b));
}

/** Whether the parcel has left, or the shipment is over: nothing can be stopped any more. */
export function hasLeft(status: Status): boolean {
  return STAGE[status] >= STAGE.shipped;
}

/** Whether the carrier has the parcel, whatever the shop believes. */
export function isCarriers(status: Status): boolean {
  return STAGE[status] > STAGE.shipped && status !== "cancelled";
}

/** Whether nothing more is to be expected. */
export function isOver(status: Status): boolean {
  return status === "delivered" || status === "returned_to_sender" || status === "cancelled";
}

function outweighs(a: Entry, b: Entry): boolean {
  const order =
    STAGE[a.status] - STAGE[b.status] || a.at - b.at || (RANK[a.status] ?? 0) - (RANK[b.status] ?? 0) || byId(a, b);
  return order > 0;
}

function byId(a: Entry, b: Entry): number {
  return a.entry_id < b.entry_id ? -1 : a.entry_id > b.entry_id ? 1 : 0;
}
