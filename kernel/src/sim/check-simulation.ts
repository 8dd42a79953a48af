/** A simulation as a test: runs seeds, and fails with what a person needs to find out why. */
import { readCases } from "./batch/cases.ts";
import type { SeedTask } from "./batch/outcome.ts";
import { type BatchResult, runBatch } from "./batch/run-batch.ts";
import { reportFailure } from "./report/failure.ts";
import { differenceLines } from "./report/progress.ts";
import { type SimViolation, type Simulation, actorsOf } from "./simulation.ts";
import { prepared } from "./template.ts";

/** How much is run, and how a failure is told. */
export interface CheckOptions {
  /** How many seeds; 25 unless said. */
  readonly seeds?: number;
  /** The first of them; 1 unless said. */
  readonly from?: number;
  /** The folder with seeds that failed once, which run first: `testdata/sim` unless said. */
  readonly keptIn?: string;
  /** What runs this simulation by hand, by means of `simCommand`: `npm run sim --` unless said. */
  readonly command?: string;
  /** For how long the fewest faults of a failure are looked for, in milliseconds of real time; 20,000 unless said. */
  readonly shrinkMs?: number;
}

const SEEDS = 25;
const SHRINK_MS = 20_000;
const KEPT_IN = "testdata/sim";
const COMMAND = "npm run sim --";

/** Something does not hold. The message tells what, the faults that matter, the sequence, and how to run it again. */
export class SimulationFailed extends Error {
  override readonly name = "SimulationFailed";
  readonly seed: number;
  readonly violations: readonly SimViolation[];

  constructor(message: string, { seed }: SeedTask, violations: readonly SimViolation[]) {
    super(message);
    this.seed = seed;
    this.violations = violations;
  }
}

/**
 * Runs a simulation with one seed after another, up to the first that fails; that is shrunk to the fewest faults and
 * actors. Some seeds run twice, and must come out the same.
 * @throws {SimulationFailed} for what does not hold; {TypeError} for a simulation that cannot be run; {Error} when a
 *   `sometimes` property was not reached, or a seed came out in two ways.
 */
export async function checkSimulation(simulation: Simulation, options: CheckOptions = {}): Promise<BatchResult> {
  const { name } = simulation;
  const { seeds = SEEDS, from = 1, keptIn = KEPT_IN } = options;
  // What cannot be run at all is no failure of a seed.
  actorsOf(simulation, from);
  await prepared(simulation);
  const result = await runBatch(simulation, {
    ...{ seeds, from, untilFailure: true },
    ...{ kept: readCases(keptIn, name), required: { runsMin: seeds, areas: {} } },
  });
  const [failure] = result.failures;
  if (failure !== undefined) {
    const text = await failureText(simulation, failure.task, options);
    throw new SimulationFailed(text, failure.task, failure.violations);
  }
  const wrong = [...result.differences.flatMap(differenceLines), ...unreachedLines(result, seeds)];
  if (wrong.length > 0) throw new Error([`The simulation "${name}" does not do what it should:`, ...wrong].join("\n"));
  return result;
}

async function failureText(simulation: Simulation, task: SeedTask, options: CheckOptions): Promise<string> {
  const { command = COMMAND, shrinkMs = SHRINK_MS } = options;
  const head = `The simulation "${simulation.name}" fails with seed ${task.seed}.`;
  const report = await reportFailure(simulation, task, { command, shrinks: shrinkMs > 0, longestMs: shrinkMs });
  const lines = report?.lines ?? ["It does so once in a while: it is not a function of its seed."];
  return [head, ...lines].join("\n");
}

function unreachedLines({ missing, coverage }: BatchResult, seeds: number): readonly string[] {
  if (missing.length === 0) return [];
  const notes = Object.keys(coverage.areas.notes);
  return [
    ...missing.map((what) => `  never reached in ${seeds} seeds: ${what}`),
    "What is never reached is not tested: let actors try it, or run more seeds.",
    `Reached was: ${notes.length === 0 ? "nothing" : notes.join(", ")}.`,
  ];
}
