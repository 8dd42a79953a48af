/** A simulation as a test: what it says when something does not hold, and when it cannot be run at all. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  SimulationFailed,
  actor,
  always,
  checkSimulation,
  eventually,
  keepCase,
  runSeed,
  simulation,
  sometimes,
} from "./mod.ts";
import { transfersSimulation } from "./testing/transfers.ts";
import { contract } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import { defineSystem, implement } from "../runtime/mod.ts";

const base = transfersSimulation({ moves: 3 });
/** Does not hold in the end. */
const broken = {
  ...base,
  name: "broken",
  properties: [eventually("nobody has money", ({ texts }) => texts("books", "SELECT account || ' has' FROM account"))],
};

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.fail("it passes"),
    (error: unknown) => (error as Error).message,
  );
}

test("a failure tells seed, property, what matters of it, and how to run it again", async () => {
  const error = await checkSimulation(broken, { from: 3, seeds: 2, command: "npx node sim.ts" }).catch(
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof SimulationFailed);
  const { message, seed, violations } = error;
  assert.equal(seed, 3);
  assert.equal(violations[0]?.property, "nobody has money");
  assert.match(message, /^The simulation "broken" fails with seed 3\.\nFAILURE nobody has money\n {2}[abc] has\n/);
  // It needs no fault.
  assert.match(message, /The faults that matter:\n {2}none\n/);
  assert.match(message, /\n {2}npx node sim\.ts --seed 3 --only none/);
});

test("kept seeds run first", async () => {
  const keptIn = mkdtempSync(join(tmpdir(), "isomer-kept-"));
  try {
    const about = { property: "nobody has money", what: "a has", faults: [] };
    keepCase(keptIn, { simulation: broken.name, seed: 19, ...about });
    await assert.rejects(
      checkSimulation(broken, { keptIn }),
      /^SimulationFailed: The simulation "broken" fails with seed 19\./,
    );
    const { kept, seeds } = await checkSimulation({ ...base, name: broken.name }, { keptIn, seeds: 3 });
    assert.deepEqual({ kept, seeds }, { kept: 1, seeds: 3 });
  } finally {
    rmSync(keptIn, { recursive: true });
  }
});

test("what is sometimes to be reached, and is not, fails the check", async () => {
  const properties = [
    sometimes("money moves"),
    sometimes("pigs fly"),
    sometimes("rows", ({ rows }) => rows("books", "SELECT 1").length > 0),
  ];
  const message = await messageOf(checkSimulation({ ...base, properties }, { seeds: 2 }));
  assert.match(message, /\n {2}never reached in 2 seeds: notes: pigs fly: never noted\nWhat/);
  assert.match(message, /Reached was: money moves, rows\./);
});

test("a check that throws is a violation, and a service that there is not makes it throw", async () => {
  const properties = [
    always("misspelt", ({ rows }) => rows("boks", "SELECT 1").map(String)),
    eventually("no such table", ({ texts }) => texts("books", "SELECT * FROM acount")),
  ];
  const { violations } = await runSeed({ ...base, properties }, { seed: 1 });
  assert.deepEqual(
    violations.map(({ property, what }) => `${property}: ${what}`),
    [
      'misspelt: the check threw TypeError: There is no service "boks"; there are books, teller.',
      "no such table: the check threw Error: no such table: acount",
    ],
  );
});

test("a simulation that could not fail, or of which two parts have one name, is refused", async () => {
  const { actors: _, ...rest } = base;
  const idle = actor("idle", async function* () {});
  const wrong = (change: object) => () => simulation({ ...base, ...change });
  assert.throws(wrong({ properties: [] }), /has no properties: it could not fail/);
  assert.throws(wrong({ properties: [sometimes("x"), sometimes("x")] }), /has two properties "x"/);
  await assert.rejects(checkSimulation({ ...rest, actors: () => [] }), /has no actors: nothing would happen/);
  await assert.rejects(checkSimulation({ ...rest, actors: () => [idle, idle] }), /has two actors "idle"/);
});

test("a system that does not start says why", async () => {
  const plain = contract("needy", { version: "1.0.0" });
  const needy = implement()(plain, { settings: t.object({ currency: t.text() }), commands: {}, queries: {} });
  const system = defineSystem({ name: "needy", services: [needy], roles: {} });
  await assert.rejects(checkSimulation({ ...base, system }), /does not start.*currency.*"settings" of the simulation/s);
});
