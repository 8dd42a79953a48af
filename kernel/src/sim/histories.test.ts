/** What clients see of a service under attack, held to linearizability and strict serializability. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed } from "./mod.ts";
import { type Flaw, shelvesSimulation } from "./testing/shelves.ts";

const SEEDS = 25;

/** The property that the first failing seed violates. */
async function found(flaw: Flaw): Promise<string | undefined> {
  const simulation = shelvesSimulation(flaw);
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violations } = await runSeed(simulation, { seed });
    if (violations[0] !== undefined) return violations[0].property;
  }
  return undefined;
}

describe("histories of clients", () => {
  test("are linearizable and strictly serializable, whatever happens", async () => {
    assert.equal(await found("none"), undefined);
  });

  test("show a read that is answered from memory", async () => {
    assert.equal(await found("stale read"), "the register is linearizable");
  });

  test("show a transaction that reads before it begins", async () => {
    assert.equal(await found("read outside"), "the lists are strictly serializable");
  });
});
