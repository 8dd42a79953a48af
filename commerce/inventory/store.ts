/** The statements of inventory that run often, each prepared once. */
import { statements } from "@isomer/kernel/store";
import type { MovementRow, ReservationRow, ReservationState, Tables } from "./tables.ts";

const sql = statements<Tables>();

/** All levels of a variant. */
export const levelsOf = sql((db, p: { sku: string }) => db.selectFrom("level").selectAll().where("sku", "=", p.sku));

/** One level. */
export const levelAt = sql((db, p: { sku: string; location: string }) =>
  db.selectFrom("level").selectAll().where("sku", "=", p.sku).where("location", "=", p.location),
);

/** Sets pieces aside, if the level has as many to promise: 1 row, or 0. */
export const take = sql((db, p: { sku: string; location: string; quantity: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({ reserved: eb("reserved", "+", p.quantity) }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location)
    .where((eb) =>
      eb(
        eb(eb(eb("on_hand", "-", eb.ref("reserved")), "-", eb.ref("allocated")), "-", eb.ref("safety")),
        ">=",
        p.quantity,
      ),
    ),
);

/** Gives reserved pieces back. */
export const giveBackReserved = sql((db, p: { sku: string; location: string; quantity: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({ reserved: eb("reserved", "-", p.quantity) }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location),
);

/** Gives allocated pieces back. */
export const giveBackAllocated = sql((db, p: { sku: string; location: string; quantity: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({ allocated: eb("allocated", "-", p.quantity) }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location),
);

/** Reserved pieces become allocated ones. */
export const allocate = sql((db, p: { sku: string; location: string; quantity: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({
      reserved: eb("reserved", "-", p.quantity),
      allocated: eb("allocated", "+", p.quantity),
    }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location),
);

/** Allocated pieces leave. */
export const ship = sql((db, p: { sku: string; location: string; quantity: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({
      on_hand: eb("on_hand", "-", p.quantity),
      allocated: eb("allocated", "-", p.quantity),
    }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location),
);

/** Pieces arrive, or leave if the change is negative and orders do not hold them: 1 row, or 0. */
export const changeOnHand = sql((db, p: { sku: string; location: string; change: number }) =>
  db
    .updateTable("level")
    .set((eb) => ({ on_hand: eb("on_hand", "+", p.change) }))
    .where("sku", "=", p.sku)
    .where("location", "=", p.location)
    .where((eb) => eb(eb("on_hand", "+", p.change), ">=", eb("reserved", "+", eb.ref("allocated")))),
);

/** Makes a level known, if it is not. */
export const openLevel = sql(
  (db, p: { sku: string; location: string; priority: number; safety: number; lowAt: number }) =>
    db
      .insertInto("level")
      .values({
        sku: p.sku,
        location: p.location,
        priority: p.priority,
        on_hand: 0,
        reserved: 0,
        allocated: 0,
        safety: p.safety,
        low_at: p.lowAt,
      })
      .onConflict((conflict) => conflict.columns(["sku", "location"]).doNothing()),
);

/** Sets a level's marks. */
export const setPolicy = sql((db, p: { sku: string; location: string; safety: number; lowAt: number }) =>
  db
    .updateTable("level")
    .set({ safety: p.safety, low_at: p.lowAt })
    .where("sku", "=", p.sku)
    .where("location", "=", p.location),
);

/** The stock of an order. */
export const reservationOf = sql((db, p: { orderId: string }) =>
  db.selectFrom("reservation").selectAll().where("order_id", "=", p.orderId),
);

/** The lines of a reservation, in sku order. */
export const linesOf = sql((db, p: { id: string }) =>
  db.selectFrom("reservation_line").selectAll().where("reservation_id", "=", p.id).orderBy("sku").orderBy("location"),
);

/** Adds a reservation, unless the order has one: 1 row, or 0. */
export const addReservation = sql(
  (
    db,
    p: Pick<ReservationRow, "id" | "order_id" | "reason" | "ttl_ms" | "expires_at" | "updated_at"> & { state: string },
  ) =>
    db
      .insertInto("reservation")
      .values({
        id: p.id,
        order_id: p.order_id,
        state: p.state as ReservationState,
        reason: p.reason,
        ttl_ms: p.ttl_ms,
        expires_at: p.expires_at,
        updated_at: p.updated_at,
      })
      .onConflict((conflict) => conflict.column("order_id").doNothing()),
);

/** Moves a reservation on, if it is still in the state that was read: 1 row, or 0. */
export const moveReservation = sql(
  (db, p: { id: string; from: string; to: string; reason: string; expiresAt: number; now: number }) =>
    db
      .updateTable("reservation")
      .set({
        state: p.to as ReservationState,
        reason: p.reason,
        expires_at: p.expiresAt,
        updated_at: p.now,
      })
      .where("id", "=", p.id)
      .where("state", "=", p.from as ReservationState),
);

/** Adds a line to a reservation, or pieces to the line that it has at this location. */
export const addLine = sql((db, p: { id: string; sku: string; location: string; quantity: number }) =>
  db
    .insertInto("reservation_line")
    .values({
      reservation_id: p.id,
      sku: p.sku,
      location: p.location,
      quantity: p.quantity,
      fulfilled: 0,
      returned: 0,
    })
    .onConflict((conflict) =>
      conflict.columns(["reservation_id", "sku", "location"]).doUpdateSet((eb) => ({
        quantity: eb("reservation_line.quantity", "+", eb.ref("excluded.quantity")),
      })),
    ),
);

/** Drops the lines of a reservation that expired, before its stock is taken anew. */
export const dropLines = sql((db, p: { id: string }) =>
  db.deleteFrom("reservation_line").where("reservation_id", "=", p.id),
);

/** Counts pieces of a line that left, or came back. */
export const countLine = sql(
  (db, p: { id: string; sku: string; location: string; fulfilled: number; returned: number }) =>
    db
      .updateTable("reservation_line")
      .set((eb) => ({
        fulfilled: eb("fulfilled", "+", p.fulfilled),
        returned: eb("returned", "+", p.returned),
      }))
      .where("reservation_id", "=", p.id)
      .where("sku", "=", p.sku)
      .where("location", "=", p.location),
);

/** Held reservations whose time is over. */
export const expiredAt = sql((db, p: { now: number; limit: number }) =>
  db
    .selectFrom("reservation")
    .selectAll()
    .where("state", "=", "held")
    .where("expires_at", "<=", p.now)
    .orderBy("expires_at")
    .orderBy("id")
    .limit(p.limit),
);

/** Adds a row to the ledger. */
export const addMovement = sql((db, p: Omit<MovementRow, "kind"> & { kind: string }) =>
  db.insertInto("movement").values({
    id: p.id,
    sku: p.sku,
    location: p.location,
    kind: p.kind as MovementRow["kind"],
    quantity: p.quantity,
    order_id: p.order_id,
    reason: p.reason,
    actor: p.actor,
    at: p.at,
  }),
);

/** A location. */
export const locationOf = sql((db, p: { code: string }) =>
  db.selectFrom("location").selectAll().where("code", "=", p.code),
);

/** Adds a location, unless there is one of the code: 1 row, or 0. */
export const addLocation = sql((db, p: { code: string; name: string; country: string; priority: number }) =>
  db
    .insertInto("location")
    .values({ code: p.code, name: p.name, country: p.country, priority: p.priority })
    .onConflict((conflict) => conflict.column("code").doNothing()),
);
