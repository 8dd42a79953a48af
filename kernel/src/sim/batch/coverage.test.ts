import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "../run-seed.ts";
import { transfersSimulation } from "../testing/transfers.ts";
import { coverageTable } from "./coverage-table.ts";
import { type Coverage, type Required, Tally, mergeCoverage, missingIn } from "./coverage.ts";
import { coverageOf } from "./reached.ts";

function coverageWith(count: (tally: Tally) => void): Coverage {
  const tally = new Tally();
  count(tally);
  return tally.told(1);
}

const required: Required = {
  runsMin: 2,
  closed: ["steps"],
  areas: { steps: { "teller.move.take": ["done", "crashed"] } },
};

test("what several runs reached is added up, whichever order they come in", () => {
  const one = coverageWith((tally) => tally.count("steps", "teller.move.take", "done", 2));
  const other = coverageWith((tally) => tally.count("steps", "teller.move.take", "crashed"));
  const merged = mergeCoverage([one, other]);
  assert.deepEqual(merged, mergeCoverage([other, one]));
  assert.equal(merged.runs, 2);
  assert.deepEqual(merged.areas.steps, { "teller.move.take": { done: 2, crashed: 1 } });
});

test("what is not reached any more is missing, a step that vanished too, and one that nobody listed", () => {
  const both = coverageWith((tally) => {
    tally.count("steps", "teller.move.take", "done");
    tally.count("steps", "teller.move.take", "crashed");
  });
  const done = coverageWith((tally) => tally.count("steps", "teller.move.take", "done"));
  const renamed = coverageWith((tally) => tally.count("steps", "teller.move.grab", "done"));
  assert.deepEqual(missingIn(mergeCoverage([both, done]), required), []);
  assert.deepEqual(missingIn(mergeCoverage([done, done]), required), ["steps: teller.move.take: never crashed"]);
  assert.deepEqual(missingIn(mergeCoverage([renamed, renamed]), required), [
    "steps: teller.move.take: never done, crashed",
    "steps: teller.move.grab: not in the list of what must be reached",
  ]);
});

test("what is rare is asked of large batches only, and is listed all the same", () => {
  const rare = { runsMin: 3, areas: { steps: { "teller.move.take": ["unknown"], "teller.move.undo": ["done"] } } };
  const all = coverageWith((tally) => {
    for (const what of ["done", "crashed"]) tally.count("steps", "teller.move.take", what);
    tally.count("steps", "teller.move.undo", "late");
  });
  assert.deepEqual(missingIn(mergeCoverage([all, all]), { ...required, rare }), []);
  assert.deepEqual(missingIn(mergeCoverage([all, all, all]), { ...required, rare }), [
    "steps: teller.move.take: never unknown",
    "steps: teller.move.undo: never done",
  ]);
});

test("a batch that is too small is not held to the list", () => {
  assert.deepEqual(
    missingIn(
      coverageWith(() => {}),
      required,
    ),
    [],
  );
});

test("a run's faults, steps, sagas, calls, transactions and notes are counted from what happened", async () => {
  const simulation = transfersSimulation({ placement: "apart", rates: { "reply lost": 0.3, "request doubled": 0.3 } });
  const results = [];
  for (let seed = 1; seed <= 6; seed += 1) results.push(await runSeed(simulation, { seed }));
  const { areas, runs } = mergeCoverage(results.map(coverageOf));
  assert.equal(runs, 6);
  const happened = results.flatMap(({ faults }) => faults).filter(({ kind }) => kind === "reply lost").length;
  assert.equal(areas.faults["reply lost"]?.["happened"], happened);
  const take = areas.steps["teller.move.take"] ?? {};
  for (const what of ["done", "unanswered", "doubled", "repeated"]) assert.ok((take[what] ?? 0) > 0, what);
  const sagas = results.flatMap((result) => result.sagas);
  const ended = Object.values(areas.sagas["teller.move"] ?? {}).reduce((sum, n) => sum + n, 0);
  assert.equal(ended, sagas.length);
  assert.ok((areas.operations["books.take"]?.["called"] ?? 0) >= (take["done"] ?? 0));
  assert.ok((areas.transactions["books.take"]?.["committed"] ?? 0) > 0);
  assert.equal(areas.notes["money moves"]?.["noted"], 6 * 18);
  const table = coverageTable(mergeCoverage(results.map(coverageOf))).join("\n");
  assert.match(table, /teller\.move\.take +\d+/);
});

test("a step in whose handler the process dies counts as crashed", async () => {
  const simulation = transfersSimulation({ placement: "apart", rates: { "crash before reply": 0.3 } });
  const { areas } = mergeCoverage([coverageOf(await runSeed(simulation, { seed: 1 }))]);
  assert.ok((areas.steps["teller.move.take"]?.["crashed"] ?? 0) > 0);
});
