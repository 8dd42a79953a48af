/** `npx node examples/booking/main.ts`: the booking system in one process, with its data in `./booking-data`. */
import { prettyLogger, runSystem } from "@isomer/kernel/node";
import { booking } from "./system.ts";

const running = await runSystem({
  system: booking,
  version: "1.0.0",
  dataFolder: "booking-data",
  log: prettyLogger({ level: "warn" }),
  port: 3001,
});
console.log(`The booking system answers at ${running.url}; its API page is ${running.url}/docs`);
process.once("SIGINT", () => void running.stop());
