/** `npm run sim`: attacks the shop in simulation. `npm run sim -- --help` says what can be asked for. */
import { simCommand } from "@isomer/kernel/sim";
import { kindOf } from "./kind-of.ts";
import { REQUIRED } from "./required.ts";
import { shopSimulation } from "./shop.ts";

process.exitCode = await simCommand(shopSimulation, {
  words: process.argv.slice(2),
  source: { url: new URL("./shop.ts", import.meta.url), name: "shopSimulation" },
  required: REQUIRED,
  kindOf,
});
