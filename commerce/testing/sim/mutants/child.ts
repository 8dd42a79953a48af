/**
 * Runs seeds of the shop in a process of its own until one of them shows a violation, and prints what it found as JSON.
 * With `--import hook.ts` and a mutant in the environment the shop has that mistake in it.
 */
import { faultId, runSeed, shrink } from "@isomer/kernel/sim";
import { kindOf } from "../kind-of.ts";
import { shopSimulation } from "../shop.ts";
import type { Finding, Order } from "./finding.ts";

/** How long the search for the fewest faults may take. */
const SHRINK_MS = 90_000;

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
const beganAt = performance.now();
const spentMs = (): number => Math.round(performance.now() - beganAt);

async function search(): Promise<Finding> {
  let seeds = 0;
  const tried = new Set<number>();
  const { first, seedsMax, every = 1 } = order;
  for (const seed of [...first, ...Array.from({ length: Math.floor(seedsMax / every) }, (_, n) => every * (n + 1))]) {
    if (tried.has(seed)) continue;
    if (spentMs() > order.timeMs) break;
    tried.add(seed);
    seeds += 1;
    const result = await runSeed(shopSimulation, { seed });
    const [violation] = result.violations;
    if (violation === undefined) continue;
    const faults = result.faults.map(faultId);
    const base = { found: true, seed, seeds, violated: kindOf(violation), what: violation.what, faults } as const;
    const ms = spentMs();
    if (!order.shrinks) return { ...base, ms };
    return { ...base, ms, fewest: (await shrink(shopSimulation, result, { longestMs: SHRINK_MS, kindOf })).faults };
  }
  return { found: false, seeds, ms: spentMs() };
}

process.stdout.write(`${JSON.stringify(await search())}\n`, () => process.exit(0));
