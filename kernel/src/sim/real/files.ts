/** Files of kept cases and of reports. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** The texts of a folder's JSON files, by name; none when there is no folder. */
export function readCaseFiles(folder: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const files = names.filter((name) => name.endsWith(".json")).toSorted();
  return files.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
}

/** Writes a file, and makes its folder when it is missing. */
export function writeTextFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
