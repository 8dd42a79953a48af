/**
 * How fast the simulation is, in committed transactions per second of one core's processor time: a small system, whose
 * transactions are a statement or two, and the shop, whose are a dozen. Every run is checked: no violation, and a seed
 * that runs twice gives one history. The budget is 5,000 a second.
 *
 *   npx node bench/simulation.ts [seeds]
 */
import assert from "node:assert/strict";
import { shopSimulation } from "@isomer/commerce/testing/sim/shop.ts";
import { FAULTS, type Simulation, runSeed } from "@isomer/kernel/sim";
import { transfersSimulation } from "../kernel/src/sim/testing/transfers.ts";

const SEEDS = Number(process.argv[2] ?? 20);

async function measure(what: string, simulation: Simulation, seeds: number): Promise<void> {
  // For the compiler, and for what is prepared once; and the same seed twice is the same history.
  const first = await runSeed(simulation, { seed: 1 });
  const again = await runSeed(simulation, { seed: 1 });
  assert.equal(again.digest, first.digest, "one seed gave two histories");
  const before = process.cpuUsage();
  let [transactions, events, virtualMs] = [0, 0, 0];
  for (let seed = 2; seed < 2 + seeds; seed += 1) {
    const result = await runSeed(simulation, { seed });
    assert.deepEqual(result.violations, [], `seed ${seed}`);
    transactions += result.transactions;
    events += result.eventCount;
    virtualMs += result.virtualMs;
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  const perSecond = Math.round((transactions / cpuMs) * 1_000);
  const text = [
    `${what.padEnd(34)}${String(perSecond).padStart(7)} transactions a second and core`,
    `${(cpuMs / seeds).toFixed(0)} ms a seed`,
    `${Math.round(transactions / seeds)} transactions, ${Math.round(events / seeds)} events a seed`,
    `${(virtualMs / cpuMs).toFixed(0)} times as fast as life`,
  ];
  console.log(text.join("   "));
}

await measure("transfers, 3 movers", transfersSimulation({ moves: 40 }), SEEDS);
await measure("transfers, 3 movers, no faults", { ...transfersSimulation({ moves: 40 }), rates: calm() }, SEEDS);
await measure("the shop, 8 buyers", shopSimulation, SEEDS);

function calm(): Record<string, number> {
  return Object.fromEntries(Object.keys(FAULTS).map((kind) => [kind, 0]));
}
