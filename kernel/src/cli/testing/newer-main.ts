/** The entry of build 2 of the pantry: `node newer-main.ts fleet`, and the command for it. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "../mod.ts";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => (await import("./pantry.ts")).pantry(2),
  arguments: process.argv.slice(2),
});
