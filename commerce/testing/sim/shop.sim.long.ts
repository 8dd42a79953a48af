/**
 * The shop, attacked from many seeds. `SIM_SEEDS` says from how many, `SIM_FROM` from which on. What fails here is
 * told at length by `npm run sim -- --seed N`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchResult, coverageTable, readCases, runBatch } from "@isomer/kernel/sim";
import { REQUIRED } from "./required.ts";
import { shopSimulation } from "./shop.ts";

const SEEDS = Number(process.env["SIM_SEEDS"] ?? 300);
const FROM = Number(process.env["SIM_FROM"] ?? 1);
const TWICE_EVERY = 25;

let batch: Promise<BatchResult> | undefined;

/** One batch for all tests. */
function result(): Promise<BatchResult> {
  batch ??= runBatch(shopSimulation, {
    ...{ seeds: SEEDS, from: FROM, twiceEvery: TWICE_EVERY, required: REQUIRED },
    source: { url: new URL("./shop.ts", import.meta.url), name: "shopSimulation" },
    kept: readCases("testdata/sim", shopSimulation.name),
  });
  return batch;
}

test("the shop keeps its promises under every seed, and under those that broke them once", async (t) => {
  const { failures, seeds, kept, transactions, elapsedMs, faults, crashes } = await result();
  const perSecond = Math.round((transactions / elapsedMs) * 1_000);
  t.diagnostic(`${seeds} seeds, ${kept} kept, ${faults} faults, ${crashes} crashes, ${perSecond} transactions/s`);
  const told = failures.map(({ task, violations: [first] }) => {
    const part = task.only === undefined ? "" : " (what was kept of it)";
    return `seed ${task.seed}${part}: ${first?.property ?? ""}: ${first?.what ?? ""}`;
  });
  assert.deepEqual(told, []);
});

test("a seed has one history: again after others, and in another process after another seed", async () => {
  const { differences, repeated } = await result();
  assert.deepEqual(differences, []);
  assert.equal(repeated, 2 * Math.ceil(SEEDS / TWICE_EVERY));
});

test("a batch reaches every kind of fault, and all that can happen to each step of each saga", async (t) => {
  const { missing, coverage } = await result();
  if (coverage.runs < REQUIRED.runsMin) return t.diagnostic(`${coverage.runs} seeds are too few to say`);
  for (const line of coverageTable(coverage)) t.diagnostic(line);
  assert.deepEqual(missing, []);
});
