/** The entry of build 1 of the pantry: `node older-main.ts fleet`, and the command for it. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "../mod.ts";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => (await import("./pantry.ts")).pantry(1),
  arguments: process.argv.slice(2),
});
