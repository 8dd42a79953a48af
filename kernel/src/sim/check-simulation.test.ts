/** A simulation as a test: what it says when something does not hold, and when it cannot be run at all. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { SimulationFailed, actor, always, checkSimulation, eventually, runSeed, simulation, sometimes } from "./mod.ts";
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

afterEach(() => {
  delete process.env["SIM_SEED"];
  delete process.env["SIM_SEEDS"];
});

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.fail("it passes"),
    (error: unknown) => (error as Error).message,
  );
}

test("a failure tells seed, property, faults and how to replay it", async () => {
  const error = await checkSimulation(broken, { first: 3, seeds: 2 }).catch((caught: unknown) => caught);
  assert.ok(error instanceof SimulationFailed);
  const { message, result } = error;
  assert.match(message, /^The simulation "broken" fails with seed 3\.\n {2}nobody has money: a has\n/);
  assert.ok(result.faults.length > 0);
  assert.ok(result.faults.every(({ kind }) => message.includes(kind)));
  assert.match(message, /\n {2}SIM_SEED='broken#3' npx node --test \S*check-simulation\.test\.ts$/);
});

test("the command that replays runs the seed that it names, and only that simulation", async () => {
  process.env["SIM_SEED"] = "broken#7";
  const stories: string[] = [];
  const tell = (story: string): void => void stories.push(story);
  assert.match(await messageOf(checkSimulation(broken, { seeds: 1, tell })), /fails with seed 7\./);
  assert.match(stories.join(), /^Seed 7, .*commit +books: books\.take\n.*violation nobody has money: a has/s);
  assert.equal((await checkSimulation(base, { seeds: 2 })).seeds, 2);
  for (const [wrong, message] of [
    ["7", /a simulation's name and a seed, like "shop#42"/],
    ["broken#x", /"x" in SIM_SEED is not a whole number/],
  ] as const) {
    process.env["SIM_SEED"] = wrong;
    await assert.rejects(checkSimulation(broken), message);
  }
});

test("kept seeds run first, and SIM_SEEDS says how many others do", async () => {
  assert.match(await messageOf(checkSimulation(broken, { kept: [19] })), /fails with seed 19\./);
  process.env["SIM_SEEDS"] = "2";
  assert.equal((await checkSimulation(base, { seeds: 50, kept: [2, 19] })).seeds, 3);
});

test("what is sometimes to be reached, and is not, fails the check", async () => {
  const properties = [
    sometimes("money moves"),
    sometimes("pigs fly"),
    sometimes("rows", ({ rows }) => rows("books", "SELECT 1").length > 0),
  ];
  const message = await messageOf(checkSimulation({ ...base, properties }, { seeds: 2 }));
  assert.match(message, /never reached, with 2 seeds:\n {2}pigs fly\nWhat/);
  assert.match(message, /× money moves/);
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
  await assert.rejects(checkSimulation({ ...base, system }), /does not start.*currency/s);
});
