/** Mutants are planted where they are meant to be: a change that moves the place shows here, in a moment. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MUTANTS, mutantOf } from "./list.ts";
import { type Mutant, plant } from "./mutant.ts";
import { knownRows } from "./table.ts";

const ROOT = new URL("../../../../", import.meta.url);

test("each mutant applies to the sources as they are, and changes them", () => {
  for (const mutant of MUTANTS) {
    const source = readFileSync(new URL(mutant.file, ROOT), "utf8");
    assert.notEqual(plant(mutant, source), source, mutant.name);
    assert.equal(mutantOf(mutant.name), mutant);
  }
});

test("there are at least thirty, and the page says of each how it was found", async () => {
  const rows = await knownRows();
  assert.ok(MUTANTS.length >= 30);
  assert.deepEqual(
    MUTANTS.filter(({ name }) => !rows.has(name)).map(({ name }) => name),
    [],
  );
  for (const { name, seeds } of rows.values()) assert.ok(seeds <= 500, name);
});

test("a mutant whose place is gone, or is there twice, says so", () => {
  const mutant: Mutant = { name: "m", what: "w", file: "f.ts", find: "a();", replace: "b();" };
  assert.equal(plant(mutant, "a(); c();"), "b(); c();");
  assert.throws(() => plant(mutant, "c();"), /does not apply/u);
  assert.throws(() => plant(mutant, "a(); a();"), /does not apply/u);
});
