/** The guide to the simulation shows code that exists, and the faults that exist. */
import { type Finding, type Rule, type SourceFile, lineAt } from "./tree.ts";

/** The page that these rules are about. */
export const GUIDE = "docs/guide/simulation.md";

const BLOCK = /^```ts\n([\s\S]*?)^```$/gm;
const TABLE = /(?<=<!-- faults -->\n)[\s\S]*?(?=<!-- \/faults -->)/;

/** Each block of TypeScript is an excerpt of the examples, line for line; how far it is indented does not count. */
export const excerpts: Rule = function* (tree) {
  const sources = tree.modules.filter(({ path }) => path.startsWith("examples/")).map(({ text }) => unindented(text));
  const guide = tree.files.find(({ path }) => path === GUIDE);
  if (guide === undefined) return;
  for (const block of guide.text.matchAll(BLOCK)) {
    const [, code = ""] = block;
    if (sources.some((source) => `${source}\n`.includes(`${unindented(code)}\n`))) continue;
    const message = "This code is in no file of examples/. Show what is there.";
    yield finding(guide, block.index, "excerpts", message);
  }
};

/** The guide's table of faults is made from the code. */
export function faultTable(faults: Readonly<Record<string, string>>): Rule {
  return function* (tree) {
    const guide = tree.files.find(({ path }) => path === GUIDE);
    if (guide === undefined) return;
    const table = TABLE.exec(guide.text);
    if (table?.[0] === tableOf(faults)) return;
    yield finding(guide, table?.index ?? 0, "fault-table", "Differs from FAULTS of kernel/src/sim. Run: npm run docs");
  };
}

/** The guide with the table as it should be. */
export function withFaultTable(guide: string, faults: Readonly<Record<string, string>>): string {
  return guide.replace(TABLE, () => tableOf(faults));
}

function tableOf(faults: Readonly<Record<string, string>>): string {
  const rows = Object.entries(faults).map(([kind, meaning]) => `| ${kind} | ${meaning} |\n`);
  return `| fault | what happens |\n|---|---|\n${rows.join("")}`;
}

function unindented(text: string): string {
  return `\n${text.replaceAll(/^[ \t]+/gm, "")}`.trimEnd();
}

function finding(file: SourceFile, offset: number, rule: string, message: string): Finding {
  return { path: file.path, line: lineAt(file, offset), rule, message };
}
