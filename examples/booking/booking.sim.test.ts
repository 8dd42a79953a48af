/** What the simulation of the booking system finds: nothing in what is there, and bugs where there are some. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSimulation } from "@isomer/kernel/sim";
import { looksBeforeItTakes, neverReleases, refusesByFault } from "./planted-bugs.ts";
import { bookingSimulation } from "./simulation.ts";

const command = "npx node examples/booking/simulate.ts";

test("guests get what they pay for, whatever goes wrong meanwhile", async () => {
  await checkSimulation(bookingSimulation, { seeds: 25, command });
});

test("it is found when a seat is looked at before the transaction that takes it", async () => {
  const careless = { ...bookingSimulation, name: "booking, careless", system: looksBeforeItTakes };
  await assert.rejects(checkSimulation(careless, { seeds: 60, shrinkMs: 0 }), /is sold 2 times|is confirmed or undone/);
});

test("a no by a fault is a no for every copy of the request", async () => {
  const rates = { "request doubled": 0.1 };
  const strict = { ...bookingSimulation, name: "booking, strict", system: refusesByFault, rates };
  await checkSimulation(strict, { seeds: 60, command });
});

test("it is found when a saga does not give its seat back", async () => {
  const greedy = { ...bookingSimulation, name: "booking, greedy", system: neverReleases };
  await assert.rejects(checkSimulation(greedy, { shrinkMs: 0 }), /is confirmed or undone/);
});
