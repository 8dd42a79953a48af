/**
 * Stock of orders: held, committed, fulfilled, released, expired.
 *
 * Holds, across a crash at any point, because each function is one transaction:
 *  - an order has at most one reservation, and all of its lines or none;
 *  - the counters of a level are the sums of the lines that it gives;
 *  - an order that was given up, even before it asked, gets no stock any more.
 */
import { toInstant } from "@isomer/kernel/std";
import {
  Contended,
  type Line,
  LineExceeded,
  NoReservation,
  ReservationClosed,
  ReservationDiffers,
  inventory,
} from "./contract.ts";
import { decide, mergeLines, openOf, returnableOf, sameLines, spread } from "./domain.ts";
import { type Around, type StockTx, record, takeLines, tellChange } from "./stock.ts";
import {
  addReservation,
  allocate,
  changeOnHand,
  countLine,
  dropLines,
  expiredAt,
  giveBackAllocated,
  giveBackReserved,
  linesOf,
  moveReservation,
  reservationOf,
  ship,
} from "./store.ts";
import type { ReservationLineRow, ReservationRow, ReservationState } from "./tables.ts";

/** What became of an order's stock. */
export interface Outcome {
  orderId: string;
  state: ReservationState;
}

/** Holds all lines for an order, or throws {@link StockShort}. An order that asks again is told the same. */
export async function reserve(
  tx: StockTx,
  { orderId, lines, ttlMs }: { readonly orderId: string; readonly lines: readonly Line[]; readonly ttlMs: number },
  around: Around,
): Promise<{ reservationId: string; expiresAt: string }> {
  const asked = mergeLines(lines);
  const row = newRow(orderId, "held", "", around);
  const expiresAt = row.updated_at + ttlMs;
  const added = await tx.run(addReservation, { ...row, ttl_ms: ttlMs, expires_at: expiresAt });
  if (added === 0) return reservedBefore(tx, orderId, asked);
  await takeLines(tx, row.id, asked);
  return held(tx, row, asked, expiresAt);
}

async function held(tx: StockTx, row: Pick<ReservationRow, "id" | "order_id">, lines: Line[], expiresAtMs: number) {
  const expiresAt = toInstant(expiresAtMs);
  await tx.emit(inventory.events.stockReserved, {
    orderId: row.order_id,
    reservationId: row.id,
    lines,
    expiresAt,
  });
  return { reservationId: row.id, expiresAt };
}

async function reservedBefore(tx: StockTx, orderId: string, asked: readonly Line[]) {
  const row = await find(tx, orderId);
  if (decide("reserve", row.state) === "refuse") throw ReservationClosed.with({ orderId, state: row.state });
  const has = mergeLines(await tx.all(linesOf, { id: row.id }));
  if (!sameLines(asked, has)) throw ReservationDiffers.with({ orderId });
  return { reservationId: row.id, expiresAt: toInstant(row.expires_at) };
}

/** Allocates what an order holds. Holds that expired are taken anew, or {@link StockShort} is thrown. */
export async function commit(tx: StockTx, orderId: string, around: Around): Promise<Outcome> {
  const row = await find(tx, orderId);
  const verdict = decide("commit", row.state);
  if (verdict === "refuse") throw ReservationClosed.with({ orderId, state: row.state });
  if (verdict === "done") return { orderId, state: row.state };
  await move(tx, row, { to: "committed", reason: "paid" }, around);
  if (verdict === "retake") await retake(tx, row);
  for (const { sku, location, quantity } of await tx.all(linesOf, { id: row.id })) {
    await tx.run(allocate, { sku, location, quantity });
  }
  await tx.emit(inventory.events.stockCommitted, { orderId, reservationId: row.id });
  return { orderId, state: "committed" };
}

async function retake(tx: StockTx, row: ReservationRow): Promise<void> {
  const lines = mergeLines(await tx.all(linesOf, { id: row.id }));
  await tx.run(dropLines, { id: row.id });
  await takeLines(tx, row.id, lines);
  await held(tx, row, lines, row.expires_at);
}

/** Gives back what an order holds and has not shipped. An order without stock gets a tombstone: it never will have. */
export async function release(tx: StockTx, orderId: string, reason: string, around: Around): Promise<Outcome> {
  let row = await tx.first(reservationOf, { orderId });
  if (row === undefined) {
    const tombstone = newRow(orderId, "released", reason, around);
    const added = await tx.run(addReservation, {
      ...tombstone,
      ttl_ms: 0,
      expires_at: tombstone.updated_at,
    });
    if (added === 1) return { orderId, state: "released" };
    row = await find(tx, orderId);
  }
  if (decide("release", row.state) === "done") return { orderId, state: row.state };
  await move(tx, row, { to: "released", reason: reason }, around);
  await giveBack(tx, row);
  await tx.emit(inventory.events.stockReleased, { orderId, reservationId: row.id, reason });
  return { orderId, state: "released" };
}

/** Gives the pieces of a reservation back that its state, before it moved on, had set aside. */
async function giveBack(tx: StockTx, { id, state }: ReservationRow): Promise<void> {
  if (state === "expired") return;
  const statement = state === "held" ? giveBackReserved : giveBackAllocated;
  const back = new Map<string, number>();
  for (const line of await tx.all(linesOf, { id })) {
    const quantity = openOf(line);
    if (quantity === 0) continue;
    await tx.run(statement, { sku: line.sku, location: line.location, quantity });
    back.set(line.sku, (back.get(line.sku) ?? 0) + quantity);
  }
  for (const [sku, quantity] of back) await tellChange(tx, sku, quantity);
}

/** Ships allocated pieces: those asked for, or all that remain. */
export async function fulfil(
  tx: StockTx,
  { orderId, lines }: { readonly orderId: string; readonly lines?: readonly Line[] | undefined },
  around: Around,
): Promise<Outcome> {
  const row = await find(tx, orderId);
  const verdict = decide("fulfil", row.state);
  if (verdict === "refuse") throw ReservationClosed.with({ orderId, state: row.state });
  const has = await tx.all(linesOf, { id: row.id });
  for (const { line, quantity } of partsOf(orderId, lines ?? remaining(has), has, openOf)) {
    const { sku, location } = line;
    await tx.run(ship, { sku, location, quantity });
    await tx.run(countLine, { id: row.id, sku, location, fulfilled: quantity, returned: 0 });
    await record(tx, { sku, location, kind: "ship", quantity: -quantity, orderId, reason: "shipped" }, around);
  }
  const left = (await tx.all(linesOf, { id: row.id })).some((line) => openOf(line) > 0);
  if (left || row.state === "fulfilled") return { orderId, state: row.state };
  await move(tx, row, { to: "fulfilled", reason: "shipped" }, around);
  return { orderId, state: "fulfilled" };
}

function remaining(lines: readonly ReservationLineRow[]): Line[] {
  return lines.map((line) => ({ sku: line.sku, quantity: openOf(line) })).filter((line) => line.quantity > 0);
}

/** Takes shipped pieces back where they came from. */
export async function restock(
  tx: StockTx,
  { orderId, lines, reason }: { readonly orderId: string; readonly lines: readonly Line[]; readonly reason: string },
  around: Around,
): Promise<Outcome> {
  const row = await find(tx, orderId);
  const has = await tx.all(linesOf, { id: row.id });
  for (const { line, quantity } of partsOf(orderId, lines, has, returnableOf)) {
    const { sku, location } = line;
    await tx.run(changeOnHand, { sku, location, change: quantity });
    await tx.run(countLine, { id: row.id, sku, location, fulfilled: 0, returned: quantity });
    await record(tx, { sku, location, kind: "return", quantity, orderId, reason }, around);
    await tellChange(tx, sku, quantity);
  }
  return { orderId, state: row.state };
}

function partsOf(
  orderId: string,
  asked: readonly Line[],
  has: readonly ReservationLineRow[],
  roomOf: (line: Readonly<ReservationLineRow>) => number,
) {
  const plan = spread(asked, has, roomOf);
  if (plan.kind === "take") return plan.parts;
  throw LineExceeded.with({ orderId, sku: plan.sku, asked: plan.asked, left: plan.left });
}

/** Expires at most `limit` holds whose time is over; resolves to how many it found. */
export async function expire(tx: StockTx, limit: number, around: Around): Promise<number> {
  const rows = await tx.all(expiredAt, { now: around.now(), limit });
  for (const row of rows) {
    await move(tx, row, { to: "expired", reason: "not paid in time" }, around);
    await giveBack(tx, row);
    await tx.emit(inventory.events.stockExpired, { orderId: row.order_id, reservationId: row.id });
  }
  return rows.length;
}

async function find(tx: StockTx, orderId: string): Promise<ReservationRow> {
  const row = await tx.first(reservationOf, { orderId });
  if (row === undefined) throw NoReservation.with({ orderId });
  return row;
}

/** Moves a reservation on from the state that was read: whoever moved it in between wins, and this is repeated. */
async function move(
  tx: StockTx,
  row: ReservationRow,
  { to, reason }: { readonly to: ReservationState; readonly reason: string },
  around: Around,
): Promise<void> {
  const moved = await tx.run(moveReservation, {
    id: row.id,
    from: row.state,
    to,
    reason,
    expiresAt: row.expires_at,
    now: around.now(),
  });
  if (moved === 0) throw Contended.with({ subject: `order ${row.order_id}` });
}

function newRow(orderId: string, state: ReservationState, reason: string, { ids, now }: Around) {
  return { id: ids.next(), order_id: orderId, state, reason, updated_at: now() };
}
