/**
 * The invariants of stock (`reference/commerce.md` (iii) 1–7), as far as inventory alone can see them. Each is a
 * query for what breaks it, so a healthy shop gives no rows. Run by the `audit` query, and by tests that crash hosts,
 * which open the database's file themselves.
 */
import type { SqlConnection } from "@isomer/kernel/store";

/** Something that must not be so. */
export interface Violation {
  /** The number of the invariant. */
  invariant: number;
  what: string;
  /** The level, variant or order that it is about. */
  subject: string;
}

/** How many violations of each check are listed. */
const LISTED_MAX = 20;

interface Check {
  readonly invariant: number;
  readonly what: string;
  /** Rows with a text `subject` break the invariant. */
  readonly sql: string;
}

const CHECKS: readonly Check[] = [
  {
    invariant: 1,
    what: "a counter is below zero",
    sql: "SELECT sku || ' at ' || location AS subject FROM level WHERE on_hand < 0 OR reserved < 0 OR allocated < 0",
  },
  {
    invariant: 2,
    what: "more is promised than is on hand",
    sql: "SELECT sku || ' at ' || location AS subject FROM level WHERE reserved + allocated > on_hand",
  },
  {
    invariant: 3,
    what: "the counters differ from the reservations",
    sql: `
      SELECT l.sku || ' at ' || l.location AS subject FROM level l LEFT JOIN (
        SELECT rl.sku, rl.location,
          SUM(CASE WHEN r.state = 'held' THEN rl.quantity ELSE 0 END) AS held,
          SUM(CASE WHEN r.state = 'committed' THEN rl.quantity - rl.fulfilled ELSE 0 END) AS committed
        FROM reservation_line rl JOIN reservation r ON r.id = rl.reservation_id GROUP BY rl.sku, rl.location
      ) s ON s.sku = l.sku AND s.location = l.location
      WHERE l.reserved <> COALESCE(s.held, 0) OR l.allocated <> COALESCE(s.committed, 0)`,
  },
  {
    invariant: 3,
    what: "a reservation names a level that is unknown",
    sql: `
      SELECT rl.sku || ' at ' || rl.location AS subject FROM reservation_line rl
      WHERE NOT EXISTS (SELECT 1 FROM level l WHERE l.sku = rl.sku AND l.location = rl.location)`,
  },
  {
    invariant: 4,
    what: "on hand is not the sum of the movements",
    sql: `
      SELECT l.sku || ' at ' || l.location AS subject FROM level l LEFT JOIN (
        SELECT sku, location, SUM(quantity) AS total FROM movement GROUP BY sku, location
      ) m ON m.sku = l.sku AND m.location = l.location
      WHERE l.on_hand <> COALESCE(m.total, 0)`,
  },
  {
    invariant: 4,
    what: "transfers do not sum to zero",
    sql: "SELECT sku AS subject FROM movement WHERE kind = 'transfer' GROUP BY sku HAVING SUM(quantity) <> 0",
  },
  {
    invariant: 5,
    what: "the ledger and the reservations disagree on what was shipped or came back",
    sql: `
      SELECT s.order_id || ': ' || s.sku AS subject FROM (
        SELECT r.order_id, rl.sku, SUM(rl.fulfilled) AS fulfilled, SUM(rl.returned) AS returned
        FROM reservation_line rl JOIN reservation r ON r.id = rl.reservation_id GROUP BY r.order_id, rl.sku
      ) s LEFT JOIN (
        SELECT order_id, sku,
          SUM(CASE WHEN kind = 'ship' THEN -quantity ELSE 0 END) AS shipped,
          SUM(CASE WHEN kind = 'return' THEN quantity ELSE 0 END) AS came_back
        FROM movement WHERE order_id IS NOT NULL GROUP BY order_id, sku
      ) m ON m.order_id = s.order_id AND m.sku = s.sku
      WHERE s.fulfilled <> COALESCE(m.shipped, 0) OR s.returned <> COALESCE(m.came_back, 0)`,
  },
  {
    invariant: 5,
    what: "pieces left for, or came back from, an order that has none",
    sql: `
      SELECT COALESCE(m.order_id, 'no order') || ': ' || m.sku AS subject FROM movement m
      WHERE m.kind IN ('ship', 'return') AND NOT EXISTS (
        SELECT 1 FROM reservation r JOIN reservation_line rl ON rl.reservation_id = r.id
        WHERE r.order_id = m.order_id AND rl.sku = m.sku)`,
  },
  {
    invariant: 6,
    what: "stock is held or allocated without an owner, or an owner holds nothing",
    sql: `
      SELECT r.id AS subject FROM reservation r
      WHERE r.order_id = '' OR (r.state IN ('held', 'committed', 'fulfilled') AND NOT EXISTS (
        SELECT 1 FROM reservation_line rl WHERE rl.reservation_id = r.id))`,
  },
  {
    invariant: 6,
    what: "a fulfilled order has pieces that did not leave, or one that was never paid has pieces that did",
    sql: `
      SELECT r.order_id AS subject FROM reservation r JOIN reservation_line rl ON rl.reservation_id = r.id
      WHERE (r.state = 'fulfilled' AND rl.fulfilled < rl.quantity) OR (r.state IN ('held', 'expired') AND rl.fulfilled > 0)
      GROUP BY r.order_id`,
  },
  {
    invariant: 7,
    what: "more was sold than there ever was",
    sql: `
      SELECT s.sku AS subject FROM (
        SELECT rl.sku, SUM(CASE WHEN r.state IN ('held', 'committed', 'fulfilled')
          THEN rl.quantity - rl.returned ELSE rl.fulfilled - rl.returned END) AS sold
        FROM reservation_line rl JOIN reservation r ON r.id = rl.reservation_id GROUP BY rl.sku
      ) s LEFT JOIN (
        SELECT sku, SUM(quantity) AS stocked FROM movement WHERE kind NOT IN ('ship', 'return') GROUP BY sku
      ) m ON m.sku = s.sku
      WHERE s.sold > COALESCE(m.stocked, 0)`,
  },
];

const OVERDUE = "SELECT order_id AS subject FROM reservation WHERE state = 'held' AND expires_at < ?";

/**
 * What is broken in an inventory database. With `overdueBefore` (milliseconds since 1970), holds that ran out before
 * it and were not swept count too: give the moment less the sweep interval.
 */
export async function inventoryInvariants(
  db: Pick<SqlConnection, "all">,
  { overdueBefore }: { readonly overdueBefore?: number } = {},
): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { invariant, what, sql } of CHECKS) {
    const rows = await db.all<{ subject: string }>(sql);
    found.push(...rows.slice(0, LISTED_MAX).map(({ subject }) => ({ invariant, what, subject })));
  }
  if (overdueBefore !== undefined) {
    const rows = await db.all<{ subject: string }>(OVERDUE, [overdueBefore]);
    const what = "stock is held past its time";
    found.push(...rows.slice(0, LISTED_MAX).map(({ subject }) => ({ invariant: 6, what, subject })));
  }
  return found;
}
