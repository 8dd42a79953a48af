import assert from "node:assert/strict";
import { test } from "node:test";
import { faultId } from "../faults.ts";
import { runSeed } from "../run-seed.ts";
import { carelessSimulation, coinsSimulation } from "../testing/coins.ts";
import { shrink } from "./shrink.ts";

async function failing() {
  for (let seed = 1; ; seed += 1) {
    const result = await runSeed(carelessSimulation, { seed });
    if (result.violations.length > 0 && result.faults.length > 10) return result;
  }
}

test("a failing run is shrunk to the faults and actors without which it does not fail", async () => {
  const result = await failing();
  const seen: number[] = [];
  const { faults, actors, isMinimal, runs } = await shrink(carelessSimulation, result, {
    onProgress: (progress) => void seen.push(progress.faults),
  });
  assert.ok(isMinimal);
  assert.ok(faults.length >= 1 && faults.length <= 3, `${faults.length} faults are left`);
  assert.ok(actors.length >= 1 && actors.length < 3, `${actors.length} actors are left`);
  assert.equal(seen.length, runs);
  const { seed } = result;
  const run = async (only: readonly string[]) =>
    (await runSeed(carelessSimulation, { seed, only: new Set(only), onlyActors: new Set(actors) })).violations;
  assert.equal((await run(faults))[0]?.property, result.violations[0]?.property);
  for (const without of faults) assert.deepEqual(await run(faults.filter((id) => id !== without)), [], without);
});

test("shrinking ends when its runs are used up, with the smallest run until then", async () => {
  const result = await failing();
  const shrunk = await shrink(carelessSimulation, result, { runsMax: 3 });
  assert.equal(shrunk.isMinimal, false);
  assert.equal(shrunk.runs, 3);
  assert.equal(shrunk.result.violations.length > 0, true);
});

test("what did not fail, or does not fail again, is not shrunk", async () => {
  const fine = await runSeed(coinsSimulation, { seed: 1 });
  await assert.rejects(shrink(coinsSimulation, fine), /does not fail: there is nothing to shrink/);
  const result = await failing();
  await assert.rejects(shrink(coinsSimulation, result), /does not fail again/);
});

test("without the other actors the faults of one find their occasions again", async () => {
  const whole = await runSeed(carelessSimulation, { seed: 1 });
  const one = await runSeed(carelessSimulation, { seed: 1, onlyActors: new Set(["ann"]) });
  assert.deepEqual(one.actors, ["ann"]);
  const before = new Set(whole.faults.map(faultId));
  const own = one.faults.map(faultId).filter((id) => id.includes("ann-0"));
  assert.ok(own.length > 0);
  for (const id of own) assert.ok(before.has(id), id);
});
