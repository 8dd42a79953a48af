/** Seeds that failed once. They are kept in files, run first in every batch, and must pass for ever after their fix. */
import { faultId } from "../faults.ts";
import { readCaseFiles, writeTextFile } from "../real/files.ts";
import type { RunResult } from "../simulation.ts";
import type { SeedTask } from "./outcome.ts";

/** A seed that failed once. */
export interface KeptCase {
  readonly simulation: string;
  readonly seed: number;
  /** What did not hold when it was kept. */
  readonly property: string;
  readonly what: string;
  /** The faults that were found to matter, by their ids; none, where nobody looked. */
  readonly faults: readonly string[];
  /** The actors that were found to matter; all, where it is not said. */
  readonly actors?: readonly string[];
}

/** Reads the kept cases of a simulation, in the order of their seeds. No folder, no cases. */
export function readCases(folder: string, simulation: string): readonly KeptCase[] {
  return readCaseFiles(`${folder}/${simulation}`)
    .map((text) => JSON.parse(text) as KeptCase)
    .toSorted((one, other) => one.seed - other.seed);
}

/** Keeps a case; one of the same seed is replaced. Returns the file's path. */
export function keepCase(folder: string, kept: KeptCase): string {
  const path = `${folder}/${kept.simulation}/${kept.seed}.json`;
  writeTextFile(path, `${JSON.stringify(kept, null, 2)}\n`);
  return path;
}

/** The case that a failing run is, with the faults that happened in it. @throws {TypeError} when it did not fail. */
export function caseOf(simulation: string, { seed, violations, faults, actors }: RunResult, all: number): KeptCase {
  const [first] = violations;
  if (first === undefined) throw new TypeError(`Seed ${seed} does not fail: there is nothing to keep.`);
  const { property, what } = first;
  const kept = { simulation, seed, property, what, faults: [...new Set(faults.map(faultId))] };
  return actors.length === all ? kept : { ...kept, actors };
}

/** The runs that a kept case asks for: the whole seed, and what was found to matter of it. */
export function tasksOf({ seed, faults, actors }: KeptCase): readonly SeedTask[] {
  if (faults.length === 0) return [{ seed }];
  return [{ seed }, { seed, only: faults, ...(actors === undefined ? {} : { onlyActors: actors }) }];
}
