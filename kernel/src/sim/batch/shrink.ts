/**
 * Makes a failing run as small as it gets: the fewest faults, and the fewest actors, with which the same thing still
 * goes wrong. Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 2002)
 * over names of faults; whole kinds first, for most of them have nothing to do with it.
 */
import { faultId } from "../faults.ts";
import { realMs } from "../real/workers.ts";
import { runSeed } from "../run-seed.ts";
import type { RunResult, SimViolation, Simulation } from "../simulation.ts";

/** How much is spent on shrinking, and what counts as the same failure. */
export interface ShrinkOptions {
  /** 400 unless said. */
  readonly runsMax?: number;
  /** In real time; 120,000 unless said. */
  readonly longestMs?: number;
  /** What of a violation must stay as it is; the property's name unless said. */
  readonly kindOf?: (violation: SimViolation) => string;
  /** Told after every run. */
  readonly onProgress?: (progress: ShrinkProgress) => void;
}

/** How far shrinking is. */
export interface ShrinkProgress {
  readonly runs: number;
  /** How many faults and actors are left. */
  readonly faults: number;
  readonly actors: number;
}

/** The smallest run that was found. */
export interface Shrunk {
  /** The faults with which it still goes wrong, by their ids, in the order in which they happened. */
  readonly faults: readonly string[];
  /** The actors with whom it still goes wrong. */
  readonly actors: readonly string[];
  /** The run itself. */
  readonly result: RunResult;
  readonly runs: number;
  /** Whether no fault and no actor can be left out any more; otherwise runs or time ran out. */
  readonly isMinimal: boolean;
}

const RUNS_MAX = 400;
const LONGEST_MS = 120_000;

/** Shrinks a failing run. @throws {TypeError} when it did not fail, or does not fail again. */
export async function shrink(simulation: Simulation, failing: RunResult, options: ShrinkOptions = {}): Promise<Shrunk> {
  return new Shrinking(simulation, failing, options).result();
}

class Shrinking {
  readonly #simulation: Simulation;
  readonly #options: ShrinkOptions;
  readonly #kind: string;
  readonly #seed: number;
  readonly #endMs: number;
  #best: RunResult;
  #runs = 0;
  #ranOut = false;

  constructor(simulation: Simulation, failing: RunResult, options: ShrinkOptions) {
    const [first] = failing.violations;
    if (first === undefined) throw new TypeError(`Seed ${failing.seed} does not fail: there is nothing to shrink.`);
    this.#simulation = simulation;
    this.#options = options;
    this.#kind = this.#kindOf(first);
    this.#seed = failing.seed;
    this.#best = failing;
    this.#endMs = realMs() + (options.longestMs ?? LONGEST_MS);
  }

  async result(): Promise<Shrunk> {
    if (!(await this.#fails(this.#faults, this.#actors)))
      throw new TypeError(`Seed ${this.#seed} does not fail again in the same way.`);
    for (let size = -1; size !== this.#size && !this.#ranOut;) {
      size = this.#size;
      await this.#withoutKinds();
      await this.#minimize(this.#actors, (actors) => this.#fails(this.#faults, actors));
      await this.#minimize(this.#faults, (faults) => this.#fails(faults, this.#actors));
    }
    const [faults, actors] = [this.#faults, this.#actors];
    return { faults, actors, result: this.#best, runs: this.#runs, isMinimal: !this.#ranOut };
  }

  get #faults(): readonly string[] {
    return [...new Set(this.#best.faults.map(faultId))];
  }

  get #actors(): readonly string[] {
    return this.#best.actors;
  }

  get #size(): number {
    return this.#faults.length + this.#actors.length;
  }

  /** Leaves out all faults, or else one kind after another, the most frequent first. */
  async #withoutKinds(): Promise<void> {
    if (this.#faults.length === 0 || (await this.#fails([], this.#actors))) return;
    const kinds = Map.groupBy(this.#best.faults, ({ kind }) => kind);
    const byNumber = [...kinds].toSorted(([, one], [, other]) => other.length - one.length);
    if (byNumber.length < 2) return;
    for (const [kind] of byNumber) {
      const all = this.#faults;
      const rest = all.filter((id) => !id.startsWith(`${kind}: `));
      if (rest.length < all.length) await this.#fails(rest, this.#actors);
    }
  }

  /** ddmin, without its first half: what only complements find, they find in the same number of runs or fewer. */
  async #minimize(whole: readonly string[], fails: (rest: readonly string[]) => Promise<boolean>): Promise<void> {
    let left = whole;
    for (let parts = 2; left.length > 0 && !this.#ranOut;) {
      const count = Math.min(parts, left.length);
      let smaller: readonly string[] | undefined;
      for (let part = 0; part < count && smaller === undefined; part += 1) {
        const from = Math.floor((part * left.length) / count);
        const to = Math.floor(((part + 1) * left.length) / count);
        const rest = [...left.slice(0, from), ...left.slice(to)];
        if (!(await fails(rest))) continue;
        // Faults that were allowed and did not happen any more are gone, too.
        const still = new Set([...this.#faults, ...this.#actors]);
        smaller = rest.filter((name) => still.has(name));
      }
      if (smaller === undefined && count === left.length) return;
      parts = smaller === undefined ? count * 2 : Math.max(2, count - 1);
      left = smaller ?? left;
    }
  }

  /** Whether it still goes wrong; if so, this is the smallest run until now. */
  async #fails(faults: readonly string[], actors: readonly string[]): Promise<boolean> {
    const { runsMax = RUNS_MAX, onProgress } = this.#options;
    if (this.#runs >= runsMax || realMs() > this.#endMs) this.#ranOut = true;
    if (this.#ranOut) return false;
    const result = await runSeed(this.#simulation, {
      ...{ seed: this.#seed, only: new Set(faults), onlyActors: new Set(actors) },
    });
    this.#runs += 1;
    const same = result.violations.some((violation) => this.#kindOf(violation) === this.#kind);
    if (same) this.#best = result;
    onProgress?.({ runs: this.#runs, faults: this.#faults.length, actors: this.#actors.length });
    return same;
  }

  #kindOf(violation: SimViolation): string {
    return this.#options.kindOf?.(violation) ?? violation.property;
  }
}
