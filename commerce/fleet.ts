#!/usr/bin/env node
/**
 * `npm run fleet`: the shop as a fleet on this machine, and the `isomer` command for it. `npm run isomer -- help` says more.
 *
 * Each process of the fleet is started with this file. What Node makes of the sources is kept beside what npm installed,
 * so that only the first start strips and compiles them.
 */
import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/isomer", import.meta.url)));
const { fleetMain } = await import("@isomer/kernel/cli");
process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => (await import("./run/fleet.ts")).shopFleet(),
  arguments: process.argv.slice(2),
});
// A process that is killed writes nothing when it ends.
flushCompileCache();
