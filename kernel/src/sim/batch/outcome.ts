/** What is kept of a run when there are a thousand: all but its events. Plain data, so that processes can tell. */
import { faultId } from "../faults.ts";
import type { SimEvent } from "../history.ts";
import type { RunResult, SeedOptions, SimViolation } from "../simulation.ts";
import type { Coverage } from "./coverage.ts";
import { coverageOf } from "./reached.ts";

/** A run that is to be made. */
export interface SeedTask {
  readonly seed: number;
  /** The only faults that may happen, by their ids. */
  readonly only?: readonly string[];
  /** The only actors that act. */
  readonly onlyActors?: readonly string[];
}

/** What came of a run. */
export interface SeedOutcome {
  readonly task: SeedTask;
  readonly violations: readonly SimViolation[];
  /** How many faults happened. */
  readonly faults: number;
  readonly digest: string;
  readonly transactions: number;
  readonly crashes: number;
  readonly virtualMs: number;
  readonly coverage: Coverage;
}

/** The task as {@link runSeed} takes it. */
export function optionsOf({ seed, only, onlyActors }: SeedTask): SeedOptions {
  return {
    seed,
    ...(only === undefined ? {} : { only: new Set(only) }),
    ...(onlyActors === undefined ? {} : { onlyActors: new Set(onlyActors) }),
  };
}

/** Keeps what matters of a run. */
export function outcomeOf(task: SeedTask, result: RunResult): SeedOutcome {
  const { violations, faults, digest, transactions, crashes, virtualMs } = result;
  return {
    ...{ task, violations, digest, transactions, crashes, virtualMs },
    faults: new Set(faults.map(faultId)).size,
    coverage: coverageOf(result),
  };
}

/** The outcome of a run that could not be made: the process died, or it did not end. */
export function brokenOutcome(task: SeedTask, what: string): SeedOutcome {
  const none = { faults: {}, steps: {}, sagas: {}, operations: {}, transactions: {}, notes: {} };
  return {
    ...{ task, faults: 0, digest: "", transactions: 0, crashes: 0, virtualMs: 0 },
    violations: [{ property: "the run ends", what, at: 0 }],
    coverage: { runs: 1, areas: none },
  };
}

/** An event as a line, by which two runs of one seed are compared. */
export function lineOf({ at, kind, who, whom = "", what, about = "", outcome = "" }: SimEvent): string {
  return `${at.toFixed(3)} ${kind} ${who} ${whom} ${what} ${about} ${outcome}`;
}
