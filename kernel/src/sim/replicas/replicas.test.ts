/** Runs with replicas: they come to rest, reach what only replicas do, and are functions of their seed as all others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "../run-seed.ts";
import { transfersSimulation } from "../testing/transfers.ts";

const simulation = { ...transfersSimulation(), replicasEvery: 1 };
const SEEDS = 20;

test("money is where it belongs, with replicas and whatever happens to them", async () => {
  const reached = new Map<string, number>();
  const kinds = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violations, notes, faults, placement } = await runSeed(simulation, { seed });
    assert.deepEqual(violations, [], `seed ${seed}`);
    assert.ok(
      placement.some((place) => /-b: \w/.test(place)),
      placement.join(),
    );
    for (const [note, times] of notes) reached.set(note, (reached.get(note) ?? 0) + times);
    for (const { kind } of faults) kinds.add(kind);
  }
  for (const note of [
    "a call is repeated at another replica",
    "a leader that lives is deposed",
    "a fence refused a write",
    "a call is made while the registry is lost",
    "a host ended in good order",
  ])
    assert.ok((reached.get(note) ?? 0) > 0, `${note}: ${[...reached.keys()].join(", ")}`);
  for (const kind of ["drain", "stall", "database restart", "registry lost", "half-open connection"])
    assert.ok(kinds.has(kind), kind);
});

test("a seed with replicas gives the same history again, whatever ran before it", async () => {
  const digestOf = async (seed: number): Promise<string> => (await runSeed(simulation, { seed })).digest;
  const forwards = [await digestOf(5), await digestOf(8)];
  assert.deepEqual([await digestOf(8), await digestOf(5)], forwards.toReversed());
});

test("seeds that have no replicas are as they would be if none had", async () => {
  const [some, none] = [{ ...simulation, replicasEvery: 2 }, transfersSimulation()];
  const [odd, same] = [await runSeed(some, { seed: 3 }), await runSeed(none, { seed: 3 })];
  assert.equal(odd.digest, same.digest);
  const [even, other] = [await runSeed(some, { seed: 4 }), await runSeed(none, { seed: 4 })];
  assert.notEqual(even.digest, other.digest);
});
