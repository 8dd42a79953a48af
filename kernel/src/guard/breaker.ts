/**
 * A circuit breaker: leaves a callee alone that fails again and again, and tries now and then whether it is back.
 * One for each operation of a callee, because one broken operation says nothing about the others.
 */

/** The bounds of a breaker. Times in milliseconds. */
export interface BreakerOptions {
  /** The share of failures at which it opens; 0.5 unless said. */
  readonly failureRatio?: number;
  /** How many calls the window must hold before the share says anything; 20 unless said. */
  readonly callsMin?: number;
  /** The time that is looked back on; 10,000 unless said. */
  readonly windowMs?: number;
  /** How long it stays open at first; 500 unless said. Doubles each time that the probes fail. */
  readonly openMs?: number;
  /** The longest that it stays open; 5,000 unless said. */
  readonly openMaxMs?: number;
  /** How many probes run at once, and how many in a row must succeed to close it; 3 unless said. */
  readonly probes?: number;
  /** How long after the first call it does not open: a callee that is starting fails too; 5,000 unless said. */
  readonly graceMs?: number;
}

/** What a breaker does. Times on the monotonic clock. */
export type BreakerState =
  | { readonly name: "closed" }
  | { readonly name: "open"; readonly untilMs: number; readonly openedTimes: number }
  | {
      readonly name: "half-open";
      running: number;
      succeeded: number;
      readonly openedTimes: number;
    };

const SLOTS = 10;
const CLOSED: BreakerState = { name: "closed" };

/** The breaker of one operation. */
export class Breaker {
  readonly #options: Required<BreakerOptions>;
  readonly #slotMs: number;
  readonly #calls = new Uint32Array(SLOTS);
  readonly #failures = new Uint32Array(SLOTS);
  #slot = 0;
  #slotEndMs = Number.NEGATIVE_INFINITY;
  #graceEndMs: number | undefined;
  #state: BreakerState = CLOSED;

  constructor(options: BreakerOptions = {}) {
    this.#options = {
      failureRatio: 0.5,
      callsMin: 20,
      windowMs: 10_000,
      openMs: 500,
      openMaxMs: 5_000,
      probes: 3,
      graceMs: 5_000,
      ...options,
    };
    this.#slotMs = this.#options.windowMs / SLOTS;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether a call may go ahead. If so, exactly one of {@link succeeded}, {@link failed}, {@link ignored} follows. */
  enter(nowMs: number): boolean {
    return this.#state === CLOSED || this.#probe(nowMs);
  }

  /** How long until the next probe, in milliseconds; 0 unless open. */
  retryAfterMs(nowMs: number): number {
    return this.#state.name === "open" ? Math.max(0, this.#state.untilMs - nowMs) : 0;
  }

  /** The call went well, or failed for reasons of its own (its input, its rights). */
  succeeded(nowMs: number): void {
    const state = this.#state;
    if (state.name === "half-open") {
      // Calls from before it opened end here too, so this may be more than the probes.
      state.running = Math.max(0, state.running - 1);
      state.succeeded += 1;
      if (state.succeeded >= this.#options.probes) this.#close();
    } else if (state.name === "closed") {
      this.#advance(nowMs);
      this.#calls[this.#slot] = (this.#calls[this.#slot] ?? 0) + 1;
    }
  }

  /** The callee failed. */
  failed(nowMs: number): void {
    const state = this.#state;
    if (state.name === "half-open") this.#open(nowMs, state.openedTimes + 1);
    if (state.name !== "closed") return;
    this.#advance(nowMs);
    this.#calls[this.#slot] = (this.#calls[this.#slot] ?? 0) + 1;
    this.#failures[this.#slot] = (this.#failures[this.#slot] ?? 0) + 1;
    const calls = sum(this.#calls);
    const tooFew = calls < this.#options.callsMin || nowMs < (this.#graceEndMs ?? Infinity);
    if (!tooFew && sum(this.#failures) >= calls * this.#options.failureRatio) this.#open(nowMs, 1);
  }

  /** The call says nothing about the callee: it was given up, or refused for load. */
  ignored(): void {
    if (this.#state.name === "half-open") this.#state.running = Math.max(0, this.#state.running - 1);
  }

  #probe(nowMs: number): boolean {
    let state = this.#state;
    if (state.name === "open") {
      if (nowMs < state.untilMs) return false;
      state = { name: "half-open", running: 0, succeeded: 0, openedTimes: state.openedTimes };
      this.#state = state;
    }
    if (state.name === "closed") return true;
    if (state.running >= this.#options.probes) return false;
    state.running += 1;
    return true;
  }

  #open(nowMs: number, openedTimes: number): void {
    const { openMs, openMaxMs } = this.#options;
    const lengthMs = Math.min(openMaxMs, openMs * 2 ** Math.min(openedTimes - 1, 30));
    this.#state = { name: "open", untilMs: nowMs + lengthMs, openedTimes };
  }

  #close(): void {
    this.#state = CLOSED;
    // What happened before says nothing about the callee as it is now.
    this.#calls.fill(0);
    this.#failures.fill(0);
  }

  /** Moves on to the slot of time that `nowMs` is in, forgetting those that the window has left. */
  #advance(nowMs: number): void {
    if (nowMs < this.#slotEndMs) return;
    this.#graceEndMs ??= nowMs + this.#options.graceMs;
    const passed = Math.min(SLOTS, Math.floor((nowMs - this.#slotEndMs) / this.#slotMs) + 1);
    for (let step = 0; step < passed; step += 1) {
      this.#slot = (this.#slot + 1) % SLOTS;
      this.#calls[this.#slot] = 0;
      this.#failures[this.#slot] = 0;
    }
    this.#slotEndMs = passed === SLOTS ? nowMs + this.#slotMs : this.#slotEndMs + passed * this.#slotMs;
  }
}

function sum(values: Uint32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
