#!/usr/bin/env node
/** `npx node examples/booking/fleet.ts fleet`: the booking system as a fleet, and the `isomer` command for it. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "@isomer/kernel/cli";
import { defineFleet } from "@isomer/kernel/node/fleet-host";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => defineFleet({ system: (await import("./system.ts")).booking, version: "1.0.0" }),
  arguments: process.argv.slice(2),
});
