/** What inventory decides: no clock, no store, no identifiers. */
import type { Line } from "./contract.ts";
import type { LevelRow, ReservationLineRow, ReservationState } from "./tables.ts";

/** What of a level counts for the question how much can be sold. */
export type Stock = Pick<LevelRow, "location" | "priority" | "on_hand" | "reserved" | "allocated" | "safety">;

/** What one location gives to a line. */
export interface Part {
  readonly location: string;
  readonly quantity: number;
}

/** How a line is served, or how much there would be. */
export type LinePlan =
  | { readonly kind: "take"; readonly parts: readonly Part[] }
  | { readonly kind: "short"; readonly left: number };

/** How many pieces of a level can be promised: safety stock is never sold. */
export function availableAt(level: Readonly<Omit<Stock, "location" | "priority">>): number {
  return Math.max(0, level.on_hand - level.reserved - level.allocated - level.safety);
}

/** How many pieces can be promised over several levels of one variant. */
export function availableOver(levels: readonly Readonly<Stock>[]): number {
  return levels.reduce((total, level) => total + availableAt(level), 0);
}

/**
 * Chooses where a line comes from: the first location by priority that has all of it, because one parcel is cheaper
 * than two; else the fewest, fullest first.
 */
export function planLine(levels: readonly Readonly<Stock>[], quantity: number): LinePlan {
  const stocked = levels
    .map((level) => ({
      location: level.location,
      priority: level.priority,
      available: availableAt(level),
    }))
    .filter((level) => level.available > 0)
    .toSorted((a, b) => a.priority - b.priority || (a.location < b.location ? -1 : 1));
  const whole = stocked.find((level) => level.available >= quantity);
  if (whole !== undefined) return { kind: "take", parts: [{ location: whole.location, quantity }] };
  const parts: Part[] = [];
  let missing = quantity;
  for (const level of stocked.toSorted((a, b) => b.available - a.available)) {
    const taken = Math.min(missing, level.available);
    parts.push({ location: level.location, quantity: taken });
    missing -= taken;
    if (missing === 0) return { kind: "take", parts };
  }
  return { kind: "short", left: quantity - missing };
}

/**
 * Lines with one entry per variant, in sku order: two lines of one variant ask for their sum, and transactions that
 * take several rows take them in the same order, so that they cannot wait for one another in a circle.
 */
export function mergeLines(lines: readonly Line[]): Line[] {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity })).toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** Whether two sets of lines ask for the same. Both merged. */
export function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  return (
    a.length === b.length && a.every((line, index) => line.sku === b[index]?.sku && line.quantity === b[index].quantity)
  );
}

/** What an order asks to do with its stock. */
export type Request = "reserve" | "commit" | "release" | "fulfil" | "expire";

/**
 * What becomes of a reservation: go on to another state, stay because it is done already, take the stock anew, or
 * refuse.
 */
export type Verdict = "go" | "done" | "retake" | "refuse";

const VERDICTS: Readonly<Record<Request, Readonly<Record<ReservationState, Verdict>>>> = {
  reserve: {
    held: "done",
    committed: "done",
    fulfilled: "done",
    released: "refuse",
    expired: "refuse",
  },
  // An order that was paid while the system stood still must not fail for a hold that ran out meanwhile.
  commit: {
    held: "go",
    committed: "done",
    fulfilled: "done",
    released: "refuse",
    expired: "retake",
  },
  release: { held: "go", committed: "go", fulfilled: "done", released: "done", expired: "go" },
  fulfil: {
    held: "refuse",
    committed: "go",
    fulfilled: "done",
    released: "refuse",
    expired: "refuse",
  },
  expire: { held: "go", committed: "done", fulfilled: "done", released: "done", expired: "done" },
};

/** Decides on a request about a reservation in a state. */
export function decide(request: Request, state: ReservationState): Verdict {
  return VERDICTS[request][state];
}

/** What remains to leave of a reservation's line. */
export function openOf(line: Readonly<ReservationLineRow>): number {
  return line.quantity - line.fulfilled;
}

/** What can still come back of a reservation's line. */
export function returnableOf(line: Readonly<ReservationLineRow>): number {
  return line.fulfilled - line.returned;
}

/** What to take from each line of a reservation, and the first variant of which there is not enough. */
export type Spread =
  | {
      readonly kind: "take";
      readonly parts: readonly { line: Readonly<ReservationLineRow>; quantity: number }[];
    }
  | {
      readonly kind: "exceeded";
      readonly sku: string;
      readonly asked: number;
      readonly left: number;
    };

/** Spreads pieces over the lines of a reservation, up to what `roomOf` each says. */
export function spread(
  asked: readonly Line[],
  lines: readonly Readonly<ReservationLineRow>[],
  roomOf: (line: Readonly<ReservationLineRow>) => number,
): Spread {
  const parts: { line: Readonly<ReservationLineRow>; quantity: number }[] = [];
  for (const { sku, quantity } of mergeLines(asked)) {
    let missing = quantity;
    for (const line of lines) {
      const taken = line.sku === sku ? Math.min(missing, roomOf(line)) : 0;
      if (taken > 0) parts.push({ line, quantity: taken });
      missing -= taken;
    }
    if (missing > 0) return { kind: "exceeded", sku, asked: quantity, left: quantity - missing };
  }
  return { kind: "take", parts };
}

/** What a change of a variant's available pieces means to those who watch it. */
export type Signal = "out" | "low" | "back";

/** The signal of a change, if it crossed a mark. */
export function signalOf(before: number, after: number, lowAt: number): Signal | undefined {
  if (before === 0 && after > 0) return "back";
  if (before > 0 && after === 0) return "out";
  if (before > lowAt && after <= lowAt) return "low";
  return undefined;
}

/** How a number of available pieces is called. */
export function statusOf(available: number, lowAt: number): "in_stock" | "low" | "out_of_stock" {
  if (available === 0) return "out_of_stock";
  return available <= lowAt ? "low" : "in_stock";
}
