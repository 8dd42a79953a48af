/** A simulation as a test: runs seeds, and fails with what a person needs to find out why. */
import { failureText, storyText, unreachedText } from "./failure-text.ts";
import { askedSeed, askedSeeds, print, replayCommand } from "./real/asked.ts";
import { runSeed } from "./run-seed.ts";
import type { RunResult, Simulation } from "./simulation.ts";

/** How much is run. */
export interface CheckOptions {
  /** How many seeds; 25 unless said. `SIM_SEEDS` in the environment has the last word. */
  readonly seeds?: number;
  /** The first of them; 1 unless said. */
  readonly first?: number;
  /** Seeds that failed once. They run before all others, for ever. */
  readonly kept?: readonly number[];
  /** Where the story of a replayed seed is told; standard output unless said. */
  readonly tell?: (story: string) => void;
}

/** What came of a check that found nothing wrong. */
export interface CheckReport {
  readonly seeds: number;
  readonly transactions: number;
  readonly faults: number;
  /** What was noted, over all runs, and how often. */
  readonly notes: ReadonlyMap<string, number>;
}

const SEEDS = 25;

/** A seed with which something does not hold. The message says what, with which faults, and how to replay it. */
export class SimulationFailed extends Error {
  override readonly name = "SimulationFailed";
  // Not a property of its own: test runners print those, and a run has thousands of events.
  readonly #result: RunResult;

  constructor(message: string, result: RunResult) {
    super(message);
    this.#result = result;
  }

  /** The run that failed. */
  get result(): RunResult {
    return this.#result;
  }
}

/**
 * Runs a simulation with one seed after another, up to the first with which something does not hold.
 *
 * With `SIM_SEED='<name>#<seed>'` in the environment the simulation of that name runs with that seed only, and its story
 * is printed: this is how a failure is replayed.
 * @throws {SimulationFailed} for what does not hold; {TypeError} for a simulation that cannot be run; {Error} for a
 *   `sometimes` property that none of the seeds reached.
 */
export async function checkSimulation(simulation: Simulation, options: CheckOptions = {}): Promise<CheckReport> {
  const { name, properties } = simulation;
  const asked = askedSeed(name);
  const seeds = asked === undefined ? seedsOf(options) : [asked];
  const notes = new Map<string, number>();
  let [transactions, faults] = [0, 0];
  for (const seed of seeds) {
    const result = await runSeed(simulation, { seed });
    if (asked !== undefined) (options.tell ?? print)(storyText(result));
    if (result.violations.length > 0)
      throw new SimulationFailed(failureText(name, result, replayCommand(name, seed)), result);
    transactions += result.transactions;
    faults += result.faults.length;
    for (const [note, times] of result.notes) notes.set(note, (notes.get(note) ?? 0) + times);
  }
  const unreached = properties.filter((property) => property.kind === "sometimes" && !notes.has(property.name));
  if (unreached.length > 0 && asked === undefined)
    throw new Error(unreachedText({ name, unreached: unreached.map((property) => property.name), notes, seeds }));
  return { seeds: seeds.length, transactions, faults, notes };
}

function seedsOf({ seeds = SEEDS, first = 1, kept = [] }: CheckOptions): readonly number[] {
  const count = askedSeeds() ?? seeds;
  return [...new Set([...kept, ...Array.from({ length: count }, (_, n) => first + n)])];
}
