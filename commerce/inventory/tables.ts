/** The tables of inventory, as `migrations/` makes them. */
import type { MOVEMENT_KINDS, RESERVATION_STATES } from "./schemas.ts";

/** A state of a reservation. */
export type ReservationState = (typeof RESERVATION_STATES)[number];
/** What changed the number on hand. */
export type MovementKind = (typeof MOVEMENT_KINDS)[number];

/** The stock of a variant at a location. `priority` is the location's, kept here to save the hot path a join. */
export interface LevelRow {
  sku: string;
  location: string;
  priority: number;
  on_hand: number;
  reserved: number;
  allocated: number;
  safety: number;
  low_at: number;
}

/** Stock of one order. A row without lines is a tombstone: the order was given up before it asked. */
export interface ReservationRow {
  id: string;
  order_id: string;
  state: ReservationState;
  reason: string;
  ttl_ms: number;
  expires_at: number;
  updated_at: number;
}

/** What one location gives to an order. */
export interface ReservationLineRow {
  reservation_id: string;
  sku: string;
  location: string;
  quantity: number;
  fulfilled: number;
  returned: number;
}

/** A change of the number on hand. */
export interface MovementRow {
  id: string;
  sku: string;
  location: string;
  kind: MovementKind;
  quantity: number;
  order_id: string | null;
  reason: string;
  actor: string;
  at: number;
}

/** The tables of inventory. */
export interface Tables {
  location: { code: string; name: string; country: string; priority: number };
  level: LevelRow;
  reservation: ReservationRow;
  reservation_line: ReservationLineRow;
  movement: MovementRow;
}
