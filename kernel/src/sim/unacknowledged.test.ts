/** A commit that nobody hears of has happened all the same: what it started goes on without waiting to be found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./mod.ts";
import { FAULT_KINDS } from "./faults.ts";
import { transfersSimulation } from "./testing/transfers.ts";

/** Far less than the time after which the table of sagas is looked at anyway. */
const SOON_MS = 20_000;

test("a saga runs soon when the commit that started it was not acknowledged", async () => {
  const none = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  const simulation = transfersSimulation({ rates: { ...none, "commit unknown": 0.2 } });
  let unknown = 0;
  for (let seed = 1; seed <= 10; seed += 1) {
    const { violations, faults, virtualMs } = await runSeed(simulation, { seed });
    assert.deepEqual(violations, [], `seed ${seed}`);
    assert.ok(virtualMs < SOON_MS, `seed ${seed} rests after ${virtualMs} ms`);
    unknown += faults.filter(({ name }) => name.startsWith("teller teller.move")).length;
  }
  assert.ok(unknown > 5, `${unknown} starts were not acknowledged`);
});
