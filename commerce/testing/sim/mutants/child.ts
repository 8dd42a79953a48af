/**
 * Runs seeds of the shop in a process of its own until one of them shows a violation, and prints what it found as JSON.
 * With `--import hook.ts` and a mutant in the environment the shop has that mistake in it.
 */
import { type RunResult, faultId, runSeed } from "@isomer/kernel/sim";
import { shopSimulation } from "../shop.ts";
import type { Finding, Order } from "./finding.ts";
import { fewestFaults } from "./fewest.ts";

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
const beganAt = performance.now();
const spentMs = (): number => Math.round(performance.now() - beganAt);

async function search(): Promise<Finding> {
  let seeds = 0;
  const tried = new Set<number>();
  for (const seed of [...order.first, ...Array.from({ length: order.seedsMax }, (_, n) => n + 1)]) {
    if (tried.has(seed)) continue;
    if (spentMs() > order.timeMs) break;
    tried.add(seed);
    seeds += 1;
    const result = await runSeed(shopSimulation, { seed });
    const counted = result.violations.filter((violation) => !isKnown(`${violation.property}: ${violation.what}`));
    const [violation] = counted;
    if (violation === undefined) continue;
    const faults = result.faults.map(faultId);
    const base = { found: true, seed, seeds, property: violation.property, what: violation.what, faults } as const;
    if (!order.shrinks) return { ...base, ms: spentMs() };
    return { ...base, ms: spentMs(), fewest: await fewest(result) };
  }
  return { found: false, seeds, ms: spentMs() };
}

/** Leaves out the faults without which the same property is violated still. */
function fewest({ seed, faults, violations }: RunResult): Promise<readonly string[]> {
  const wanted = new Set(violations.map(({ property }) => property));
  return fewestFaults(faults.map(faultId), async (only) => {
    const result = await runSeed(shopSimulation, { seed, only: new Set(only) });
    return result.violations.some(({ property, what }) => wanted.has(property) && !isKnown(`${property}: ${what}`));
  });
}

function isKnown(text: string): boolean {
  return order.ignored.some((shape) => new RegExp(shape, "u").test(text));
}

process.stdout.write(`${JSON.stringify(await search())}\n`, () => process.exit(0));
