/** `npx node examples/booking/simulate.ts --help`: runs the simulation by hand. */
import { simCommand } from "@isomer/kernel/sim";
import { bookingSimulation } from "./simulation.ts";

process.exitCode = await simCommand(bookingSimulation, {
  words: process.argv.slice(2),
  command: "npx node examples/booking/simulate.ts",
  source: { url: new URL("./simulation.ts", import.meta.url), name: "bookingSimulation" },
});
