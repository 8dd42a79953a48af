/** Snapshots of contracts in files: one JSON file a contract, named after it. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ContractSnapshot, NO_LOCK, type ProtoLock, protoOf } from "../../contract/mod.ts";

const FORMAT = 1;

/** Reads one snapshot, or all of a folder. @throws {Error} that names the file that is not one. */
export function readSnapshots(path: string): readonly ContractSnapshot[] {
  if (!statSync(path).isDirectory()) return [readSnapshot(path)];
  const files = readdirSync(path).filter((name) => name.endsWith(".json"));
  if (files.length === 0) throw new Error(`There are no snapshots of contracts in ${path}.`);
  return files.toSorted().map((name) => readSnapshot(join(path, name)));
}

function readSnapshot(file: string): ContractSnapshot {
  let snapshot: Partial<ContractSnapshot>;
  try {
    snapshot = JSON.parse(readFileSync(file, "utf8")) as Partial<ContractSnapshot>;
  } catch (error) {
    throw new Error(`${file} is not JSON.`, { cause: error });
  }
  const { format, name, operations, events, permissions } = snapshot;
  if (format !== FORMAT || name === undefined || !operations || !events || !permissions)
    throw new Error(`${file} is not a snapshot of a contract in the format ${FORMAT}.`);
  return snapshot as ContractSnapshot;
}

/** How deep a snapshot's text has lines of their own: as deep as the parts of operations. */
const LINES_DEPTH = 3;

/** The text of a snapshot's file: a line for each part of an operation, so that a change shows as one. */
export function snapshotText(snapshot: ContractSnapshot): string {
  return `${lines(snapshot, LINES_DEPTH, "")}\n`;
}

/** JSON with lines of their own down to a depth. */
function lines(value: unknown, depth: number, indent: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth === 0) return JSON.stringify(value);
  const deeper = `${indent}  `;
  const parts = Object.entries(value).map(
    ([name, part]) => `${deeper}${JSON.stringify(name)}: ${lines(part, depth - 1, deeper)}`,
  );
  return parts.length === 0 ? "{}" : `{\n${parts.join(",\n")}\n${indent}}`;
}

/** Writes snapshots into a folder, and removes those of contracts that are gone. */
export function writeSnapshots(folder: string, snapshots: readonly ContractSnapshot[]): void {
  mkdirSync(folder, { recursive: true });
  const names = new Set(snapshots.map(({ name }) => `${name}.json`));
  for (const file of readdirSync(folder)) if (file.endsWith(".json") && !names.has(file)) rmSync(join(folder, file));
  for (const snapshot of snapshots) writeFileSync(join(folder, `${snapshot.name}.json`), snapshotText(snapshot));
}

/**
 * Writes contracts as Protocol Buffers into a folder: `<name>.proto`, and `<name>.lock.json` with the numbers of fields,
 * which only grows. Both are to be committed. Files of contracts that are gone stay: their numbers are taken.
 */
export function writeProtos(folder: string, snapshots: readonly ContractSnapshot[]): void {
  mkdirSync(folder, { recursive: true });
  for (const snapshot of snapshots) {
    const { text, lock } = protoOf(snapshot, readLock(folder, snapshot.name));
    writeFileSync(join(folder, `${snapshot.name}.proto`), text);
    writeFileSync(join(folder, `${snapshot.name}.lock.json`), `${lines(lock, 2, "")}\n`);
  }
}

/** The lock that was written for a contract; an empty one where there is none. */
export function readLock(folder: string, name: string): ProtoLock {
  const file = join(folder, `${name}.lock.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ProtoLock) : NO_LOCK;
}
