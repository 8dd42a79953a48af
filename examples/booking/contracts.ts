/** What the three services promise. Routes, rights, typed clients and checks follow from this. */
import { anyone, command, contract, event, fault, http, query, services } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";

const Seat = t.text({ pattern: "^A[1-4]$" });
const Account = t.text({ pattern: "^[a-z]{1,20}$" });
const Claim = t.object({ booking: t.id(), seat: Seat });
const Payment = t.object({ booking: t.id(), account: Account });
const Booking = t.object({ booking: t.id(), seat: Seat, account: Account, status: t.text() });
const Nothing = t.object({});

/** Somebody else has the seat. */
export const SeatTaken = fault("seats/taken", {
  kind: "conflict",
  data: t.object({ seat: Seat }),
  message: ({ seat }) => `${seat} is taken.`,
});

/** The account holds less than a seat costs. */
export const FundsShort = fault("accounts/short", {
  kind: "conflict",
  data: t.object({ account: Account }),
  message: ({ account }) => `${account} cannot pay for a seat.`,
});

/** There is no such booking. */
export const NoBooking = fault("bookings/unknown", {
  kind: "missing",
  data: t.object({ booking: t.id() }),
  message: ({ booking }) => `There is no booking ${booking}.`,
});

/** Only a confirmed booking can be cancelled, once. */
export const NotConfirmed = fault("bookings/not-confirmed", {
  kind: "conflict",
  data: t.object({ booking: t.id() }),
  message: ({ booking }) => `The booking ${booking} is not confirmed.`,
});

const inside = { output: Nothing, allow: [services("bookings")] };
/** A no is an answer here, not a fault: it is recorded, and a request that arrives twice gets it twice. */
const answer = { output: t.object({ ok: t.boolean() }), allow: [services("bookings")] };
const outside = { output: Booking, allow: [anyone] };

export const seats = contract("seats", {
  version: "1.0.0",
  commands: {
    hold: command({ input: Claim, ...answer }),
    release: command({ input: Claim, ...inside }),
    confirm: command({ input: Claim, ...inside }),
  },
  queries: {
    list: query({
      input: Nothing,
      output: t.array(t.object({ seat: Seat, state: t.text(), timesSold: t.integer() })),
      allow: [anyone],
      http: http("GET /v1/seats"),
    }),
  },
});

export const accounts = contract("accounts", {
  version: "1.0.0",
  commands: {
    deposit: command({
      input: t.object({ account: Account, amount: t.integer({ minimum: 1, maximum: 1_000_000 }) }),
      output: t.object({ balance: t.integer() }),
      allow: [anyone],
      http: http("POST /v1/accounts/:account/deposits"),
    }),
    charge: command({ input: Payment, ...answer }),
    refund: command({ input: Payment, ...inside }),
  },
});

export const bookings = contract("bookings", {
  version: "1.0.0",
  commands: {
    book: command({
      input: t.object({ seat: Seat, account: Account }),
      ...outside,
      http: http("POST /v1/bookings", { status: 201 }),
    }),
    cancel: command({
      input: t.object({ booking: t.id() }),
      faults: [NotConfirmed],
      ...outside,
      http: http("POST /v1/bookings/:booking/cancel"),
    }),
  },
  queries: {
    show: query({
      input: t.object({ booking: t.id() }),
      faults: [NoBooking],
      ...outside,
      http: http("GET /v1/bookings/:booking"),
    }),
  },
  events: {
    confirmed: event({ key: "booking", data: Booking }),
    cancelled: event({ key: "booking", data: Booking }),
  },
});
