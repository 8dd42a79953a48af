/** `npm run fleet`: the shop as a fleet on this machine, and the `isomer` command for it. `npm run fleet -- help` says more. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "@isomer/kernel/cli";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => (await import("./run/fleet.ts")).shopFleet(),
  arguments: process.argv.slice(2),
});
