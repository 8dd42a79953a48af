/** A system whose processes do nothing but live: `node fakes-main.ts fleet`, then any other command of `isomer`. */
import { fileURLToPath } from "node:url";
import { processTerminal } from "../../node/fleet/mod.ts";
import { systemClock } from "../../node/clock.ts";
import { isomer } from "../mod.ts";

const [, , ...given] = process.argv;
const services = (process.env["FAKE_SERVICES"] ?? "orders,cart").split(",");
const clock = systemClock();
process.exitCode = await isomer({
  arguments: given,
  terminal: processTerminal(),
  clock,
  entry: fileURLToPath(import.meta.url),
  system: () => Promise.resolve({ name: "Fakes", services, version: "1.0.0" }),
  run: async () => {
    await import("../../node/fleet/testing/fake-host.ts");
    // A process of the fleet lives until it is told to end.
    await new Promise(() => undefined);
  },
});
