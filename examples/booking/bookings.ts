/** Bookings: a saga holds the seat and takes the money, or gives both back. */
import { type QueryContext, implement } from "@isomer/kernel/runtime";
import { saga } from "@isomer/kernel/saga";
import { t } from "@isomer/kernel/schema";
import { statements } from "@isomer/kernel/store";
import { FundsShort, NoBooking, NotConfirmed, SeatTaken, accounts, bookings, seats } from "./contracts.ts";

const migrations = [
  {
    name: "0001_bookings",
    sql: `CREATE TABLE booking (booking TEXT PRIMARY KEY, seat TEXT NOT NULL, account TEXT NOT NULL,
            status TEXT NOT NULL)`,
  },
];

/** A status is "pending", "confirmed", "cancelled", or the code of the fault for which it was undone. */
export interface Tables {
  booking: { booking: string; seat: string; account: string; status: string };
}

const sql = statements<Tables>();
const add = sql((db, p: Tables["booking"]) => db.insertInto("booking").values(p));
// By name, because the row is the answer: it must not have what a newer build adds to the table.
const find = sql((db, p: { booking: string }) =>
  db.selectFrom("booking").select(["booking", "seat", "account", "status"]).where("booking", "=", p.booking),
);
const move = sql((db, p: { booking: string; from: string; to: string }) =>
  db.updateTable("booking").set({ status: p.to }).where("booking", "=", p.booking).where("status", "=", p.from),
);

const Order = t.object({ booking: t.id(), seat: t.text(), account: t.text() });

const place = saga<Tables, "seats" | "accounts">()("place", {
  input: Order,
  output: t.object({}),
  run: async (s, { booking, seat, account }) => {
    const hold = seats.hold({ booking, seat });
    const held = await s.step("hold", hold, { undo: () => seats.release({ booking, seat }) });
    if (!held.ok) throw SeatTaken.with({ seat });
    const charge = accounts.charge({ booking, account });
    const charged = await s.step("charge", charge, { undo: () => accounts.refund({ booking, account }) });
    if (!charged.ok) throw FundsShort.with({ account });
    await s.pivot();
    return s.step("confirm", seats.confirm({ booking, seat }));
  },
  settled: async (tx, order, outcome) => {
    const status = outcome.status === "completed" ? "confirmed" : outcome.fault.code;
    await tx.run(move, { booking: order.booking, from: "pending", to: status });
    if (status === "confirmed") await tx.emit(bookings.events.confirmed, { ...order, status });
  },
});

type Context = QueryContext<Tables, "seats" | "accounts">;

async function show({ booking }: { booking: string }, ctx: Context) {
  const row = await ctx.read((db) => db.first(find, { booking }));
  if (row === undefined) throw NoBooking.with({ booking });
  return row;
}

export const bookingsService = implement<Tables>()(bookings, {
  database: { migrations },
  uses: [seats, accounts],
  commands: {
    book: (wish, ctx) =>
      ctx.transaction(async (tx) => {
        const row = { booking: ctx.ids.next(), ...wish, status: "pending" };
        await tx.run(add, row);
        await tx.start(place, { booking: row.booking, ...wish }, row.booking);
        return row;
      }),
    cancel: ({ booking }, ctx) =>
      ctx.transaction(async (tx) => {
        const changed = await tx.run(move, { booking, from: "confirmed", to: "cancelled" });
        const row = await tx.first(find, { booking });
        if (changed === 0 || row === undefined) throw NotConfirmed.with({ booking });
        await tx.emit(bookings.events.cancelled, row);
        return row;
      }),
  },
  queries: { show },
  // The answer to `book` waits for the saga, but not for ever: then the booking is still "pending".
  after: {
    book: async ({ booking }, ctx) => {
      await ctx.saga(booking, { timeoutMs: 1_000 });
      return show({ booking }, ctx);
    },
  },
  sagas: [place],
});
