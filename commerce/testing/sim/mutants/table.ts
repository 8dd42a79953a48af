/** The table of mutants in the documentation: what was found, and how. */
import { readFile } from "node:fs/promises";
import { REPLICAS_EVERY } from "../replicas-every.ts";
import { MUTANTS } from "./list.ts";

/** Where it is. */
export const TABLE = new URL("../../../../docs/reference/mutants.md", import.meta.url);

/** A row of the table. */
export interface Row {
  readonly name: string;
  /** The first seed that shows it. */
  readonly seeds: number;
  /** What was violated. */
  readonly violated: string;
  /** How many faults happened in that run, and how many of them are left after shrinking. */
  readonly faults: number;
  readonly fewest: number;
  /** The kinds of those that are left. */
  readonly kinds: readonly string[];
}

/** The page. */
export function tableOf(rows: ReadonlyMap<string, Row>): string {
  const lines = MUTANTS.map(({ name, what }) => {
    const row = rows.get(name);
    if (row === undefined) return `| ${name} | ${what} | not found | | | |`;
    const { seeds, violated, faults, fewest, kinds } = row;
    const left = kinds.length === 0 ? "none is needed" : kinds.join(", ");
    return `| ${name} | ${what} | ${seeds} | ${cell(violated)} | ${faults} | ${fewest}: ${left} |`;
  });
  const found = MUTANTS.filter(({ name }) => rows.has(name)).length;
  return `# Mutants

The simulation of the shop is tested by mutation: each of these mistakes is planted in the sources, one at a time, and
the simulation runs seeds from 1 on until something that must hold does not. ${found} of ${MUTANTS.length} are found. The sources
are not changed for it: a module hook plants the mistake while its file is loaded
(\`commerce/testing/sim/mutants/\`). \`npm run sim:mutants\` measures anew and writes this page;
\`npm run sim:mutants -- "no inbox"\` only what is called so. In CI those that a seed up to 3 shows are looked for, their known seed
first; \`MUTANTS=all\` looks for every one.

"Seeds" is the first seed that shows it; of those that only replicas can show, the first among the seeds with replicas,
which is one in ${REPLICAS_EVERY}. "Faults" happened in that run; the last column has those that are
enough to show it.

| mutant | what it breaks | seeds | violated | faults | enough |
|---|---|---|---|---|---|
${lines.join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "/").replaceAll("\n", " ");
}

/** The rows of the page as it stands; none when there is no page. */
export async function knownRows(): Promise<ReadonlyMap<string, Row>> {
  const page = await readFile(TABLE, "utf8").catch(() => "");
  const rows = new Map<string, Row>();
  for (const line of page.split("\n")) {
    const [, name, , seeds, violated = "", faults, enough = ""] = line.split("|").map((part) => part.trim());
    if (name === undefined || !/^\d+$/u.test(seeds ?? "")) continue;
    const [fewest = "0", kinds = ""] = enough.split(": ");
    rows.set(name, {
      ...{ name, violated, seeds: Number(seeds), faults: Number(faults), fewest: Number(fewest) },
      kinds: fewest === "0" ? [] : kinds.split(", "),
    });
  }
  return rows;
}
