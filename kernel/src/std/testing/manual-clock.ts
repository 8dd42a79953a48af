/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from "../clock.ts";

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** How many turns of the microtask queue a timer's consequences are given before the next timer fires. */
const SETTLE_TURNS = 40;

/** Virtual time for tests: `advance` fires what falls due, in order, and lets promises settle in between. */
export class ManualClock implements Clock {
  readonly #startMs: number;
  /** What has passed: counted by itself, for fractions of a millisecond are lost beside all that passed since 1970. */
  #passedMs = 0;
  #waiting: Waiting[] = [];
  #order = 0;

  constructor(startMs = 1_750_000_000_000) {
    this.#startMs = startMs;
  }

  now(): number {
    return Math.floor(this.#startMs + this.#passedMs);
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  /** How many timers wait: a test of something that was closed expects none. */
  get pending(): number {
    return this.#waiting.length;
  }

  after(delayMs: number, action: () => void): Timer {
    const waiting: Waiting = {
      at: delayMs > 0 ? this.#passedMs + delayMs : this.#passedMs,
      order: this.#order,
      action,
    };
    this.#order += 1;
    let low = 0;
    let high = this.#waiting.length;
    // Latest first, so that the next one is taken off the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#waiting[middle];
      if (other !== undefined && other.at > waiting.at) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, waiting);
    return {
      cancel: () => {
        const index = this.#waiting.indexOf(waiting);
        if (index >= 0) this.#waiting.splice(index, 1);
      },
    };
  }

  soon(action: () => void): void {
    this.after(0, action);
  }

  /** Moves on by `ms`, firing what falls due; resolves when promises have settled. */
  async advance(ms: number): Promise<void> {
    const end = this.#passedMs + ms;
    await settle();
    for (;;) {
      const next = this.#waiting.at(-1);
      if (next === undefined || next.at > end) break;
      this.#waiting.pop();
      this.#passedMs = Math.max(this.#passedMs, next.at);
      next.action();
      await settle();
    }
    this.#passedMs = end;
  }

  /** Moves on until the promise is settled, at most `maxMs`, and resolves to what it resolves to. */
  async until<T>(promise: Promise<T>, maxMs = 600_000): Promise<T> {
    const state = { done: false };
    const done = (): void => {
      state.done = true;
    };
    promise.then(done, done);
    const end = this.#passedMs + maxMs;
    await settle();
    while (!state.done) {
      const next = this.#waiting.at(-1);
      if (next === undefined || next.at > end) throw new Error("The promise does not settle: no timer is due.");
      await this.advance(next.at - this.#passedMs);
    }
    return promise;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await Promise.resolve();
}
