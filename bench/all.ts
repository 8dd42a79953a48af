/**
 * Runs every benchmark of this folder, one after another, each in a process of its own. `npm run bench -- call` runs
 * those whose names begin so; each file says what it measures and what it takes.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const wanted = process.argv.slice(2);
const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts") && name !== "all.ts");
for (const name of files.toSorted()) {
  if (wanted.length > 0 && !wanted.some((start) => name.startsWith(start))) continue;
  console.log(`\n== bench/${name}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
