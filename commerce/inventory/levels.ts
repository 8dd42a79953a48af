/** What people who run the warehouse do: locations, arrivals, corrections, transfers. */
import { LocationTaken, NoLocation, StockHeld } from "./contract.ts";
import { availableAt } from "./domain.ts";
import { type Around, type Movement, type StockTx, record, tellChange } from "./stock.ts";
import { addLocation, changeOnHand, levelAt, locationOf, openLevel, setPolicy as writePolicy } from "./store.ts";
import type { LevelRow } from "./tables.ts";

/** When a level counts as low unless somebody says. */
export const LOW_AT = 5;

interface Place {
  readonly sku: string;
  readonly location: string;
}

/** A level as the contract shows it. */
export function levelView(row: LevelRow) {
  return {
    sku: row.sku,
    location: row.location,
    onHand: row.on_hand,
    reserved: row.reserved,
    allocated: row.allocated,
    safety: row.safety,
    lowAt: row.low_at,
    available: availableAt(row),
  };
}

/** Adds a location. */
export async function createLocation(
  tx: StockTx,
  location: {
    readonly code: string;
    readonly name: string;
    readonly country: string;
    readonly priority: number;
  },
): Promise<{ code: string }> {
  const added = await tx.run(addLocation, { ...location });
  if (added === 0) throw LocationTaken.with({ location: location.code });
  return { code: location.code };
}

interface Arrival extends Place {
  readonly quantity: number;
  readonly safety?: number | undefined;
  readonly lowAt?: number | undefined;
}

/** Takes pieces in from suppliers. */
export async function receive(
  tx: StockTx,
  { lines, reason }: { readonly lines: readonly Arrival[]; readonly reason: string },
  around: Around,
): Promise<{ received: number }> {
  let received = 0;
  // In the order in which orders take rows, so that neither waits for the other in a circle.
  for (const line of lines.toSorted((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : 0))) {
    const isNew = await open(tx, line, line);
    await change(tx, { ...line, kind: "receive", reason }, around);
    // The first arrival ever is nothing that anybody waited for.
    if (!isNew) await tellChange(tx, line.sku, line.quantity);
    received += line.quantity;
  }
  return { received };
}

/** Corrects what is on hand. */
export async function adjust(
  tx: StockTx,
  input: Place & {
    readonly change: number;
    readonly kind: "adjust" | "write-off";
    readonly reason: string;
  },
  around: Around,
) {
  await open(tx, input, {});
  await change(tx, { ...input, quantity: input.change }, around);
  await tellChange(tx, input.sku, input.change);
  return view(tx, input);
}

/** Moves pieces between locations: two movements that sum to zero. */
export async function transfer(
  tx: StockTx,
  input: {
    readonly sku: string;
    readonly from: string;
    readonly to: string;
    readonly quantity: number;
    readonly reason: string;
  },
  around: Around,
) {
  const { sku, quantity, reason } = input;
  const from = { sku, location: input.from };
  const to = { sku, location: input.to };
  await open(tx, from, {});
  await open(tx, to, {});
  await change(tx, { ...from, kind: "transfer", quantity: -quantity, reason }, around);
  await change(tx, { ...to, kind: "transfer", quantity, reason }, around);
  return { from: await view(tx, from), to: await view(tx, to) };
}

/** Sets the marks of a level. */
export async function setPolicy(tx: StockTx, input: Place & { readonly safety: number; readonly lowAt: number }) {
  await open(tx, input, input);
  await tx.run(writePolicy, {
    sku: input.sku,
    location: input.location,
    safety: input.safety,
    lowAt: input.lowAt,
  });
  return view(tx, input);
}

/** Makes the level known; resolves to whether it was not. @throws {NoLocation} */
async function open(
  tx: StockTx,
  { sku, location }: Place,
  { safety = 0, lowAt = LOW_AT }: { readonly safety?: number | undefined; readonly lowAt?: number | undefined },
): Promise<boolean> {
  const known = await tx.first(locationOf, { code: location });
  if (known === undefined) throw NoLocation.with({ location });
  return (await tx.run(openLevel, { sku, location, priority: known.priority, safety, lowAt })) === 1;
}

async function change(tx: StockTx, movement: Movement, around: Around): Promise<void> {
  if (movement.quantity === 0) return;
  const { sku, location, quantity } = movement;
  const changed = await tx.run(changeOnHand, { sku, location, change: quantity });
  if (changed === 0) throw StockHeld.with({ sku, location, asked: -quantity, free: await freeAt(tx, movement) });
  await record(tx, movement, around);
}

async function freeAt(tx: StockTx, { sku, location }: Place): Promise<number> {
  const row = await tx.first(levelAt, { sku, location });
  return row === undefined ? 0 : row.on_hand - row.reserved - row.allocated;
}

async function view(tx: StockTx, { sku, location }: Place) {
  const row = await tx.first(levelAt, { sku, location });
  if (row === undefined) throw new TypeError(`The level of ${sku} at ${location} vanished in its own transaction.`);
  return levelView(row);
}
