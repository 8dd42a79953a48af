/** Invariants 23 and 24: the logs are whole, and every event took effect once with everybody who hears it. */
import type { System } from "@isomer/kernel/runtime";
import { type ShopData, type Violation, grouped } from "./data.ts";

/** Who hears which events of whom. */
export interface Listener {
  readonly service: string;
  readonly consumer: string;
  readonly source: string;
  readonly types: readonly string[];
}

/** The listeners of a system: its subscriptions and projections, as the runtime groups them. */
export function listenersOf(system: System): readonly Listener[] {
  return system.services.flatMap((service) => {
    const heard = [
      ...service.on.map(({ consumer, event }) => ({ consumer, event })),
      ...service.projections.flatMap(({ name, on }) => on.map(({ event }) => ({ consumer: name, event }))),
    ];
    return [...Map.groupBy(heard, ({ consumer, event }) => `${consumer} ${event.service}`).values()].map((group) => ({
      service: service.contract.name,
      consumer: group[0]?.consumer ?? "",
      source: group[0]?.event.service ?? "",
      types: group.map(({ event }) => event.name),
    }));
  });
}

/** 23: for each key the sequence is 1, 2, 3, … without gap or repeat. */
export function sequences(data: ShopData): Violation[] {
  return data.services.flatMap((service) =>
    data
      .rows<{ key: string; events: number; first: number; last: number }>(
        service,
        `SELECT key, COUNT(DISTINCT sequence) AS events, MIN(sequence) AS first, MAX(sequence) AS last FROM isomer_log
         GROUP BY key HAVING MIN(sequence) <> 1 OR MAX(sequence) <> COUNT(*) OR COUNT(DISTINCT sequence) <> COUNT(*)`,
      )
      .map(({ key, events, first, last }) => ({
        invariant: 23,
        what: `${events} events with sequences from ${first} to ${last}`,
        subject: `${service} ${key}`,
      })),
  );
}

/** 24: nothing was given up. */
export function noDeadLetters(data: ShopData): Violation[] {
  return data.services.flatMap((service) =>
    data
      .rows<{ consumer: string; type: string; key: string; fault: string }>(
        service,
        "SELECT consumer, type, key, fault FROM isomer_dead",
      )
      .map(({ consumer, type, key, fault }) => ({
        invariant: 24,
        what: `"${type}" is a dead letter of ${consumer}: ${fault.slice(0, 200)}`,
        subject: `${service} ${key}`,
      })),
  );
}

/** 24: each inbox has each event that its consumer hears once, and nothing that was never recorded. */
export function inboxes(data: ShopData, listeners: readonly Listener[]): Violation[] {
  return listeners.flatMap(({ service, consumer, source, types }) => {
    const marks = types.map(() => "?").join(", ");
    const told = data.rows<{ id: string; type: string; key: string }>(
      source,
      `SELECT id, type, key FROM isomer_log WHERE type IN (${marks}) ORDER BY position`,
      ...types,
    );
    const heard = new Set(
      data
        .rows<{ event_id: string }>(
          service,
          "SELECT event_id FROM isomer_inbox WHERE consumer = ? AND source = ?",
          consumer,
          source,
        )
        .map((row) => row.event_id),
    );
    const missing = told.filter(({ id }) => !heard.has(id));
    const known = new Set(told.map(({ id }) => id));
    const invented = [...heard].filter((id) => !known.has(id));
    return [
      ...missing.map(({ type, key }) => ({
        invariant: 24,
        what: `${consumer} never heard ${source}.${type}`,
        subject: `${service} ${key}`,
      })),
      ...invented.map((id) => ({
        invariant: 24,
        what: `${consumer} heard an event that ${source} never recorded`,
        subject: `${service} ${id}`,
      })),
    ];
  });
}

/** 24: what changed was told: each fact of payments' ledgers and of reservations has its event, and each event its fact. */
export function changesTold(data: ShopData): Violation[] {
  const told = grouped(
    data.rows<{ key: string; type: string; times: number }>(
      "inventory",
      "SELECT key, type, COUNT(*) AS times FROM isomer_log GROUP BY key, type",
    ),
    ({ key }) => key,
  );
  const reservations = data.rows<{ order_id: string; state: string; lines: number }>(
    "inventory",
    "SELECT r.order_id, r.state, (SELECT COUNT(*) FROM reservation_line l WHERE l.reservation_id = r.id) AS lines FROM reservation r",
  );
  const found: Violation[] = [];
  for (const { order_id: id, state, lines } of reservations) {
    // A tombstone: released before anything was held. There was no change to tell.
    if (lines === 0) continue;
    const events = new Set(told.get(id)?.map(({ type }) => type));
    const wanted = ["stockReserved", ...(RESERVATION_EVENTS[state] ?? [])];
    for (const type of wanted) {
      if (!events.has(type))
        found.push({
          invariant: 24,
          what: `its stock is ${state}, and "${type}" was not told`,
          subject: `order ${id}`,
        });
    }
  }
  return [...found, ...paymentsTold(data)];
}

const RESERVATION_EVENTS: Readonly<Record<string, readonly string[]>> = {
  committed: ["stockCommitted"],
  fulfilled: ["stockCommitted"],
  released: ["stockReleased"],
  expired: ["stockExpired"],
};

function paymentsTold(data: ShopData): Violation[] {
  const last = new Map(
    data
      .rows<{ key: string; data: string }>(
        "payments",
        "SELECT key, data FROM isomer_log l WHERE sequence = (SELECT MAX(sequence) FROM isomer_log WHERE key = l.key)",
      )
      .map(({ key, data: text }) => [
        key,
        JSON.parse(text) as Record<"authorized" | "captured" | "refunded", { amount: number }>,
      ]),
  );
  return data
    .rows<Record<"authorized" | "captured" | "refunded", number> & { id: string }>(
      "payments",
      "SELECT id, authorized, captured, refunded FROM payment",
    )
    .flatMap((row) =>
      (["authorized", "captured", "refunded"] as const)
        .filter((sum) => (last.get(row.id)?.[sum].amount ?? 0) !== row[sum])
        .map((sum) => ({
          invariant: 24,
          what: `${sum} is ${row[sum]}, last told was ${last.get(row.id)?.[sum].amount ?? 0}`,
          subject: `payment ${row.id}`,
        })),
    );
}

/** 24: whoever acts on a placed order does so once: each has one shipment, or was called off before it got one. */
export function oneShipmentEach(data: ShopData): Violation[] {
  if (!data.services.includes("shipping")) return [];
  const placed = data
    .rows<{ key: string }>("orders", "SELECT key FROM isomer_log WHERE type = 'placed'")
    .map(({ key }) => key);
  const shipments = grouped(
    data.rows<{ order_id: string }>("shipping", "SELECT order_id FROM shipment"),
    (row) => row.order_id,
  );
  const calledOff = new Set(
    data.rows<{ order_id: string }>("shipping", "SELECT order_id FROM called_off").map((row) => row.order_id),
  );
  const known = new Set(placed);
  return [
    ...placed
      .filter((id) => !calledOff.has(id) && (shipments.get(id)?.length ?? 0) !== 1)
      .map((id) => ({
        invariant: 24,
        what: `it was placed and has ${shipments.get(id)?.length ?? 0} shipments`,
        subject: `order ${id}`,
      })),
    ...[...shipments.keys()]
      .filter((id) => !known.has(id))
      .map((id) => ({ invariant: 24, what: "it has a shipment and was never placed", subject: `order ${id}` })),
  ];
}

/** 24: whoever has to be told of an order's life gets one mail for each event. Those who were erased have none any more. */
export function oneMailEach(data: ShopData): Violation[] {
  if (!data.services.includes("notifications")) return [];
  const mails = grouped(
    data.rows<{ event_id: string }>("notifications", "SELECT event_id FROM message WHERE channel = 'email'"),
    (row) => row.event_id,
  );
  const erased = new Set(
    data
      .rows<{ order_id: string }>("notifications", "SELECT order_id FROM contact WHERE email = ''")
      .map((row) => row.order_id),
  );
  return data
    .rows<{ id: string; type: string; key: string }>(
      "orders",
      "SELECT id, type, key FROM isomer_log WHERE type IN ('placed', 'cancelled', 'refunded')",
    )
    .filter(({ id, key }) => !erased.has(key) && mails.get(id)?.length !== 1)
    .map(({ id, type, key }) => ({
      invariant: 24,
      what: `${mails.get(id)?.length ?? 0} mails tell that it was ${type}`,
      subject: `order ${key}`,
    }));
}
