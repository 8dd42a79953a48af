/**
 * How many serializable writes of this process run side by side. PostgreSQL finds conflicts by the pages of indexes: rows
 * whose keys are near one another, as new ones are, get in one another's way without need. Where that happens often,
 * running fewer at once does more in the same time; one at a time, as SQLite does, is the worst case. So the limit goes
 * down quickly with each conflict, and up slowly with each commit.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import type { Clock } from "../../std/mod.ts";
import { StoreBusy } from "../../store/mod.ts";

/** What a conflict leaves of the limit, and what a commit adds: at one conflict in ten commits it stays high. */
const SHRINK = 0.8;
const GROW = 0.25;
/** How long a write without a deadline waits for its turn. */
const WAIT_MS = 30_000;

/** Of what a gate is made. */
export interface GateOptions {
  readonly database: string;
  readonly clock: Clock;
  readonly runningMax: number;
  readonly waitingMax: number;
}

/** Lets writes in, as many at once as do well. */
export class Gate {
  readonly #options: GateOptions;
  readonly #waiting: ((fault?: Error) => void)[] = [];
  #limit: number;
  #running = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#limit = options.runningMax;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many may run at once now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /**
   * Waits for a turn; whoever was in before and lost goes first. Give it back with {@link Gate.leave}.
   * @throws {StoreBusy} when too many wait, {DeadlineExceeded}.
   */
  enter(label: string, deadlineAt: number | undefined, isAgain: boolean): Promise<void> {
    const { clock, database, waitingMax } = this.#options;
    if (this.#running < this.limit && (this.waiting === 0 || isAgain)) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.waiting >= waitingMax) return Promise.reject(StoreBusy.with({ database, queuedMax: waitingMax }));
    return new Promise((resolve, reject) => {
      const waitMs = deadlineAt === undefined ? WAIT_MS : deadlineAt - clock.monotonicMs();
      const timer = clock.after(waitMs, () => settle(DeadlineExceeded.with({ label })));
      const settle = (fault?: Error): void => {
        timer.cancel();
        const place = this.#waiting.indexOf(settle);
        if (place >= 0) this.#waiting.splice(place, 1);
        if (fault === undefined) resolve();
        else reject(fault);
      };
      if (isAgain) this.#waiting.unshift(settle);
      else this.#waiting.push(settle);
    });
  }

  /** Gives a turn back, and tells how it went. */
  leave(outcome: "committed" | "conflict" | "failed"): void {
    if (outcome === "conflict") this.#limit = Math.max(1, this.#limit * SHRINK);
    if (outcome === "committed") this.#limit = Math.min(this.#options.runningMax, this.#limit + GROW);
    this.#running -= 1;
    for (; this.#running < this.limit && this.waiting > 0; this.#running += 1) this.#waiting[0]?.();
  }
}
