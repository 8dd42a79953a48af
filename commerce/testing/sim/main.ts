/** `npm run sim`: attacks the shop in simulation. `npm run sim -- --help` says what can be asked for. */
import { type SimViolation, simCommand } from "@isomer/kernel/sim";
import { REQUIRED } from "./required.ts";
import { shopSimulation } from "./shop.ts";

const INVARIANT = /^invariant \S+(?=: )/;

/** One property holds all the invariants: what is one failure is told by the invariant's number. */
function kindOf({ property, what }: SimViolation): string {
  return `${property} ${INVARIANT.exec(what)?.[0] ?? ""}`;
}

process.exitCode = await simCommand(shopSimulation, {
  words: process.argv.slice(2),
  source: { url: new URL("./shop.ts", import.meta.url), name: "shopSimulation" },
  required: REQUIRED,
  kindOf,
});
