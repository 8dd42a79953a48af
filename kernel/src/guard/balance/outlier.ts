/**
 * Whether an instance fails more than others do: then it gets no calls for a while, and after that a single one, which
 * decides. Envoy's outlier detection with Linkerd's probation.
 */

/** When an instance is an outlier. Times in milliseconds. */
export interface OutlierOptions {
  /** So many failures in a row are enough; 5 unless said. */
  readonly failuresInRow?: number;
  /** Below this share of successes in the window it is one; 0.8 unless said. */
  readonly successRatio?: number;
  /** How many calls the window must hold before the share says anything; 10 unless said. */
  readonly callsMin?: number;
  /** The time that is looked back on; 10,000 unless said. */
  readonly windowMs?: number;
  /** How long it is left out the first time, the second time twice that; 30,000 unless said. */
  readonly ejectionMs?: number;
  /** The longest that it is left out; 300,000 unless said. */
  readonly ejectionMaxMs?: number;
}

/** Whether an instance gets calls. `probation`: one, whose end decides. Times on the monotonic clock. */
export type OutlierState =
  | { readonly name: "healthy" }
  | { readonly name: "ejected"; readonly sinceMs: number; readonly untilMs: number }
  | { readonly name: "probation"; isProbing: boolean };

const SLOTS = 10;
const HEALTHY: OutlierState = { name: "healthy" };

/** The standing of one instance. */
export class Outlier {
  readonly #options: Required<OutlierOptions>;
  readonly #calls = new Uint32Array(SLOTS);
  readonly #failures = new Uint32Array(SLOTS);
  readonly #refusals = new Uint32Array(SLOTS);
  #slotNumber = 0;
  #inRow = 0;
  #times = 0;
  /** Until when it must stay healthy for its ejections to be forgotten. */
  #forgivenAtMs = 0;
  #state: OutlierState = HEALTHY;

  constructor(options: OutlierOptions = {}) {
    this.#options = {
      failuresInRow: 5,
      successRatio: 0.8,
      callsMin: 10,
      windowMs: 10_000,
      ejectionMs: 30_000,
      ejectionMaxMs: 300_000,
      ...options,
    };
  }

  get state(): OutlierState {
    return this.#state;
  }

  /** How many ejections there were since it was last well for long. */
  get times(): number {
    return this.#times;
  }

  /** The calls of the window, and those that failed or were refused for load. */
  counts(nowMs: number): { readonly calls: number; readonly troubled: number } {
    this.#advance(nowMs);
    const refusals = sum(this.#refusals);
    return { calls: sum(this.#calls) + refusals, troubled: sum(this.#failures) + refusals };
  }

  /** Takes in that a call was refused for load: no failure, but a sign that there is no room for more calls here. */
  recordRefusal(nowMs: number): void {
    this.#advance(nowMs);
    const slot = this.#slotNumber % SLOTS;
    this.#refusals[slot] = (this.#refusals[slot] ?? 0) + 1;
  }

  /** Takes in how a call ended. Returns whether this makes it an outlier, or leaves it one after its probation. */
  record(failed: boolean, nowMs: number): boolean {
    this.#advance(nowMs);
    const slot = this.#slotNumber % SLOTS;
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
    if (!failed) {
      this.#inRow = 0;
      return false;
    }
    this.#failures[slot] = (this.#failures[slot] ?? 0) + 1;
    this.#inRow += 1;
    if (this.#inRow >= this.#options.failuresInRow) return true;
    const calls = sum(this.#calls);
    return calls >= this.#options.callsMin && calls - sum(this.#failures) < calls * this.#options.successRatio;
  }

  /** Leaves it out from now on. */
  eject(nowMs: number): void {
    const { ejectionMs, ejectionMaxMs } = this.#options;
    if (this.#state === HEALTHY && nowMs >= this.#forgivenAtMs) this.#times = 0;
    this.#times += 1;
    const lengthMs = Math.min(ejectionMaxMs, ejectionMs * this.#times);
    this.#state = { name: "ejected", sinceMs: nowMs, untilMs: nowMs + lengthMs };
    this.#forgivenAtMs = nowMs + 2 * lengthMs;
  }

  /** Lets one call through to see. */
  beginProbation(): void {
    this.#state = { name: "probation", isProbing: false };
  }

  /** Lets one call through before its time: the others are no better. This ejection does not count. */
  reprieve(): void {
    if (this.#state.name !== "ejected") return;
    this.#times -= 1;
    this.beginProbation();
  }

  /** Its probation went well. What was before says nothing about it as it is now. */
  recover(): void {
    this.#state = HEALTHY;
    this.#inRow = 0;
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#refusals.fill(0);
  }

  #advance(nowMs: number): void {
    const number = Math.floor((nowMs * SLOTS) / this.#options.windowMs);
    const passed = Math.min(SLOTS, number - this.#slotNumber);
    for (let step = 0; step < passed; step += 1) {
      this.#calls[(number - step) % SLOTS] = 0;
      this.#failures[(number - step) % SLOTS] = 0;
      this.#refusals[(number - step) % SLOTS] = 0;
    }
    if (passed > 0) this.#slotNumber = number;
  }
}

function sum(values: Uint32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
