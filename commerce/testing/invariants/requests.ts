/** Invariant 27 as far as databases tell: an effect for each recorded answer and an answer for each effect; no 5xx kept. */
import type { ShopData, Violation } from "./data.ts";

/** Kinds of faults that may go better next time: a repetition must not be handed them again. */
const PASSING = ["unavailable", "broken", "exhausted"];

/** 27: an answer that says "not now" is not kept. */
export function noPassingAnswers(data: ShopData): Violation[] {
  return data.services.flatMap((service) =>
    data
      .rows<{ operation: string; key: string; kind: string }>(
        service,
        `SELECT operation, key, json_extract(fault, '$.kind') AS kind FROM isomer_idempotency WHERE fault IS NOT NULL`,
      )
      .filter(({ kind }) => PASSING.includes(kind))
      .map(({ operation, key, kind }) => ({
        invariant: 27,
        what: `a fault of kind ${kind} is kept for ${operation}`,
        subject: key,
      })),
  );
}

/** Operations that make something new each time, where it is kept, and what their answer calls it. */
const MAKERS: readonly {
  readonly service: string;
  readonly operation: string;
  readonly made: string;
  readonly field: string;
}[] = [
  { service: "cart", operation: "cart.create", made: "SELECT cart_id AS id FROM cart", field: "cartId" },
  {
    service: "checkout",
    operation: "checkout.begin",
    made: "SELECT checkout_id AS id FROM checkout",
    field: "checkoutId",
  },
  {
    service: "orders",
    operation: "orders.place",
    made: "SELECT key AS id FROM isomer_log WHERE type = 'placed'",
    field: "orderId",
  },
  {
    service: "inventory",
    operation: "inventory.reserve",
    made: "SELECT DISTINCT id FROM reservation WHERE id IN (SELECT reservation_id FROM reservation_line)",
    field: "reservationId",
  },
];

/** 27: each key has one effect of its own. */
export function oneEffectEach(data: ShopData): Violation[] {
  return MAKERS.flatMap(({ service, operation, made, field }) => {
    const effects = data.rows<{ id: string }>(service, made).map(({ id }) => id);
    const answers = data.rows<{ id: string | null }>(
      service,
      "SELECT json_extract(output, ?) AS id FROM isomer_idempotency WHERE operation = ? AND output IS NOT NULL",
      `$.${field}`,
      operation,
    );
    const told = new Set(answers.map(({ id }) => id ?? ""));
    const there = new Set(effects);
    return [
      ...(told.size === answers.length
        ? []
        : [{ invariant: 27, what: "two keys have one effect", subject: operation }]),
      ...effects
        .filter((id) => !told.has(id))
        .map((id) => ({ invariant: 27, what: `${operation} had an effect that no key knows`, subject: id })),
      ...[...told]
        .filter((id) => !there.has(id))
        .map((id) => ({ invariant: 27, what: `${operation} answered without an effect`, subject: id })),
    ];
  });
}

/** What a client was told, by the requests that it made. */
export interface Told {
  /** Orders that somebody was told are placed. */
  readonly acknowledged?: readonly string[];
  /** Checkouts of which somebody was told that they came to nothing, and did not try again. */
  readonly refused?: readonly string[];
}

/** Zero lost, zero doubled: what was told is so. */
export function toldIsTrue(data: ShopData, { acknowledged = [], refused = [] }: Told): Violation[] {
  const rows = data.rows<{ key: string; checkout: string }>(
    "orders",
    `SELECT p.key, json_extract(o.data, '$.checkoutId') AS checkout FROM isomer_log p
     JOIN isomer_log o ON o.key = p.key AND o.type = 'opened' WHERE p.type = 'placed'`,
  );
  const placed = new Set(rows.map(({ key }) => key));
  const checkouts = new Set(rows.map(({ checkout }) => checkout));
  return [
    ...acknowledged
      .filter((id) => !placed.has(id))
      .map((id) => ({ invariant: 27, what: "its buyer was told of it, and it is lost", subject: `order ${id}` })),
    ...(new Set(acknowledged).size === acknowledged.length
      ? []
      : [{ invariant: 27, what: "two buyers were told of one order", subject: "acknowledged" }]),
    ...refused
      .filter((id) => checkouts.has(id))
      .map((id) => ({
        invariant: 27,
        what: "its buyer was told that it came to nothing, and there is an order",
        subject: `checkout ${id}`,
      })),
  ];
}
