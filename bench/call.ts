/**
 * What a call in memory costs: the whole pipeline (validate, copy, authorise, admit, deadline, span, metrics, guard)
 * against a bare asynchronous function that does the same work. The answers are checked before anything is timed.
 */
import assert from "node:assert/strict";
import { contract, query, services, anyone } from "@isomer/kernel/contract";
import { openWorld } from "@isomer/kernel/node";
import { Host, defineSystem, implement } from "@isomer/kernel/runtime";
import { t } from "@isomer/kernel/schema";
import { silentLogger } from "@isomer/kernel/std";

const Line = t.object({ sku: t.text(), quantity: t.integer({ minimum: 1 }) });
const adder = contract("adder", {
  version: "1.0.0",
  queries: {
    add: query({
      input: t.object({ orderId: t.text(), lines: t.array(Line) }),
      output: t.object({ total: t.integer() }),
      allow: [services("caller")],
    }),
  },
});
const caller = contract("caller", {
  version: "1.0.0",
  queries: {
    run: query({
      input: t.object({ times: t.integer(), bare: t.boolean() }),
      output: t.object({ total: t.integer(), ms: t.number() }),
      allow: [anyone],
      deadlineMs: 120_000,
    }),
  },
});

type Input = { orderId: string; lines: { sku: string; quantity: number }[] };
const work = async ({ lines }: Input) => {
  let total = 0;
  for (const line of lines) total += line.quantity;
  return { total };
};
const input: Input = {
  orderId: "0190a9b0-0000-7000-8000-000000000000",
  lines: [
    { sku: "MUG-BLUE-L", quantity: 2 },
    { sku: "TENT-2P-GREEN", quantity: 1 },
    { sku: "LAMP-S", quantity: 3 },
  ],
};

const adderService = implement()(adder, { commands: {}, queries: { add: work } });
const callerService = implement()(caller, {
  uses: [adder],
  commands: {},
  queries: {
    async run({ times, bare }, ctx) {
      let total = 0;
      // Processor time, not time on the clock: what else the machine does is not the call's cost.
      const before = process.cpuUsage();
      for (let n = 0; n < times; n += 1) {
        const answer = bare ? await work(input) : await ctx.call(adder.add(input));
        total += answer.total;
      }
      const { user, system } = process.cpuUsage(before);
      return { total, ms: (user + system) / 1_000 };
    },
  },
});

const { world, close } = openWorld({ dataFolder: ":memory:", log: silentLogger });
const system = defineSystem({ name: "bench", services: [adderService, callerService], roles: {} });
const host = await Host.start({ system, world, jobs: false });

async function run(times: number, bare: boolean): Promise<number> {
  const { output } = await host.invoke({ service: "caller", operation: "run", input: { times, bare } });
  const { total, ms } = output as { total: number; ms: number };
  assert.equal(total, times * 6, "the answers are right");
  return (ms * 1_000) / times;
}

await run(20_000, false);
await run(20_000, true);
const rounds = { bare: [] as number[], called: [] as number[] };
for (let round = 0; round < 7; round += 1) {
  rounds.bare.push(await run(100_000, true));
  rounds.called.push(await run(100_000, false));
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const bare = median(rounds.bare);
const called = median(rounds.called);
console.log(`bare function      ${bare.toFixed(2)} µs`);
console.log(`call in memory     ${called.toFixed(2)} µs`);
console.log(`the pipeline adds  ${(called - bare).toFixed(2)} µs (budget 5 µs)`);
await host.stop();
close();
