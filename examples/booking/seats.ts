/** Seats: each has one holder at the most, and a booking that was released never gets one again. */
import { type Tx, implement, subscribe } from "@isomer/kernel/runtime";
import { statements } from "@isomer/kernel/store";
import { bookings, seats } from "./contracts.ts";

const migrations = [
  {
    name: "0001_seats",
    sql: `CREATE TABLE seat (seat TEXT PRIMARY KEY, holder TEXT, sold INTEGER NOT NULL, times_sold INTEGER NOT NULL);
          CREATE TABLE released (booking TEXT PRIMARY KEY);
          INSERT INTO seat VALUES ('A1', NULL, 0, 0), ('A2', NULL, 0, 0), ('A3', NULL, 0, 0), ('A4', NULL, 0, 0)`,
  },
];

export interface Tables {
  seat: { seat: string; holder: string | null; sold: number; times_sold: number };
  released: { booking: string };
}
type Claim = { booking: string; seat: string };

const sql = statements<Tables>();
const all = sql((db, _: object) => db.selectFrom("seat").selectAll().orderBy("seat").limit(100));
const take = sql((db, p: Claim) =>
  db.updateTable("seat").set({ holder: p.booking }).where("seat", "=", p.seat).where("holder", "is", null),
);
const sell = sql((db, p: Claim) => db.updateTable("seat").set({ sold: 1 }).where("holder", "=", p.booking));
const free = sql((db, p: Claim) =>
  db.updateTable("seat").set({ holder: null, sold: 0 }).where("holder", "=", p.booking),
);
const count = sql((db, p: { seat: string }) =>
  db
    .updateTable("seat")
    .set((eb) => ({ times_sold: eb("times_sold", "+", 1) }))
    .where("seat", "=", p.seat),
);
const isReleased = sql((db, p: Claim) => db.selectFrom("released").selectAll().where("booking", "=", p.booking));
const markReleased = sql((db, p: Claim) =>
  db
    .insertInto("released")
    .values({ booking: p.booking })
    .onConflict((on) => on.doNothing()),
);

/** Also for a booking that holds nothing (yet): a hold that is still on its way comes too late then. */
async function release(tx: Tx<Tables>, claim: Claim) {
  await tx.run(free, claim);
  await tx.run(markReleased, claim);
  return {};
}

export const seatsService = implement<Tables>()(seats, {
  database: { migrations },
  commands: {
    hold: (claim, ctx) =>
      ctx.transaction(async (tx) => {
        const isLate = (await tx.first(isReleased, claim)) !== undefined;
        return { ok: !isLate && (await tx.run(take, claim)) === 1 };
      }),
    release: (claim, ctx) => ctx.transaction((tx) => release(tx, claim)),
    confirm: (claim, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.run(sell, claim);
        return {};
      }),
  },
  queries: {
    list: async (_, ctx) => {
      const rows = await ctx.read((db) => db.all(all, {}));
      return rows.map(({ seat, holder, sold, times_sold: timesSold }) => {
        return { seat, state: holder === null ? "free" : sold === 1 ? "sold" : "held", timesSold };
      });
    },
  },
  on: [
    subscribe<Tables>()(bookings.events.confirmed, async ({ data }, tx) => void (await tx.run(count, data))),
    subscribe<Tables>()(bookings.events.cancelled, async ({ data }, tx) => void (await release(tx, data))),
  ],
});
