/** How levels change: each number by one guarded statement, so that no two buyers get the same piece. */
import type { EventWriter } from "@isomer/kernel/events";
import type { Ids } from "@isomer/kernel/std";
import { Contended, type Line, StockShort, inventory } from "./contract.ts";
import { type Part, availableOver, planLine, signalOf } from "./domain.ts";
import { addLine, addMovement, levelsOf, take } from "./store.ts";
import type { LevelRow, MovementKind, Tables } from "./tables.ts";

/** The transaction that inventory works in. */
export type StockTx = EventWriter<Tables>;

/** What surrounds a change. */
export interface Around {
  readonly now: () => number;
  readonly ids: Ids;
  /** Who makes it: goes into the ledger. */
  readonly actor: string;
}

/** How often a line is planned anew because others took what it was to get. Only PostgreSQL can come to this. */
const PLANS_MAX = 10;

/**
 * Sets all lines aside for a reservation. Merged lines, in sku order.
 * @throws {StockShort} for the first line that cannot be served; the caller's transaction rolls the others back.
 */
export async function takeLines(tx: StockTx, reservationId: string, lines: readonly Line[]): Promise<void> {
  for (const line of lines) await takeLine(tx, reservationId, line);
}

async function takeLine(tx: StockTx, reservationId: string, { sku, quantity }: Line): Promise<void> {
  let taken = 0;
  for (let plans = 0; plans < PLANS_MAX; plans += 1) {
    const levels = await tx.all(levelsOf, { sku });
    const plan = planLine(levels, quantity - taken);
    if (plan.kind === "short") throw StockShort.with({ sku, asked: quantity, left: plan.left + taken });
    taken += await takeParts(tx, reservationId, sku, plan.parts);
    if (taken === quantity) {
      const before = availableOver(levels);
      await tell(tx, sku, {
        before,
        after: before - plan.parts.reduce((sum, part) => sum + part.quantity, 0),
        levels,
      });
      return;
    }
  }
  throw Contended.with({ subject: sku });
}

/** Takes parts up to the first that somebody else was faster for; resolves to how many pieces it took. */
async function takeParts(tx: StockTx, id: string, sku: string, parts: readonly Part[]): Promise<number> {
  let taken = 0;
  for (const { location, quantity } of parts) {
    const changed = await tx.run(take, { sku, location, quantity });
    if (changed === 0) return taken;
    await tx.run(addLine, { id, sku, location, quantity });
    taken += quantity;
  }
  return taken;
}

/** Tells those who watch a variant what a change of its available pieces by `change` means. Call it after the change. */
export async function tellChange(tx: StockTx, sku: string, change: number): Promise<void> {
  if (change === 0) return;
  const levels = await tx.all(levelsOf, { sku });
  const after = availableOver(levels);
  await tell(tx, sku, { before: Math.max(0, after - change), after, levels });
}

interface Change {
  readonly before: number;
  readonly after: number;
  readonly levels: readonly LevelRow[];
}

async function tell(tx: StockTx, sku: string, { before, after, levels }: Change): Promise<void> {
  const lowAt = levels.reduce((sum, level) => sum + level.low_at, 0);
  switch (signalOf(before, after, lowAt)) {
    case "out":
      await tx.emit(inventory.events.stockOut, { sku });
      break;
    case "low":
      await tx.emit(inventory.events.stockLow, { sku, available: after });
      break;
    case "back":
      await tx.emit(inventory.events.stockBack, { sku, available: after });
      break;
    case undefined:
      break;
  }
}

/** A change of what is on hand, as the ledger keeps it. */
export interface Movement {
  readonly sku: string;
  readonly location: string;
  readonly kind: MovementKind;
  readonly quantity: number;
  readonly orderId?: string;
  readonly reason: string;
}

/** Adds to the ledger. Whoever changes `on_hand` calls it in the same transaction. */
export async function record(tx: StockTx, movement: Movement, around: Around): Promise<void> {
  await tx.run(addMovement, {
    id: around.ids.next(),
    sku: movement.sku,
    location: movement.location,
    kind: movement.kind,
    quantity: movement.quantity,
    order_id: movement.orderId ?? null,
    reason: movement.reason,
    actor: around.actor,
    at: around.now(),
  });
}
