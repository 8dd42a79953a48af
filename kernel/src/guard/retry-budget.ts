/** Retries are paid for by calls: when much fails, retrying everything would only add to the load. */

/** The bounds of a budget. */
export interface RetryBudgetOptions {
  /** How many retries a call pays for; 0.1 unless said. */
  readonly ratio?: number;
  /** How many retries there are for nothing, per second, so that rare callers can retry at all; 0.2 unless said. */
  readonly freePerSecond?: number;
  /** How many retries may be saved up; 50 unless said. */
  readonly savedMax?: number;
}

/** How many retries there are at the start. */
const SAVED_AT_START = 5;

/** A bucket of retries. Over any long time there are at most `ratio` retries a call, and the few free ones. */
export class RetryBudget {
  readonly #ratio: number;
  readonly #freePerMs: number;
  readonly #savedMax: number;
  #saved = SAVED_AT_START;
  #filledAt: number | undefined;

  constructor(options: RetryBudgetOptions = {}) {
    this.#ratio = options.ratio ?? 0.1;
    this.#freePerMs = (options.freePerSecond ?? 0.2) / 1_000;
    this.#savedMax = options.savedMax ?? 50;
  }

  /** Counts a call: first attempts only. */
  earn(): void {
    const saved = this.#saved + this.#ratio;
    this.#saved = saved > this.#savedMax ? this.#savedMax : saved;
  }

  /** Takes a retry, if there is one. */
  spend(nowMs: number): boolean {
    const free = (nowMs - (this.#filledAt ?? nowMs)) * this.#freePerMs;
    this.#filledAt = nowMs;
    this.#saved = Math.min(this.#savedMax, this.#saved + free);
    // Sums of tenths fall short of one by a hair.
    if (this.#saved < 1 - 1e-9) return false;
    this.#saved -= 1;
    return true;
  }
}
