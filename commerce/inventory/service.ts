/** inventory: reads, asks the domain, records. The work is in reservations.ts, levels.ts and views.ts. */
import { type Context, implement } from "@isomer/kernel/runtime";
import { inventory } from "./contract.ts";
import { inventoryInvariants } from "./invariants.ts";
import { adjust, createLocation, receive, setPolicy, transfer } from "./levels.ts";
import { commit, expire, fulfil, release, reserve, restock } from "./reservations.ts";
import type { Around } from "./stock.ts";
import type { Tables } from "./tables.ts";
import { availability, levels, locations, movements, reservation, reservations } from "./views.ts";

/** How many holds one transaction of the sweep gives back. */
const EXPIRED_MAX = 50;
/** How often holds whose time is over are looked for. */
export const SWEEP_MS = 5_000;

/** Rows that many buyers want are written by one guarded statement each, which needs no serializable isolation. */
const HOT = { isolation: "read committed" } as const;

export default implement<Tables>()(inventory, {
  database: { migrations: new URL("./migrations", import.meta.url) },
  commands: {
    reserve: (input, ctx) => ctx.transaction((tx) => reserve(tx, input, around(ctx)), HOT),
    commit: ({ orderId }, ctx) => ctx.transaction((tx) => commit(tx, orderId, around(ctx)), HOT),
    release: ({ orderId, reason }, ctx) => ctx.transaction((tx) => release(tx, orderId, reason, around(ctx)), HOT),
    fulfil: (input, ctx) => ctx.transaction((tx) => fulfil(tx, input, around(ctx))),
    restock: (input, ctx) => ctx.transaction((tx) => restock(tx, input, around(ctx))),
    createLocation: (input, ctx) => ctx.transaction((tx) => createLocation(tx, input)),
    receive: (input, ctx) => ctx.transaction((tx) => receive(tx, input, around(ctx))),
    adjust: (input, ctx) => ctx.transaction((tx) => adjust(tx, input, around(ctx))),
    transfer: (input, ctx) => ctx.transaction((tx) => transfer(tx, input, around(ctx))),
    setPolicy: (input, ctx) => ctx.transaction((tx) => setPolicy(tx, input)),
  },
  queries: {
    availability: ({ skus }, ctx) => ctx.read(async (db) => ({ items: await availability(db, skus) })),
    reservation: ({ orderId }, ctx) => ctx.read((db) => reservation(db, orderId)),
    reservations: (input, ctx) => ctx.read((db) => reservations(db, input)),
    locations: (_, ctx) => ctx.read((db) => locations(db)),
    levels: (input, ctx) => ctx.read((db) => levels(db, input)),
    movements: (input, ctx) => ctx.read((db) => movements(db, input)),
    audit: (_, ctx) =>
      ctx.read(async (db) => ({
        // A hold is overdue when two sweeps passed it over.
        violations: await inventoryInvariants(db.connection, {
          overdueBefore: ctx.now() - 2 * SWEEP_MS,
        }),
      })),
  },
  jobs: [
    {
      name: "expireReservations",
      everyMs: SWEEP_MS,
      async run(ctx) {
        const found = await ctx.transaction((tx) => expire(tx, EXPIRED_MAX, around(ctx)));
        if (found > 0) ctx.log.info("gave back stock that was not paid in time", { reservations: found });
        return found === EXPIRED_MAX;
      },
    },
  ],
});

function around(ctx: Pick<Context, "now" | "ids" | "identity" | "caller">): Around {
  return {
    now: () => ctx.now(),
    ids: ctx.ids,
    actor: ctx.identity?.subject ?? ctx.caller ?? "inventory",
  };
}
