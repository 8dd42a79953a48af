/**
 * The orders as their log tells them, folded by a table of its own: what the service keeps in its view, and how it
 * decides, is not believed.
 */
import type { ShopData, Violation } from "./data.ts";

/** An amount as the shop writes it. */
export interface Amount {
  readonly amount: number;
  readonly currency: string;
}

/** What an order was opened with: the fields that are checked. */
export interface Draft {
  readonly orderId: string;
  readonly checkoutId: string;
  readonly subject: string;
  readonly currency: string;
  readonly couponCodes: readonly string[];
  readonly lines: readonly {
    readonly sku: string;
    readonly quantity: number;
    readonly unitPrice: Amount;
    readonly discount: Amount;
    readonly tax: Amount;
    readonly total: Amount;
  }[];
  readonly totals: Readonly<Record<"subtotal" | "discount" | "shipping" | "tax" | "total", Amount>>;
}

/** An event of an order. */
export interface OrderEvent {
  readonly type: string;
  readonly sequence: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An order as its events make it. */
export interface OrderRecord {
  readonly orderId: string;
  readonly events: readonly OrderEvent[];
  /** Absent for an order that was given up before it was opened. */
  readonly draft: Draft | undefined;
  readonly lifecycle: string;
  readonly paymentId: string | undefined;
}

/** Which lifecycles an event may come in, and where it leads; others leave it as it is. */
const MOVES: Readonly<Record<string, { readonly from: readonly string[]; readonly to: string }>> = {
  opened: { from: ["none"], to: "pending" },
  placed: { from: ["pending"], to: "placed" },
  abandoned: { from: ["none", "pending"], to: "abandoned" },
  cancelRequested: { from: ["placed", "on_hold"], to: "cancelling" },
  cancelRefused: { from: ["cancelling"], to: "placed" },
  cancelled: { from: ["cancelling"], to: "cancelled" },
  held: { from: ["placed"], to: "on_hold" },
  resumed: { from: ["on_hold"], to: "placed" },
  completed: { from: ["placed"], to: "completed" },
};
/** Events that may come whenever there is an order. */
const ALONGSIDE: ReadonlySet<string> = new Set(["paymentChanged", "fulfilmentChanged", "refunded", "noteAdded"]);
const GOODS = ["processing", "ready", "fulfilled", "delivered", "returned", "cancelled"];

/** Lifecycles of an order that stands: it is to be paid and delivered. */
const STANDING: ReadonlySet<string> = new Set(["placed", "on_hold", "cancelling", "completed"]);

/** Whether the order stands: placed, and not taken back. */
export function stands({ lifecycle }: OrderRecord): boolean {
  return STANDING.has(lifecycle);
}

/** Whether the order was ever placed. */
export function wasPlaced({ events }: OrderRecord): boolean {
  return events.some(({ type }) => type === "placed");
}

/** All orders, by id. */
export function readOrders(data: ShopData): ReadonlyMap<string, OrderRecord> {
  const rows = data.rows<{ key: string; type: string; sequence: number; data: string }>(
    "orders",
    "SELECT key, type, sequence, data FROM isomer_log ORDER BY key, sequence",
  );
  return new Map(
    [...Map.groupBy(rows, ({ key }) => key)].map(([orderId, events]) => [
      orderId,
      folded(
        orderId,
        events.map(({ type, sequence, data: text }) => ({
          type,
          sequence,
          data: JSON.parse(text) as OrderEvent["data"],
        })),
      ),
    ]),
  );
}

function folded(orderId: string, events: readonly OrderEvent[]): OrderRecord {
  const opened = events.find(({ type }) => type === "opened");
  const placed = events.find(({ type }) => type === "placed");
  const moved = events.findLast(({ type }) => type in MOVES);
  return {
    orderId,
    events,
    draft: opened?.data as unknown as Draft | undefined,
    lifecycle: moved === undefined ? "none" : (MOVES[moved.type]?.to ?? "none"),
    paymentId: placed?.data["paymentId"] as string | undefined,
  };
}

/** 18: only legal transitions, as the log has them. */
export function orderTransitions(orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  return [...orders.values()].flatMap(({ orderId, events }) =>
    illegal(events).map((what) => ({ invariant: 18, what, subject: `order ${orderId}` })),
  );
}

function illegal(events: readonly OrderEvent[]): string[] {
  const problems: string[] = [];
  let lifecycle = "none";
  let goods = 0;
  let sums = { authorized: 0, captured: 0, refunded: 0 };
  for (const { type, data } of events) {
    const move = MOVES[type];
    if (move !== undefined) {
      if (!move.from.includes(lifecycle)) problems.push(`"${type}" came while the order was ${lifecycle}`);
      lifecycle = move.to;
    } else if (!ALONGSIDE.has(type)) problems.push(`"${type}" is no event of an order`);
    else if (lifecycle === "none") problems.push(`"${type}" came before the order was opened`);
    if (type === "paymentChanged") {
      const next = data as unknown as typeof sums;
      const shrinks =
        next.authorized < sums.authorized || next.captured < sums.captured || next.refunded < sums.refunded;
      if (shrinks || next.captured > next.authorized || next.refunded > next.captured) {
        problems.push(`the payment's sums went from ${JSON.stringify(sums)} to ${JSON.stringify(next)}`);
      }
      sums = { authorized: next.authorized, captured: next.captured, refunded: next.refunded };
    }
    if (type === "fulfilmentChanged") {
      const next = GOODS.indexOf(String(data["fulfilment"]));
      if (next < goods) problems.push(`the goods went back from ${GOODS[goods]} to ${String(data["fulfilment"])}`);
      goods = next;
    }
  }
  return problems;
}

/** 18 and 19: the view says what the log says. */
export function orderViews(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const rows = data.rows<{ order_id: string; lifecycle: string; version: number }>(
    "orders",
    "SELECT order_id, lifecycle, version FROM order_view",
  );
  const views = new Map(rows.map((row) => [row.order_id, row]));
  const found: Violation[] = [];
  for (const { orderId, draft, lifecycle, events } of orders.values()) {
    const view = views.get(orderId);
    views.delete(orderId);
    if (draft === undefined && view === undefined) continue;
    const version = events.at(-1)?.sequence;
    if (view?.lifecycle !== lifecycle || view.version !== version) {
      const seen = `${view?.lifecycle ?? "no order"} at version ${view?.version ?? 0}`;
      found.push({
        invariant: 18,
        what: `the view shows ${seen}, the log ${lifecycle} at ${version}`,
        subject: `order ${orderId}`,
      });
    }
  }
  for (const id of views.keys())
    found.push({ invariant: 18, what: "the view shows an order without a history", subject: `order ${id}` });
  return found;
}

/** 22: what was agreed when the order was opened is what was placed, and what is shown. */
export function orderSnapshots(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const shown = new Map(
    data
      .rows<{ order_id: string; total: number; currency: string; state: string }>(
        "orders",
        "SELECT order_id, total, currency, state FROM order_view",
      )
      .map((row) => [row.order_id, row]),
  );
  const found: Violation[] = [];
  for (const { orderId, draft, events } of orders.values()) {
    if (draft === undefined) continue;
    const subject = `order ${orderId}`;
    const placed = events.find(({ type }) => type === "placed")?.data;
    for (const field of ["lines", "totals", "currency", "subject"] as const) {
      if (placed !== undefined && text(placed[field]) !== text(draft[field])) {
        found.push({ invariant: 22, what: `${field} changed between opening and placing`, subject });
      }
    }
    const row = shown.get(orderId);
    const kept = row === undefined ? undefined : (JSON.parse(row.state) as { draft?: unknown }).draft;
    if (text(kept) !== text(draft) || row?.total !== draft.totals.total.amount || row.currency !== draft.currency) {
      found.push({ invariant: 22, what: "what is shown is not what was agreed", subject });
    }
  }
  return found;
}

/** JSON with its keys in order: two ways to write one value are one value. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
