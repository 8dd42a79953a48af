/** `npm run sim:mutants`: looks for each mutant from seed 1 on, and writes what it found into the documentation. */
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { Finding } from "./finding.ts";
import { MUTANTS, everyOf } from "./list.ts";
import { eachOf, search } from "./search.ts";
import { type Row, TABLE, knownRows, tableOf } from "./table.ts";

/** Seeds within which each must be found. */
const SEEDS_MAX = 500;
const TIME_MS = 900_000;

const wanted = process.argv.slice(2);
const mutants =
  wanted.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => wanted.some((part) => name.includes(part)));
const rows = new Map(wanted.length === 0 ? [] : await knownRows());
let missed = 0;

await eachOf(mutants, availableParallelism(), async (mutant) => {
  const { name } = mutant;
  const order = { first: [], seedsMax: SEEDS_MAX, every: everyOf(mutant), timeMs: TIME_MS, shrinks: true };
  const finding = await search(name, order);
  const row = rowOf(name, finding);
  if (row === undefined) {
    missed += 1;
    rows.delete(name);
    console.log(`${name}: not found in ${finding.seeds} seeds (${finding.ms} ms)`);
    return;
  }
  rows.set(name, row);
  await writeFile(TABLE, tableOf(rows));
  console.log(`${name}: seed ${row.seeds}, ${row.violated}, ${row.faults} faults, ${row.fewest} enough`);
});

await writeFile(TABLE, tableOf(rows));
process.exitCode = missed === 0 ? 0 : 1;

function rowOf(name: string, finding: Finding): Row | undefined {
  if (!finding.found) return undefined;
  const { seed: seeds, faults, fewest = faults } = finding;
  const violated = toldShort(finding.violated, finding.what);
  const kinds = [...new Set(fewest.map((fault) => fault.slice(0, fault.indexOf(": "))))];
  return { name, seeds, violated, faults: faults.length, fewest: fewest.length, kinds };
}

/** What a buyer met says more than which of them it was. */
function toldShort(violated: string, what: string): string {
  if (!violated.startsWith("actor ")) return violated;
  return what
    .replace(/^Error: /u, "")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu, "…")
    .slice(0, 90);
}
