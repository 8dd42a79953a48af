/** What inventory's contract speaks of. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Country, Quantity, Sku } from "../shared/mod.ts";

/** How many lines a command takes at most: it bounds the time that a transaction holds its rows. */
export const LINES_MAX = 100;

/** The order that stock is held for. */
export const OrderId = t.text({
  minLength: 1,
  maxLength: 64,
  description: "The order that stock is held for.",
});
/** The code of a location. */
export const LocationCode = t.text({
  minLength: 1,
  maxLength: 32,
  pattern: "^[a-z0-9][a-z0-9-]*$",
  description: "The code of a location.",
  examples: ["rotterdam"],
});
/** Why something was done, for the ledger. */
export const Reason = t.text({ minLength: 1, maxLength: 200, description: "Why, for the ledger." });
/** A number of pieces. */
export const Count = t.integer({ minimum: 0 });

/** Some pieces of a variant. */
export const Line = t.object({ sku: Sku, quantity: Quantity });
/** Some pieces of a variant. */
export type Line = TypeOf<typeof Line>;
/** The lines of an order, or of a part of it. */
export const Lines = t.array(Line, { minItems: 1, maxItems: LINES_MAX });

/** The states of a reservation. `held`, `committed` and `expired` may go on; `fulfilled` and `released` are final. */
export const RESERVATION_STATES = ["held", "committed", "fulfilled", "released", "expired"] as const;
/** The state of a reservation. */
export const ReservationState = t.oneOf(RESERVATION_STATES);

/** The kinds of movement: what changes the number of pieces on hand. */
export const MOVEMENT_KINDS = ["receive", "ship", "return", "adjust", "transfer", "write-off"] as const;

/** What is left of a variant, over all locations. */
export const Availability = t.object({
  sku: Sku,
  available: Count,
  status: t.oneOf(["in_stock", "low", "out_of_stock"]),
});
/** What is left of a variant, over all locations. */
export type Availability = TypeOf<typeof Availability>;

/** A place that stock is at. */
export const Location = t.object({
  code: LocationCode,
  name: t.text({ minLength: 1, maxLength: 100 }),
  country: Country,
  priority: t.integer({ minimum: 0, maximum: 1_000, description: "Lower serves first." }),
});
/** The stock of a variant at a location. */
export const Level = t.object({
  sku: Sku,
  location: LocationCode,
  onHand: Count,
  reserved: Count,
  allocated: Count,
  safety: t.integer({ minimum: 0, description: "Pieces never sold." }),
  lowAt: t.integer({ minimum: 0, description: "Reported as low at this many or fewer." }),
  available: Count,
});
/** A change of the number on hand. */
export const Movement = t.object({
  id: t.id(),
  sku: Sku,
  location: LocationCode,
  kind: t.oneOf(MOVEMENT_KINDS),
  quantity: t.integer({ description: "With sign: negative leaves." }),
  orderId: t.optional(OrderId),
  reason: t.text({ maxLength: 200 }),
  actor: t.text({ maxLength: 100 }),
  at: t.instant(),
});
/** What one location gives to an order. */
export const ReservationLine = t.object({
  sku: Sku,
  location: LocationCode,
  quantity: Quantity,
  fulfilled: Count,
  returned: Count,
});
/** The stock of an order. */
export const Reservation = t.object({
  id: t.id(),
  orderId: OrderId,
  state: ReservationState,
  reason: t.text({ maxLength: 200 }),
  expiresAt: t.instant(),
  updatedAt: t.instant(),
  lines: t.array(ReservationLine),
});
/** What became of an order's stock. */
export const State = t.object({ orderId: OrderId, state: ReservationState });
