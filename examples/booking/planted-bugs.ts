/** The booking system with bugs that people make, to see that the simulation finds them; and one that the kernel had. */
import { type CommandContext, type Service, type System, defineSystem } from "@isomer/kernel/runtime";
import { accountsService } from "./accounts.ts";
import { bookingsService } from "./bookings.ts";
import { SeatTaken } from "./contracts.ts";
import { type Tables, seatsService } from "./seats.ts";

/** Seats with another handler for one command. */
function withSeats(commands: Service["commands"]): System {
  const services = [{ ...seatsService, commands: { ...seatsService.commands, ...commands } }];
  return defineSystem({ name: "Booking", services: [...services, accountsService, bookingsService], roles: {} });
}

interface Claim {
  readonly seat: string;
  readonly booking: string;
}

/** Looks whether the seat is free, and then takes it in a transaction of its own: much may lie between. */
export const looksBeforeItTakes = withSeats({
  async hold({ seat, booking }: Claim, ctx: CommandContext<Tables>) {
    const [row] = await ctx.read((db) =>
      db.query((sql) => sql.selectFrom("seat").selectAll().where("seat", "=", seat)),
    );
    const ok = row?.holder === null;
    return ctx.transaction(async (tx) => {
      if (ok) await tx.change((sql) => sql.updateTable("seat").set({ holder: booking }).where("seat", "=", seat));
      return { ok };
    });
  },
});

/**
 * Says no by a fault. That is right, and was not when this example was written: nothing was recorded of a fault, so a
 * request that arrived twice could get a no and then a yes.
 */
export const refusesByFault = withSeats({
  hold: ({ seat, booking }: Claim, ctx: CommandContext<Tables>) =>
    ctx.transaction(async (tx) => {
      const changed = await tx.change((sql) =>
        sql.updateTable("seat").set({ holder: booking }).where("seat", "=", seat).where("holder", "is", null),
      );
      if (changed === 0) throw SeatTaken.with({ seat });
      return { ok: true };
    }),
});

/** Lets bookings that fail keep their seats. */
export const neverReleases = withSeats({
  release: (_, ctx: CommandContext<Tables>) => ctx.transaction(async () => ({})),
});
