/**
 * Checks what no compiler and no linter knows of this repository. `npm run check` runs it; STYLE.md has the reasons.
 *
 *   node tools/tidy.ts         reports what breaks a rule, as `path:line rule message`
 *   node tools/tidy.ts --fix   writes the reference of faults and the table of simulated ones, and reports nothing
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { statusOf } from "../kernel/src/gateway/problem.ts";
import { FAULTS } from "../kernel/src/sim/faults.ts";
import { codeMap } from "./tidy/code-map.ts";
import { documented } from "./tidy/documented.ts";
import { REFERENCE, definedFaults, faultReference, faults } from "./tidy/faults.ts";
import { GUIDE, excerpts, faultTable, withFaultTable } from "./tidy/guides.ts";
import { layers } from "./tidy/layers.ts";
import { orphans } from "./tidy/orphans.ts";
import { outside } from "./tidy/outside.ts";
import { sql } from "./tidy/sql.ts";
import { doors, names, sizes, unfinished } from "./tidy/text.ts";
import { type Rule, type SourceFile, treeOf } from "./tidy/tree.ts";

const ROOT = dirname(import.meta.dirname);
const FOLDERS = ["kernel", "commerce", "bench", "examples", "tools", "docs"];
const READ = /\.(?:ts|md|sql)$/;
const RULES: readonly Rule[] = [
  layers,
  outside,
  documented,
  codeMap,
  faults(statusOf),
  excerpts,
  faultTable(FAULTS),
  unfinished,
  sql,
  orphans,
  names,
  doors,
  sizes,
];

function filesOf(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesOf(path);
    return READ.test(path) ? [path] : [];
  });
}

function readTree(): readonly SourceFile[] {
  const pages = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const paths = [...pages, ...FOLDERS.flatMap(filesOf)];
  return paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

const tree = treeOf(readTree());

if (process.argv.includes("--fix")) {
  const { defined } = definedFaults(tree.modules);
  mkdirSync(dirname(join(ROOT, REFERENCE)), { recursive: true });
  writeFileSync(join(ROOT, REFERENCE), faultReference(defined, statusOf));
  const guide = readFileSync(join(ROOT, GUIDE), "utf8");
  writeFileSync(join(ROOT, GUIDE), withFaultTable(guide, FAULTS));
  console.log(`tidy: wrote ${defined.length} faults to ${REFERENCE}`);
} else {
  const findings = RULES.flatMap((rule) => [...rule(tree)]);
  for (const { path, line, rule, message } of findings) console.log(`${path}:${line} ${rule} ${message}`);
  const count = findings.length === 0 ? "nothing to report" : `${findings.length} findings`;
  console.log(`tidy: ${count} in ${tree.files.length} files`);
  if (findings.length > 0) process.exitCode = 1;
}
