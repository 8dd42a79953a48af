/** How much may be logged of what others cause: a peer that is refused ten thousand times a second fills no disk. */
import type { Clock } from "./clock.ts";

const LINES_MAX = 50;
const WINDOW_MS = 10_000;

/** Lets 50 lines through in each ten seconds. What is kept out is still counted by a metric of whoever logs. */
export class LogBudget {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #windowEnds = 0;
  #lines = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Whether there is room for a line; takes it. */
  take(): boolean {
    const now = this.#clock.monotonicMs();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW_MS;
      this.#lines = 0;
    }
    this.#lines += 1;
    return this.#lines <= LINES_MAX;
  }
}
