/** Invariants 1 to 7: stock, and what orders have of it. */
import { inventoryInvariants } from "../../inventory/invariants.ts";
import { type ShopData, type Violation, grouped, summed } from "./data.ts";
import { type OrderRecord, stands } from "./orders-log.ts";

interface Line {
  readonly order_id: string;
  readonly state: string;
  readonly sku: string;
  readonly quantity: number;
}

/** 1 to 7, as far as inventory alone can see them. With `overdueBefore`, holds that ran out before that moment too. */
export function stockAlone(data: ShopData, overdueBefore: number | undefined): Promise<readonly Violation[]> {
  return inventoryInvariants(data.connection("inventory"), overdueBefore === undefined ? {} : { overdueBefore });
}

/** 5: for each variant, what standing orders have bought is allocated or has left for good. */
export function stockSold(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const sold = summed(
    [...orders.values()].filter(stands).flatMap(({ draft }) => draft?.lines ?? []),
    ({ sku }) => sku,
    ({ quantity }) => quantity,
  );
  const gone = summed(
    data.rows<{ sku: string; gone: number }>(
      "inventory",
      `SELECT sku, SUM(gone) AS gone FROM (
         SELECT sku, allocated AS gone FROM level
         UNION ALL SELECT sku, -quantity AS gone FROM movement WHERE kind IN ('ship', 'return')) GROUP BY sku`,
    ),
    ({ sku }) => sku,
    (row) => row.gone,
  );
  return [...new Set([...sold.keys(), ...gone.keys()])]
    .filter((sku) => (sold.get(sku) ?? 0) !== (gone.get(sku) ?? 0))
    .map((sku) => ({
      invariant: 5,
      what: `standing orders have ${sold.get(sku) ?? 0}, allocated or gone are ${gone.get(sku) ?? 0}`,
      subject: sku,
    }));
}

/** 6: stock that is held or committed has an order to be for, and standing orders have theirs: the same pieces. */
export function stockOwners(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const lines = data.rows<Line>(
    "inventory",
    `SELECT r.order_id, r.state, rl.sku, SUM(rl.quantity) AS quantity
     FROM reservation r JOIN reservation_line rl ON rl.reservation_id = r.id GROUP BY r.order_id, r.state, rl.sku`,
  );
  const reserved = grouped(lines, (line) => line.order_id);
  const found: Violation[] = [];
  for (const [orderId, [first]] of reserved) {
    if (first?.state === "held" && !orders.has(orderId)) {
      found.push({ invariant: 6, what: "stock is held for an order that is not there", subject: `order ${orderId}` });
    }
  }
  for (const order of orders.values()) {
    if (order.draft === undefined || !stands(order)) continue;
    const has = reserved.get(order.orderId) ?? [];
    const subject = `order ${order.orderId}`;
    const state = has[0]?.state ?? "absent";
    if (state !== "committed" && state !== "fulfilled") {
      found.push({ invariant: 6, what: `the order stands, its stock is ${state}`, subject });
    } else if (pieces(has) !== pieces(order.draft.lines)) {
      found.push({
        invariant: 6,
        what: `ordered were ${pieces(order.draft.lines)}, reserved are ${pieces(has)}`,
        subject,
      });
    }
  }
  return found;
}

function pieces(lines: readonly { readonly sku: string; readonly quantity: number }[]): string {
  const bySku = summed(
    lines,
    ({ sku }) => sku,
    ({ quantity }) => quantity,
  );
  return [...bySku]
    .map(([sku, quantity]) => `${quantity} ${sku}`)
    .toSorted()
    .join(", ");
}

/** 14: orders that do not stand keep no stock. */
export function stockOfLosers(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  return data
    .rows<{ order_id: string; state: string }>(
      "inventory",
      "SELECT order_id, state FROM reservation WHERE state IN ('held', 'committed', 'fulfilled')",
    )
    .filter(({ order_id: id }) => {
      const order = orders.get(id);
      return order === undefined || !stands(order);
    })
    .map(({ order_id: id, state }) => ({
      invariant: 14,
      what: `the order is ${orders.get(id)?.lifecycle ?? "unknown"}, its stock ${state}`,
      subject: `order ${id}`,
    }));
}
