/** The tables of orders, and the statements over them. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  order_view: {
    order_id: string;
    subject: string;
    email: string;
    checkout_id: string;
    lifecycle: string;
    payment: string;
    fulfilment: string;
    currency: string;
    total: number;
    items: number;
    version: number;
    /** The aggregate's state as JSON. */
    state: string;
    created_at: number;
    updated_at: number;
  };
  order_note: { order_id: string; seq: number; at: number; author: string; text: string };
  sales_day: { day: string; currency: string; placed: number; cancelled: number; revenue: number };
}

const sql = statements<Tables>();

/** An order. */
export const orderById = sql((db, p: { orderId: string }) =>
  db.selectFrom("order_view").selectAll().where("order_id", "=", p.orderId),
);

/** Who an order belongs to. */
export const subjectOf = sql((db, p: { orderId: string }) =>
  db.selectFrom("order_view").select("subject").where("order_id", "=", p.orderId),
);

/** A new order. */
export const addOrder = sql((db, p: Tables["order_view"]) => db.insertInto("order_view").values(p));

/** An order after something happened to it. */
export const changeOrder = sql(
  (
    db,
    p: {
      orderId: string;
      lifecycle: string;
      payment: string;
      fulfilment: string;
      version: number;
      state: string;
      now: number;
    },
  ) =>
    db
      .updateTable("order_view")
      .set({
        lifecycle: p.lifecycle,
        payment: p.payment,
        fulfilment: p.fulfilment,
        version: p.version,
        state: p.state,
        updated_at: p.now,
      })
      .where("order_id", "=", p.orderId),
);

/** The orders of somebody before a moment, newest first. Those that were never placed are not shown. */
export const ordersOf = sql((db, p: { subject: string; beforeAt: number; beforeId: string; limit: number }) =>
  db
    .selectFrom("order_view")
    .selectAll()
    .where("subject", "=", p.subject)
    .where("lifecycle", "not in", ["pending", "abandoned"])
    .where((eb) =>
      eb.or([
        eb("created_at", "<", p.beforeAt),
        eb.and([eb("created_at", "=", p.beforeAt), eb("order_id", "<", p.beforeId)]),
      ]),
    )
    .orderBy("created_at", "desc")
    .orderBy("order_id", "desc")
    .limit(p.limit),
);

/** The notes on an order. */
export const notesOf = sql((db, p: { orderId: string }) =>
  db.selectFrom("order_note").selectAll().where("order_id", "=", p.orderId).orderBy("seq"),
);

/** Adds a note. */
export const addNote = sql((db, p: Tables["order_note"]) => db.insertInto("order_note").values(p));

/** Counts something on a day. */
export const addSales = sql((db, p: Tables["sales_day"]) =>
  db
    .insertInto("sales_day")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["day", "currency"]).doUpdateSet((eb) => ({
        placed: eb("sales_day.placed", "+", p.placed),
        cancelled: eb("sales_day.cancelled", "+", p.cancelled),
        revenue: eb("sales_day.revenue", "+", p.revenue),
      })),
    ),
);

/** Empties the figures. */
export const clearSales = sql((db, _: Record<never, never>) => db.deleteFrom("sales_day"));

/** The figures from a day on. */
export const salesDays = sql((db, p: { from: string }) =>
  db
    .selectFrom("sales_day")
    .select(["day", "currency", "placed", "cancelled", "revenue"])
    .where("day", ">=", p.from)
    .orderBy("day", "desc")
    .orderBy("currency"),
);
