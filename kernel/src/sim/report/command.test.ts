import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readCases } from "../batch/cases.ts";
import type { Simulation } from "../simulation.ts";
import { carelessSimulation, coinsSimulation } from "../testing/coins.ts";
import { parseArguments } from "./arguments.ts";
import { simCommand } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-sim-"));
after(() => rmSync(folder, { recursive: true }));

async function run(simulation: Simulation, ...words: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const terminal = { isTty: false, print: (line: string) => void lines.push(line), progress: () => {} };
  const code = await simCommand(simulation, {
    ...{ words, terminal, keptIn: `${folder}/kept`, pagesIn: `${folder}/pages` },
  });
  return { code, text: lines.join("\n") };
}

test("a batch of correct code ends with 0 and its coverage", async () => {
  const { code, text } = await run(coinsSimulation, "--seeds", "8", "--verbose");
  assert.equal(code, 0);
  assert.match(text, /Faults that happened/);
  assert.match(text, /till\.put +\d+/);
  assert.match(text, /8 seeds in .* 1 repetitions were identical\nAll is well\./);
});

test("a planted bug is found by a batch, shrunk, drawn, and told with the commands that go on", async () => {
  const { code, text } = await run(carelessSimulation, "--seeds", "20", "--until-failure");
  assert.equal(code, 1);
  assert.match(text, /FAILED seed \d+: each coin is there once: \w+-\d is there \d times\n +npm run sim -- --seed \d+/);
  assert.match(text, /FAILURE each coin is there once/);
  assert.match(text, /faults +\d+ happened; [123] are left after \d+ runs, none can be left out/);
  // The coin is in the diagram: it is asked for twice, and committed twice.
  const [, sequence = ""] = text.split("The sequence:");
  assert.ok((sequence.match(/commits till\.put/g) ?? []).length >= 2, sequence);
  assert.match(sequence, /▶/);
  assert.match(text, /What was last heard of it/);
  assert.match(text, /--only '/);
});

test("the shrunk command fails again, and its page and diagram are written", async () => {
  const { text } = await run(carelessSimulation, "--seeds", "20", "--until-failure");
  const [, command = ""] = /npm run sim -- (--seed \d+ --only .*)/.exec(text) ?? [];
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const again = await run(carelessSimulation, ...words);
  assert.equal(again.code, 1);
  assert.match(again.text, /FAILURE each coin is there once/);
  const [, page = ""] = /The page with the diagram: (.*)/.exec(again.text) ?? [];
  const html = readFileSync(page, "utf8");
  assert.match(html, /<svg /);
  assert.doesNotMatch(html, /(?:src|href)=/, "it needs nothing else");
  assert.match(readFileSync(page.replace(".html", ".mmd"), "utf8"), /^sequenceDiagram\n {2}participant p0 as /);
});

test("one seed tells its story; what is allowed alone happens alone", async () => {
  const { code, text } = await run(coinsSimulation, "--seed", "3", "--only", "none", "--actor", "bob");
  assert.equal(code, 0);
  assert.match(text, /\d\.\d{3} {2}bob → gateway-\d {2}POST \/coins \[bob-0\]/);
  assert.match(text, /till commits till\.put/);
  assert.doesNotMatch(text, /⚡|ann/);
  assert.match(text, / 0 faults, 0 crashes .*\ndigest [0-9a-f]{64}\nEverything holds\./);
});

test("a seed that fails is kept on demand, runs first from then on, and one that passes is not", async () => {
  const { text } = await run(carelessSimulation, "--seeds", "20", "--until-failure");
  const [, seed = ""] = /FAILED seed (\d+)/.exec(text) ?? [];
  const kept = await run(carelessSimulation, "--seed", seed, "--keep");
  const path = `${folder}/kept/careless/${seed}.json`;
  assert.match(kept.text, new RegExp(`Kept as ${path}`));
  assert.ok(existsSync(path));
  const [one] = readCases(`${folder}/kept`, "careless");
  assert.equal(one?.property, "each coin is there once");
  assert.ok((one?.faults.length ?? 99) <= 3);
  const batch = await run(carelessSimulation, "--from", "5000", "--seeds", "1", "--no-shrink");
  assert.equal(batch.code, 1);
  assert.match(batch.text, /1 seeds and 1 kept cases/);
  const fine = await run(coinsSimulation, "--seed", "1", "--keep");
  assert.match(fine.text, /does not fail, so there is nothing to keep/);
  assert.deepEqual(readCases(`${folder}/kept`, "coins"), []);
});

test("results are had as JSON", async () => {
  const batch = await run(coinsSimulation, "--seeds", "2", "--json");
  const { ok, seeds } = JSON.parse(batch.text) as { ok: boolean; seeds: number };
  assert.deepEqual([ok, seeds], [true, 2]);
  const one = await run(coinsSimulation, "--seed", "2", "--json");
  assert.equal((JSON.parse(one.text) as { seed: number }).seed, 2);
});

test("arguments that are not known or make no sense are told, not ignored", async () => {
  assert.throws(() => parseArguments(["--sed", "4"]), /"--sed" is not known/);
  assert.throws(() => parseArguments(["--seed", "four"]), /takes a whole number/);
  assert.throws(() => parseArguments(["--seed"]), /needs a value/);
  assert.throws(() => parseArguments(["--keep=yes"]), /not known/);
  assert.equal(parseArguments(["--seed=7", "--only", "a", "--only", "b"]).only.length, 2);
  const { code, text } = await run(coinsSimulation, "--frob");
  assert.equal(code, 2);
  assert.match(text, /"--frob" is not known/);
  assert.match((await run(coinsSimulation, "--help")).text, /--until-failure/);
});
