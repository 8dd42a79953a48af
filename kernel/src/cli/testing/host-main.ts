/** The entry of an empty system: `node host-main.ts run …` runs one process of it. */
import { fileURLToPath } from "node:url";
import { defineFleet } from "../../node/fleet-host/mod.ts";
import { defineSystem } from "../../runtime/mod.ts";
import { fleetMain } from "../mod.ts";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: () =>
    Promise.resolve(
      defineFleet({ system: defineSystem({ name: "Empty", services: [], roles: {} }), version: "1.0.0" }),
    ),
  arguments: process.argv.slice(2),
});
