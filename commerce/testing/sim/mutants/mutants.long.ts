/**
 * The simulation is tested by mutation: every planted mistake is found, first by the seed that found it last time, else by
 * any of the first 500; and the shop without one passes.
 */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { MUTANTS } from "./list.ts";
import { search } from "./search.ts";
import { knownRows } from "./table.ts";

const SEEDS_MAX = 500;
const TIME_MS = 600_000;
/** Seeds of the shop as it is: were the violations there, too, they would prove nothing. */
const CONTROL_SEEDS = 20;

const rows = await knownRows();

describe("mutants", { concurrency: availableParallelism() }, () => {
  test("the shop as it is passes", async () => {
    const order = { first: [], seedsMax: CONTROL_SEEDS, timeMs: TIME_MS, shrinks: false };
    const finding = await search(undefined, order);
    assert.ok(!finding.found, JSON.stringify(finding));
    assert.equal(finding.seeds, CONTROL_SEEDS);
  });

  for (const { name } of MUTANTS) {
    test(`"${name}" is found`, async () => {
      const known = rows.get(name)?.seeds;
      const first = known === undefined ? [] : [known];
      const order = { first, seedsMax: SEEDS_MAX, timeMs: TIME_MS, shrinks: false };
      const finding = await search(name, order);
      assert.ok(finding.found, `not found in ${finding.seeds} seeds`);
    });
  }
});
