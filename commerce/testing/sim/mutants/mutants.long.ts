/**
 * The simulation is tested by mutation: planted mistakes are found, first by the seed that found them last time, else by
 * any of the first 500 (of those with replicas, where it needs them); and the shop without one passes.
 *
 * Those that an early seed found are looked for each time; `MUTANTS=all` looks for every one, which takes minutes more.
 */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { MUTANTS, everyOf } from "./list.ts";
import { search } from "./search.ts";
import { knownRows } from "./table.ts";

const SEEDS_MAX = 500;
const TIME_MS = 600_000;
/** Seeds of the shop as it is: were the violations there, too, they would prove nothing. */
const CONTROL_SEEDS = 20;

/** What counts as an early seed. */
const EARLY = 3;

const rows = await knownRows();
const isWanted = ({ name }: { name: string }): boolean =>
  process.env["MUTANTS"] === "all" || (rows.get(name)?.seeds ?? EARLY) <= EARLY;

describe("mutants", { concurrency: availableParallelism() }, () => {
  test("the shop as it is passes", async () => {
    const order = { first: [], seedsMax: CONTROL_SEEDS, timeMs: TIME_MS, shrinks: false };
    const finding = await search(undefined, order);
    assert.ok(!finding.found, JSON.stringify(finding));
    assert.equal(finding.seeds, CONTROL_SEEDS);
  });

  for (const mutant of MUTANTS.filter(isWanted)) {
    const { name } = mutant;
    test(`"${name}" is found`, async () => {
      const known = rows.get(name)?.seeds;
      const first = known === undefined ? [] : [known];
      const order = { first, seedsMax: SEEDS_MAX, every: everyOf(mutant), timeMs: TIME_MS, shrinks: false };
      const finding = await search(name, order);
      assert.ok(finding.found, `not found in ${finding.seeds} seeds`);
    });
  }
});
