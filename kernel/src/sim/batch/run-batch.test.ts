import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runSeed } from "../run-seed.ts";
import { carelessSimulation, coinsSimulation, driftingSimulation } from "../testing/coins.ts";
import { caseOf, keepCase, readCases } from "./cases.ts";
import { firstDifference } from "./difference.ts";
import { runBatch } from "./run-batch.ts";

const url = new URL("../testing/coins.ts", import.meta.url);

test("a batch in several processes finds what a batch in one finds, and runs seeds twice with equal digests", async () => {
  const alone = await runBatch(carelessSimulation, { seeds: 12, twiceEvery: 4 });
  const source = { url, name: "carelessSimulation" };
  const shared = await runBatch(carelessSimulation, { seeds: 12, twiceEvery: 4, jobs: 2, source });
  assert.equal(shared.jobs, 2);
  assert.deepEqual([alone.repeated, shared.repeated], [3, 6]);
  assert.deepEqual([alone.seeds, shared.seeds], [12, 12]);
  assert.deepEqual(shared.failures, alone.failures);
  assert.ok(alone.failures.length > 0);
  assert.deepEqual(shared.coverage, alone.coverage);
  assert.deepEqual(shared.differences, []);
  assert.equal(shared.ok, false);
});

test("the seeds that run twice are no series of equal steps: every fifth seed, say, would never be among them", async () => {
  const asked: number[] = [];
  const asking: typeof coinsSimulation = {
    ...coinsSimulation,
    actors(run) {
      asked.push(run.seed);
      return coinsSimulation.actors(run);
    },
  };
  const { repeated } = await runBatch(asking, { seeds: 33, twiceEvery: 10 });
  const twice = asked.filter((seed, index) => asked.indexOf(seed) < index);
  assert.deepEqual([twice, repeated], [[1, 12, 23, 31], 4]);
});

test("correct code passes, and the batch tells how far it is", async () => {
  const done: number[] = [];
  const result = await runBatch(coinsSimulation, {
    ...{ seeds: 10, from: 100, twiceEvery: 5 },
    onProgress: (progress) => void done.push(progress.done / progress.planned),
  });
  assert.ok(result.ok);
  assert.equal(result.coverage.runs, 10);
  assert.ok(result.transactions > 0);
  assert.equal(done.at(-1), 1);
});

test("a batch ends at the first failure when it is asked to", async () => {
  const result = await runBatch(carelessSimulation, { seeds: 1_000, untilFailure: true });
  assert.equal(result.failures.length, 1);
  assert.ok(result.seeds < 1_000);
});

test("what is not a function of its seed is found, with the first event that differs", async () => {
  const here = await runBatch(driftingSimulation, { seeds: 2, twiceEvery: 1 });
  assert.equal(here.ok, false);
  assert.equal(here.differences.length, 1);
  // In processes of their own, the first run of each is like no other.
  const source = { url, name: "driftingSimulation" };
  const { differences } = await runBatch(driftingSimulation, { seeds: 1, twiceEvery: 1, jobs: 1, source });
  assert.equal(differences.length, 1);
  assert.match(differences[0]?.first?.one ?? "", /note dan {2}this is run one/);
  assert.match(differences[0]?.first?.other ?? "", /note dan {2}this is run two or later/);
});

test("the first difference is where one history ends, too", () => {
  assert.equal(firstDifference(["a", "b"], ["a", "b"]), undefined);
  assert.deepEqual(firstDifference(["a", "b"], ["a"]), { index: 1, one: "b", other: undefined, before: ["a"] });
});

test("a process that dies or does not answer is a failure of its seed, and the next seed runs all the same", async () => {
  const source = { url: new URL("../testing/deadly.ts", import.meta.url), name: "deadlySimulation" };
  const { failures, seeds } = await runBatch(coinsSimulation, {
    seeds: 4,
    jobs: 1,
    source,
    twiceEvery: 0,
    runMaxMs: 2_000,
  });
  assert.equal(seeds, 4);
  assert.deepEqual(
    failures.map(({ task, violations }) => [task.seed, violations[0]?.property]),
    [
      [2, "the run ends"],
      [3, "the run ends"],
    ],
  );
  assert.match(failures[0]?.violations[0]?.what ?? "", /ended with code 7/);
  assert.match(failures[1]?.violations[0]?.what ?? "", /longer than 2000 ms/);
});

test("a system that does not start is told at once", async () => {
  const broken = {
    ...coinsSimulation,
    prepare: () => Promise.reject(new Error("the till is locked")),
  };
  await assert.rejects(runBatch(broken, { seeds: 10 }), /the till is locked/);
});

test("what the properties and the list ask for must be reached, or the batch fails", async () => {
  const required = { runsMin: 3, areas: { faults: { kill: ["happened"] } } };
  const [rates, properties] = [
    { kill: 0 },
    [...coinsSimulation.properties, { kind: "sometimes", name: "rain" } as const],
  ];
  const result = await runBatch({ ...coinsSimulation, rates, properties }, { seeds: 3, required });
  assert.deepEqual(result.missing, ["faults: kill: never happened", "notes: rain: never noted"]);
  assert.equal(result.ok, false);
  const small = await runBatch({ ...coinsSimulation, rates, properties }, { seeds: 2, required });
  assert.ok(small.ok);
});

test("a kept case runs first, whole and with what matters of it, and counts until it is mended", async () => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-sim-"));
  try {
    assert.deepEqual(readCases(folder, "careless"), []);
    let seed = 1;
    while ((await runSeed(carelessSimulation, { seed })).violations.length === 0) seed += 1;
    const result = await runSeed(carelessSimulation, { seed });
    const kept = caseOf("careless", result, 3);
    assert.equal(keepCase(folder, kept), `${folder}/careless/${seed}.json`);
    assert.deepEqual(readCases(folder, "careless"), [kept]);
    const options = { from: 10_000, seeds: 1, twiceEvery: 0, kept: readCases(folder, "careless") };
    const { failures } = await runBatch(carelessSimulation, options);
    const ofCase = failures.filter(({ task }) => task.seed === seed);
    assert.deepEqual(
      ofCase.map(({ task }) => task.only),
      [undefined, kept.faults],
    );
    const mended = await runBatch(coinsSimulation, options);
    assert.equal(mended.kept, 1);
    assert.ok(mended.ok);
    assert.equal(mended.coverage.runs, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
