/**
 * Tells the carrier what it has to be told. Every request may be repeated, so a crash between an answer and noting it
 * costs one more request. A task is never given up: what is refused is tried again each hour, and logged, because
 * somebody may have mended it.
 */
import type { JobContext } from "@isomer/kernel/runtime";
import type { Address } from "../shared/mod.ts";
import { type Carrier, type CarrierAnswer, LABEL_VOIDED, PARCEL_LEFT } from "./carrier.ts";
import type { Settings } from "./settings.ts";
import { type ShippingTx, labelBought } from "./shipments.ts";
import { type ShipmentRow, type Tables, type TaskRow, dropTask, dueTasks, putOffTask, shipmentById } from "./store.ts";

type Ctx = JobContext<Tables, "inventory", Settings>;

/** Requests under way at once. */
const BATCH = 10;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 5 * 60_000;
const REFUSED_PAUSE_MS = 3_600_000;

interface Work {
  readonly task: TaskRow;
  readonly row: ShipmentRow;
}

/** One run of the job: makes the requests that are due, then notes what came of them. */
export async function tellCarrier(carrier: Carrier, ctx: Ctx): Promise<boolean> {
  const due = await ctx.read((db) => findWork(db, ctx.now()));
  if (due.length === 0) return false;
  const answers = await Promise.all(due.map((work) => ask(carrier, work)));
  await ctx.transaction(async (tx) => {
    for (const [index, { task }] of due.entries()) {
      await note(tx, task, answers[index] ?? { kind: "unknown", reason: "not asked" }, ctx);
    }
  });
  return due.length === BATCH;
}

async function findWork(db: Pick<ShippingTx, "all" | "first">, now: number): Promise<Work[]> {
  const works: Work[] = [];
  for (const task of await db.all(dueTasks, { now, limit: BATCH })) {
    const row = await db.first(shipmentById, { shipmentId: task.shipment_id });
    if (row !== undefined) works.push({ task, row });
  }
  return works;
}

function ask(carrier: Carrier, { task, row }: Work): Promise<CarrierAnswer> {
  const shipmentId = row.shipment_id;
  switch (task.kind) {
    case "label": {
      const lines = JSON.parse(row.lines) as readonly { readonly quantity: number }[];
      const items = lines.reduce((sum, { quantity }) => sum + quantity, 0);
      const to = JSON.parse(row.address) as Address;
      return carrier.buyLabel({ shipmentId, service: row.option_code, items, to });
    }
    case "handover":
      return carrier.handOver(shipmentId);
    case "cancel":
      return carrier.cancel(shipmentId);
    default:
      return task.kind satisfies never;
  }
}

async function note(tx: ShippingTx, task: TaskRow, answer: CarrierAnswer, ctx: Ctx): Promise<void> {
  const { shipment_id: shipmentId, kind, attempts } = task;
  if (answer.kind === "done") {
    const row = await tx.first(shipmentById, { shipmentId });
    const { trackingNumber } = answer;
    // Also the answer to a cancellation tells it: of a label whose own answer was lost, webhooks will speak all the same.
    if (row !== undefined && trackingNumber !== undefined) {
      await labelBought(tx, row, { trackingNumber, now: ctx.now(), settings: ctx.settings });
    }
    await tx.run(dropTask, { shipmentId, kind });
    return;
  }
  const result = answer.kind === "refused" ? answer.code : answer.reason;
  const about = { shipmentId, task: kind, attempts: attempts + 1, result };
  if (isMoot(kind, result)) {
    if (kind === "cancel") ctx.log.error("a parcel is on its way though its shipment was called off", about);
    await tx.run(dropTask, { shipmentId, kind });
    return;
  }
  const isRefused = answer.kind === "refused";
  if (isRefused) ctx.log.error("the carrier refuses", about);
  else ctx.log.warn("the carrier does not answer", about);
  const pause = isRefused ? REFUSED_PAUSE_MS : Math.min(FIRST_PAUSE_MS * 2 ** attempts, PAUSE_MS_MAX);
  await tx.run(putOffTask, { shipmentId, kind, nextAt: ctx.now() + pause, result: result.slice(0, 200) });
}

/** Whether asking again is of no use: the label was voided by us, or the parcel that was to be stopped has left. */
function isMoot(kind: TaskRow["kind"], code: string): boolean {
  return (kind === "label" && code === LABEL_VOIDED) || (kind === "cancel" && code === PARCEL_LEFT);
}
