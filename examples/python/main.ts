#!/usr/bin/env node
/**
 * The shop with gift wrapping, as a fleet: the desk is a service of the shop, gift wrapping is a program in Python that it
 * uses, and that uses the shop's catalogue. `npx node examples/python/main.ts fleet`, then any command of `isomer`.
 */
import { fileURLToPath } from "node:url";
import { fleetMain } from "../../kernel/src/cli/mod.ts";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => (await import("./gift-fleet.ts")).giftFleet(),
  arguments: process.argv.slice(2),
});
