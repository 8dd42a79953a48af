/** Changing an order: decides, records the facts, and keeps the view in the same transaction. */
import type { Reader } from "@isomer/kernel/store";
import type { EventWriter } from "@isomer/kernel/events";
import { execute } from "@isomer/kernel/sourcing";
import { toInstant } from "@isomer/kernel/std";
import { money } from "../shared/mod.ts";
import { NoOrder } from "./contract.ts";
import { type Lifecycle, type Order, type OrderCommand, orderAggregate, orderNumber, paymentState } from "./domain.ts";
import type { OrderView } from "./schemas.ts";
import { type Tables, addNote, addOrder, changeOrder, notesOf, orderById } from "./store.ts";

/** Carries a command out. @throws the faults of the domain. */
export async function change(
  tx: EventWriter<Tables>,
  orderId: string,
  command: OrderCommand,
  now: number,
): Promise<{ orderId: string; lifecycle: Lifecycle }> {
  const { state, version, events } = await execute(tx, orderAggregate, orderId, command);
  const first = events[0];
  if (first !== undefined && state.draft !== null) {
    if (first.type === "opened") await tx.run(addOrder, rowOf(state, state.draft, version, now));
    else await tx.run(changeOrder, { orderId, ...axesOf(state), version, state: JSON.stringify(state), now });
    if (command.type === "note") {
      await tx.run(addNote, { order_id: orderId, seq: version, at: now, author: command.by, text: command.text });
    }
  }
  return { orderId, lifecycle: state.lifecycle as Lifecycle };
}

/**
 * The order as people see it. What the shop's people write to each other, and why they look at an order, is theirs.
 * @throws {NoOrder}
 */
export async function view(db: Reader<Tables>, orderId: string, isStaff: boolean): Promise<OrderView> {
  const row = await db.first(orderById, { orderId });
  if (row === undefined) throw NoOrder.with({ orderId });
  const notes = isStaff ? await db.all(notesOf, { orderId }) : [];
  const order = JSON.parse(row.state) as Order;
  const draft = order.draft;
  if (draft === null) throw NoOrder.with({ orderId });
  const { checkoutId: _checkout, subject: _subject, ...shown } = draft;
  return {
    ...shown,
    number: orderNumber(orderId),
    lifecycle: order.lifecycle as Lifecycle,
    payment: paymentState(order),
    fulfilment: order.fulfilment,
    captured: money(order.sums.captured, draft.currency),
    refunded: money(order.sums.refunded, draft.currency),
    ...(order.paymentId === null ? {} : { paymentId: order.paymentId }),
    trackingNumbers: [...order.trackingNumbers],
    ...(order.reason === null || (order.lifecycle === "on_hold" && !isStaff) ? {} : { reason: order.reason }),
    notes: notes.map((note) => ({ at: toInstant(note.at), by: note.author, text: note.text })),
    version: row.version,
    createdAt: toInstant(row.created_at),
    updatedAt: toInstant(row.updated_at),
  };
}

function axesOf(order: Order): { lifecycle: string; payment: string; fulfilment: string } {
  return { lifecycle: order.lifecycle, payment: paymentState(order), fulfilment: order.fulfilment };
}

function rowOf(order: Order, draft: NonNullable<Order["draft"]>, version: number, now: number): Tables["order_view"] {
  return {
    order_id: draft.orderId,
    subject: draft.subject,
    email: draft.email,
    checkout_id: draft.checkoutId,
    ...axesOf(order),
    currency: draft.currency,
    total: draft.totals.total.amount,
    items: draft.lines.reduce((items, line) => items + line.quantity, 0),
    version,
    state: JSON.stringify(order),
    created_at: now,
    updated_at: now,
  };
}
