/** A fleet is restarted into its next version, machine after machine, while sagas of both versions are under way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./mod.ts";
import { transfersSimulation } from "./testing/transfers.ts";

test("sagas of both versions end as they began, through a rolling restart", async () => {
  const versions = new Set<number>();
  const simulation = transfersSimulation({ rates: { "rolling restart": 1 } });
  const kept: Record<string, number>[] = [];
  const looking = {
    ...simulation,
    underWay: ({ rows }: Parameters<NonNullable<typeof simulation.underWay>>[0]) => {
      kept.push(
        ...rows<{ version: number; n: number }>("teller", "SELECT version, count(*) AS n FROM isomer_saga GROUP BY 1"),
      );
      return [];
    },
  };
  let restarted = 0;
  for (let seed = 1; seed <= 25; seed += 1) {
    const { violations, faults } = await runSeed(looking, { seed });
    assert.deepEqual(violations, [], `seed ${seed}`);
    restarted += faults.filter(({ kind }) => kind === "rolling restart").length;
  }
  for (const { version } of kept) versions.add(Number(version));
  assert.equal(restarted, 25);
  assert.deepEqual([...versions].toSorted(), [1, 2]);
});
