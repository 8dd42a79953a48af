/** The booking system in simulation: guests want the same two seats at the same moments, and some change their minds. */
import { actor, always, eventually, simulation, sometimes } from "@isomer/kernel/sim";
import { PRICE } from "./accounts.ts";
import { booking } from "./system.ts";

const guest = (name: string) =>
  actor(name, async function* (ctx) {
    const amount = ctx.between(50, 450);
    await ctx.persist("POST", `/v1/accounts/${name}/deposits`, { body: { amount }, key: `${name}-pays-in` });
    ctx.report(amount);
    for (let n = 1; n <= 5; n += 1) {
      yield 500 - (ctx.now % 500); // until the next half second, when all the others ask, too
      const body = { seat: ctx.pick(["A1", "A2"]), account: name };
      const { body: booked } = await ctx.persist("POST", "/v1/bookings", { body, key: `${name}-books-${n}` });
      ctx.note(booked.status);
      if (booked.status === "confirmed" && ctx.between(1, 4) < 4)
        await ctx.persist("POST", `/v1/bookings/${booked.booking}/cancel`, { body: {}, key: `${name}-cancels-${n}` });
    }
  });

const SOLD_TWICE = `SELECT seat || ' is sold ' || count(*) || ' times' FROM booking WHERE status = 'confirmed'
  GROUP BY seat HAVING count(*) > 1`;
const BELOW_ZERO = "SELECT account || ' owes ' || -sum(amount) FROM entry GROUP BY account HAVING sum(amount) < 0";
const BALANCE = "SELECT sum(amount) FROM entry";
const CONFIRMED = "SELECT booking FROM booking WHERE status = 'confirmed' ORDER BY 1";
const FAILED = "SELECT booking FROM booking WHERE status NOT IN ('pending', 'confirmed', 'cancelled')";
const HOLDING = "SELECT holder FROM seat WHERE holder IS NOT NULL ORDER BY 1";
const PAID = "SELECT about FROM entry WHERE kind <> 'deposit' GROUP BY about HAVING sum(amount) < 0 ORDER BY 1";

export const bookingSimulation = simulation({
  name: "booking",
  system: booking,
  lookMs: 100,
  replicasEvery: 5,
  actors: () => ["ada", "bea", "cem", "dan", "eva"].map(guest),
  properties: [
    always("no seat is sold twice", ({ texts }) => texts("bookings", SOLD_TWICE)),
    always("no account is below zero", ({ texts }) => texts("accounts", BELOW_ZERO)),
    eventually("every booking is confirmed or undone", ({ texts }) => {
      const lists = [texts("bookings", CONFIRMED), texts("seats", HOLDING), texts("accounts", PAID)].map(String);
      return new Set(lists).size === 1 ? [] : [`confirmed, with a seat, paid: ${lists.join("; ")}`];
    }),
    eventually("the money adds up", ({ texts, reports }) => {
      const paidIn = (reports as number[]).reduce((sum, amount) => sum + amount, 0);
      const due = paidIn - PRICE * texts("bookings", CONFIRMED).length;
      const held = Number(texts("accounts", BALANCE));
      return held === due ? [] : [`the accounts hold ${held} instead of ${due}`];
    }),
    sometimes("confirmed"),
    sometimes("seats/taken"),
    sometimes("accounts/short"),
    sometimes("a booking that failed gave its seat back", ({ texts }) => {
      const released = new Set(texts("seats", "SELECT booking FROM released"));
      return texts("bookings", FAILED).some((failed) => released.has(failed));
    }),
  ],
});
