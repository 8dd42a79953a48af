/** A run is a pure function of its simulation and its seed: whenever, after whatever, and in whichever process. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { faultId, runSeed } from "./mod.ts";
import { transfersSimulation } from "./testing/transfers.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const simulation = transfersSimulation();
const digestOf = async (seed: number, of = simulation): Promise<string> => (await runSeed(of, { seed })).digest;

async function digests(seeds: readonly number[], of = simulation): Promise<Record<number, string>> {
  const found: Record<number, string> = {};
  for (const seed of seeds) found[seed] = await digestOf(seed, of);
  return found;
}

test("a seed gives the same history again, whatever ran before it", async () => {
  const forwards = await digests(SEEDS);
  assert.equal(new Set(Object.values(forwards)).size, SEEDS.length, "and another seed another");
  assert.deepEqual(await digests(SEEDS.toReversed()), forwards);
  assert.deepEqual(await digests([3, 3]), { 3: forwards[3] });
  // A simulation of its own fills its databases by itself.
  assert.deepEqual(await digests([5], transfersSimulation()), { 5: forwards[5] });
});

test("everything that a run tells is the same again, not only its digest", async () => {
  const [first, second] = [await runSeed(simulation, { seed: 7 }), await runSeed(simulation, { seed: 7 })];
  assert.ok(first.events.length > 100 && first.faults.length > 0);
  assert.deepEqual(second, first);
});

test("runs that are asked for at once do not touch one another", async () => {
  const alone = await digests([8, 9]);
  const [eight, nine] = await Promise.all([digestOf(8), digestOf(9)]);
  assert.deepEqual({ 8: eight, 9: nine }, alone);
});

test("a seed gives the same history in another process, in another place, after another seed", async () => {
  const [sim, transfers] = ["./mod.ts", "./testing/transfers.ts"].map((path) => new URL(path, import.meta.url).href);
  const script = `
    import { runSeed } from "${sim}";
    import { transfersSimulation } from "${transfers}";
    const simulation = { ...transfersSimulation(), replicasEvery: 2 };
    for (const seed of [11, 2, 4]) console.log((await runSeed(simulation, { seed })).digest);
  `;
  // Those with replicas, too.
  const some = { ...transfersSimulation(), replicasEvery: 2 };
  const here = [await digestOf(11), await digestOf(2, some), await digestOf(4, some)];
  for (const env of [
    { TZ: "Pacific/Kiritimati", LANG: "tr_TR.UTF-8" },
    { TZ: "America/St_Johns", LANG: "C" },
  ]) {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, ...env },
    });
    assert.deepEqual(stdout.trim().split("\n"), here);
  }
});

test("a run in which all its faults are allowed is the run itself, and none happens that is not", async () => {
  const whole = await runSeed(simulation, { seed: 7 });
  const ids = whole.faults.map(faultId);
  const again = await runSeed(simulation, { seed: 7, only: new Set(ids) });
  assert.deepEqual([again.digest, again.faults], [whole.digest, whole.faults]);
  const half = new Set(ids.filter((_, index) => index % 2 === 0));
  const shrunk = await runSeed(simulation, { seed: 7, only: half });
  assert.ok(shrunk.faults.length > 0);
  assert.deepEqual(
    shrunk.faults.map(faultId).filter((id) => !half.has(id)),
    [],
  );
  const calm = await runSeed(simulation, { seed: 7, only: new Set() });
  assert.deepEqual([calm.faults, calm.crashes, calm.violations], [[], 0, []]);
});
