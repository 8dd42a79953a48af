/** The booking system with bugs that people make, to see that the simulation finds them. */
import { type CommandContext, type Service, type System, defineSystem } from "@isomer/kernel/runtime";
import { accountsService } from "./accounts.ts";
import { bookingsService } from "./bookings.ts";
import { type Tables, seatsService } from "./seats.ts";

/** Seats with another handler for one command. */
function withSeats(commands: Service["commands"]): System {
  const services = [{ ...seatsService, commands: { ...seatsService.commands, ...commands } }];
  return defineSystem({ name: "Booking", services: [...services, accountsService, bookingsService], roles: {} });
}

/** Looks whether the seat is free, and then takes it in a transaction of its own: much may lie between. */
export const looksBeforeItTakes = withSeats({
  async hold({ seat, booking }: { seat: string; booking: string }, ctx: CommandContext<Tables>) {
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

/** Lets bookings that fail keep their seats. */
export const neverReleases = withSeats({
  release: (_, ctx: CommandContext<never>) => ctx.transaction(async () => ({})),
});
