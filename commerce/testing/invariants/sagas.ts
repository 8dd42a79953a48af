/** Invariant 21: every saga ends, and what is taken back is taken back once. For a shop that has settled. */
import { type ShopData, type Violation, grouped } from "./data.ts";
import { type OrderRecord, stands } from "./orders-log.ts";

/** 21: every instance is completed or compensated. */
export function sagasEnded(data: ShopData): Violation[] {
  return data.services.flatMap((service) =>
    data
      .rows<{ id: string; saga: string; status: string; step: string | null; fault: string | null }>(
        service,
        "SELECT id, saga, status, step, fault FROM isomer_saga WHERE status NOT IN ('completed', 'compensated')",
      )
      .map(({ id, saga, status, step, fault }) => ({
        invariant: 21,
        what: `it is ${status}${step === null ? "" : ` at "${step}"`}${fault === null ? "" : `: ${fault.slice(0, 200)}`}`,
        subject: `${service} ${saga} ${id}`,
      })),
  );
}

/** 21: what an order got is given back at most once. */
export function compensatedOnce(data: ShopData): Violation[] {
  const once: readonly (readonly [service: string, given: string, back: string])[] = [
    ["inventory", "stockReserved", "stockReleased"],
    ["pricing", "couponsHeld", "couponsReleased"],
    ["orders", "opened", "abandoned"],
  ];
  return once.flatMap(([service, given, back]) =>
    data
      .rows<{ key: string; given: number; back: number }>(
        service,
        `SELECT key, SUM(type = ?) AS given, SUM(type = ?) AS back FROM isomer_log
         WHERE type IN (?, ?) GROUP BY key HAVING SUM(type = ?) > MAX(1, SUM(type = ?))`,
        given,
        back,
        given,
        back,
        back,
        given,
      )
      .map((row) => ({
        invariant: 21,
        what: `${row.back} times "${back}" after ${row.given} "${given}"`,
        subject: `order ${row.key}`,
      })),
  );
}

/** 21: what is taken back is taken back in the reverse order of its making, and never because of a bug. */
export function compensatedInOrder(data: ShopData): Violation[] {
  return data.services.flatMap((service) => {
    const broken = data.rows<{ id: string; fault: string }>(
      service,
      "SELECT id, fault FROM isomer_saga WHERE json_extract(fault, '$.kind') = 'broken'",
    );
    const undone = data.rows<{ saga_id: string; name: string; made: number }>(
      service,
      `SELECT u.saga_id, u.name, s.rowid AS made FROM isomer_saga_journal u
       JOIN isomer_saga_journal s ON s.saga_id = u.saga_id AND u.name = s.name || '/undo'
       WHERE u.kind = 'undo' ORDER BY u.saga_id, u.rowid`,
    );
    const astray = undone.filter(
      ({ saga_id: id, made }, n) => undone[n - 1]?.saga_id === id && (undone[n - 1]?.made ?? 0) < made,
    );
    return [
      ...broken.map(({ id, fault }) => ({
        invariant: 21,
        what: `it turned back because of a bug: ${fault.slice(0, 200)}`,
        subject: `${service} ${id}`,
      })),
      ...astray.map(({ saga_id: id, name }) => ({
        invariant: 21,
        what: `"${name}" came before what was made later was undone`,
        subject: `${service} ${id}`,
      })),
    ];
  });
}

/** 24: what was heard of a payment was signalled to the checkout that waits for it. */
export function signalsKept(data: ShopData): Violation[] {
  const column = (service: string, sql: string): ReadonlySet<string> =>
    new Set(data.rows<{ id: string }>(service, sql).map(({ id }) => id));
  const heard = column("checkout", "SELECT event_id AS id FROM isomer_inbox WHERE source = 'payments'");
  const signalled = column("checkout", "SELECT saga_id AS id FROM isomer_saga_signal WHERE name = 'paymentSettled'");
  return data
    .rows<{ id: string; type: string; saga: string | null }>(
      "payments",
      `SELECT id, type, json_extract(data, '$.checkoutId') AS saga FROM isomer_log
       WHERE type IN ('authorized', 'declined', 'failed')`,
    )
    .filter(({ id, saga }) => saga !== null && heard.has(id) && !signalled.has(saga))
    .map(({ type, saga }) => ({
      invariant: 24,
      what: `it heard that its payment is ${type}, and was not told`,
      subject: `saga ${saga}`,
    }));
}

/** 21: no order hangs between opened and placed, or on its way to being cancelled; and a saga that ended has its order. */
export function sagasAndOrders(data: ShopData, orders: ReadonlyMap<string, OrderRecord>): Violation[] {
  const found: Violation[] = [...orders.values()]
    .filter(({ lifecycle }) => lifecycle === "pending" || lifecycle === "cancelling")
    .map(({ orderId, lifecycle }) => ({
      invariant: 21,
      what: `it is ${lifecycle} still`,
      subject: `order ${orderId}`,
    }));
  const sagas = data.rows<{ id: string; status: string; input: string }>(
    "checkout",
    "SELECT id, status, input FROM isomer_saga WHERE saga = 'placeOrder'",
  );
  const perOrder = grouped(sagas, ({ input }) => (JSON.parse(input) as { orderId: string }).orderId);
  for (const [orderId, [saga, ...others]] of perOrder) {
    const order = orders.get(orderId);
    const subject = `saga ${saga?.id ?? ""}`;
    if (others.length > 0)
      found.push({ invariant: 12, what: "two sagas place one order", subject: `order ${orderId}` });
    const placed = order !== undefined && (stands(order) || order.lifecycle === "cancelled");
    if (saga?.status === "completed" && !placed) {
      found.push({ invariant: 21, what: `it completed, its order is ${order?.lifecycle ?? "absent"}`, subject });
    }
    if (saga?.status === "compensated" && placed) {
      found.push({ invariant: 21, what: `it was taken back, its order is ${order.lifecycle}`, subject });
    }
  }
  return found;
}
