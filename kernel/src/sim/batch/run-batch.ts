/**
 * Many seeds: those that failed once come first, some run twice (again in the same process after others, and in a
 * fresh process after another seed), and what was reached is counted and held against what must be.
 */
import { type SimulationSource, WorkerLane, cores, realMs } from "../real/workers.ts";
import type { Simulation } from "../simulation.ts";
import { prepared } from "../template.ts";
import { type KeptCase, tasksOf } from "./cases.ts";
import { type Coverage, type Required, Tally, missingIn } from "./coverage.ts";
import { type Difference, explain } from "./difference.ts";
import { type Lane, localLane } from "./lane.ts";
import type { SeedOutcome, SeedTask } from "./outcome.ts";

/** How a batch is run. */
export interface BatchOptions {
  /** The first seed; 1 unless said. */
  readonly from?: number;
  /** How many seeds. */
  readonly seeds: number;
  /** Where other processes find the simulation. Without it everything is run in this one. */
  readonly source?: SimulationSource;
  /** How many processes; as many as the machine has cores unless said. */
  readonly jobs?: number;
  /** Every which seed runs again, twice; 0 for none, 20 unless said. */
  readonly twiceEvery?: number;
  /** Cases that run first. */
  readonly kept?: readonly KeptCase[];
  /** What must be reached, beside the simulation's `sometimes` properties. */
  readonly required?: Required;
  /** Whether the first failure ends the batch. */
  readonly untilFailure?: boolean;
  /** How long one run may take in real time, in milliseconds; 120,000 unless said. Only other processes can be ended. */
  readonly runMaxMs?: number;
  /** Told after every run. */
  readonly onProgress?: (progress: BatchProgress) => void;
}

/** How far a batch is. */
export interface BatchProgress {
  readonly done: number;
  readonly planned: number;
  /** How many seeds of the batch itself were run: without kept cases and repetitions. */
  readonly seeds: number;
  readonly transactions: number;
  readonly faults: number;
  readonly failures: readonly SeedOutcome[];
  readonly differences: number;
  readonly elapsedMs: number;
}

/** What came of a batch. */
export interface BatchResult {
  readonly ok: boolean;
  readonly seeds: number;
  /** How many seeds were run again and came out the same. */
  readonly repeated: number;
  readonly kept: number;
  readonly transactions: number;
  readonly faults: number;
  readonly crashes: number;
  readonly elapsedMs: number;
  readonly jobs: number;
  /** Runs in which something did not hold, in the order of seeds. */
  readonly failures: readonly SeedOutcome[];
  /** Seeds whose runs were not the same. */
  readonly differences: readonly Difference[];
  readonly coverage: Coverage;
  /** What must be reached and was not. */
  readonly missing: readonly string[];
}

const RUN_MAX_MS = 120_000;
const TWICE_EVERY = 20;

/** Runs a batch of seeds. Rejects only when the simulation cannot be run at all. */
export async function runBatch(simulation: Simulation, options: BatchOptions): Promise<BatchResult> {
  // A system that does not start would fail in every run.
  await prepared(simulation);
  return new Batch(simulation, options).result();
}

class Batch {
  readonly #simulation: Simulation;
  readonly #options: BatchOptions;
  readonly #jobs: number;
  readonly #begunMs = realMs();
  readonly #tally = new Tally();
  readonly #queue: SeedTask[];
  /** Which tasks of the queue are of kept cases. */
  readonly #keptTasks: ReadonlySet<SeedTask>;
  readonly #digests = new Map<number, string>();
  readonly #failures: SeedOutcome[] = [];
  readonly #differences: Difference[] = [];
  readonly #planned: number;
  #done = 0;
  #seeds = 0;
  #repeated = 0;
  #transactions = 0;
  #faults = 0;
  #crashes = 0;

  constructor(simulation: Simulation, options: BatchOptions) {
    const { from = 1, seeds, kept = [], source, jobs = cores() } = options;
    this.#simulation = simulation;
    this.#options = options;
    this.#jobs = source === undefined ? 1 : Math.max(1, Math.min(jobs, seeds));
    const first = kept.flatMap(tasksOf);
    this.#keptTasks = new Set(first);
    this.#queue = [...first, ...Array.from({ length: seeds }, (_, n) => ({ seed: from + n }))];
    const twice = this.#queue.filter((task) => this.#isTwice(task)).length;
    this.#planned = this.#queue.length + twice * (source === undefined ? 1 : 2);
  }

  async result(): Promise<BatchResult> {
    const lanes = Array.from({ length: this.#jobs }, () => this.#lane());
    try {
      await Promise.all(lanes.map((lane) => this.#work(lane)));
      await this.#repeatElsewhere();
      for (const [index, difference] of this.#differences.entries()) {
        const suspects = { used: lanes[0] as Lane, fresh: () => this.#lane() };
        const first = await explain({ seed: difference.seed }, suspects);
        if (first !== undefined) this.#differences[index] = { ...difference, first };
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()));
    }
    return this.#told();
  }

  #lane(): Lane {
    const { source, runMaxMs = RUN_MAX_MS } = this.#options;
    return source === undefined ? localLane(this.#simulation) : new WorkerLane(source, runMaxMs);
  }

  get #isOver(): boolean {
    const fails = this.#failures.length > 0 || this.#differences.length > 0;
    return fails && this.#options.untilFailure === true;
  }

  /** One of each so many runs twice: at another place each time, so that what only every n-th seed has comes about, too. */
  #isTwice(task: SeedTask): boolean {
    const { from = 1, seeds, twiceEvery = TWICE_EVERY } = this.#options;
    if (this.#keptTasks.has(task) || twiceEvery <= 0) return false;
    const index = task.seed - from;
    const part = Math.floor(index / twiceEvery);
    return index % twiceEvery === part % Math.min(twiceEvery, seeds - part * twiceEvery);
  }

  /** Runs what is in the queue; a seed that is to run twice runs again after the next. */
  async #work(lane: Lane): Promise<void> {
    let again: SeedTask[] = [];
    for (let task = this.#queue.shift(); task !== undefined && !this.#isOver; task = this.#queue.shift()) {
      const repeats = again;
      const outcome = await lane.run(task);
      this.#take(task, outcome);
      again = this.#isTwice(task) ? [task] : [];
      for (const repeat of repeats) this.#compare(await lane.run(repeat), "again, after others in the same process");
    }
    for (const repeat of again) this.#compare(await lane.run(repeat), "again, after others in the same process");
  }

  /** Runs seeds again in processes that have run nothing but another seed. */
  async #repeatElsewhere(): Promise<void> {
    const differing = new Set(this.#differences.map(({ seed }) => seed));
    const tasks = [...this.#digests.keys()].filter((seed) => !differing.has(seed)).toReversed();
    if (this.#options.source === undefined || this.#isOver) return;
    const work = async (): Promise<void> => {
      const lane = this.#lane();
      try {
        const [begin] = tasks;
        if (begin !== undefined) await lane.run({ seed: begin + 1 });
        for (let seed = tasks.shift(); seed !== undefined && !this.#isOver; seed = tasks.shift())
          this.#compare(await lane.run({ seed }), "in another process, after other seeds");
      } finally {
        await lane.close();
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#jobs, tasks.length) }, work));
  }

  #take(task: SeedTask, outcome: SeedOutcome): void {
    const isKept = this.#keptTasks.has(task);
    if (!isKept) {
      this.#seeds += 1;
      this.#tally.add(outcome.coverage);
    }
    if (this.#isTwice(task)) this.#digests.set(task.seed, outcome.digest);
    if (outcome.violations.length > 0) this.#failures.push(outcome);
    this.#count(outcome);
  }

  #compare(outcome: SeedOutcome, when: string): void {
    const { seed } = outcome.task;
    if (this.#digests.get(seed) === outcome.digest) this.#repeated += 1;
    else this.#differences.push({ seed, when });
    this.#count(outcome);
  }

  #count({ transactions, faults, crashes }: SeedOutcome): void {
    this.#done += 1;
    this.#transactions += transactions;
    this.#faults += faults;
    this.#crashes += crashes;
    this.#options.onProgress?.({
      ...{ done: this.#done, planned: this.#planned, seeds: this.#seeds, elapsedMs: realMs() - this.#begunMs },
      ...{ transactions: this.#transactions, faults: this.#faults },
      ...{ failures: this.#failures, differences: this.#differences.length },
    });
  }

  #told(): BatchResult {
    const coverage = this.#tally.told();
    const [failures, differences] = [this.#failures, this.#differences];
    const missing = this.#isOver ? [] : this.#missing(coverage);
    return {
      ok: failures.length === 0 && differences.length === 0 && missing.length === 0,
      ...{ seeds: this.#seeds, repeated: this.#repeated, kept: this.#options.kept?.length ?? 0, jobs: this.#jobs },
      ...{ transactions: this.#transactions, faults: this.#faults, crashes: this.#crashes },
      elapsedMs: realMs() - this.#begunMs,
      failures: failures.toSorted((one, other) => one.task.seed - other.task.seed),
      ...{ differences, coverage, missing },
    };
  }

  #missing(coverage: Coverage): readonly string[] {
    const { required } = this.#options;
    if (required === undefined || coverage.runs < required.runsMin) return [];
    const wished = this.#simulation.properties.filter(({ kind }) => kind === "sometimes");
    const notes = Object.fromEntries(wished.map(({ name }) => [name, ["noted"]]));
    const areas = { ...required.areas, notes: { ...required.areas.notes, ...notes } };
    return missingIn(coverage, { ...required, areas });
  }
}
