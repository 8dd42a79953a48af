/** A bulkhead: a bound on the calls that are under way to one callee, so that a slow one cannot hold everything. */
import type { Clock } from "../std/mod.ts";
import { DeadlineExceeded, Overloaded } from "./deadline.ts";

/** The bounds of a bulkhead. */
export interface BulkheadOptions {
  readonly clock: Clock;
  /** What waits here, for faults: the callee's name. */
  readonly label: string;
  /** How many calls may be under way; 256 unless said. */
  readonly runningMax?: number;
  /** How many more may wait; 256 unless said. */
  readonly waitingMax?: number;
}

interface Waiting {
  /** Called with the fault when there was no room in time. */
  settle(fault?: Error): void;
}

/** Room for a number of calls. Those who wait are let in in the order they came. */
export class Bulkhead {
  readonly #clock: Clock;
  readonly #label: string;
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(options: BulkheadOptions) {
    this.#clock = options.clock;
    this.#label = options.label;
    this.#runningMax = options.runningMax ?? 256;
    this.#waitingMax = options.waitingMax ?? 256;
  }

  /** How many calls are under way. */
  get running(): number {
    return this.#running;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a place if one is free. Whoever has a place gives it back with {@link leave}. */
  tryEnter(): boolean {
    if (this.#running >= this.#runningMax) return false;
    this.#running += 1;
    return true;
  }

  /**
   * Waits for a place.
   * @throws {Overloaded} when too many wait already, {DeadlineExceeded} when none was free in time or the signal was
   *   aborted.
   */
  enter(deadlineAt: number, signal?: AbortSignal): Promise<void> {
    if (this.tryEnter()) return Promise.resolve();
    if (this.#waiting.size >= this.#waitingMax) return Promise.reject(Overloaded.with({ retryAfterMs: 100 }));
    const late = (): Error => DeadlineExceeded.with({ label: `The wait for ${this.#label}` });
    if (signal?.aborted) return Promise.reject(late());
    return new Promise((resolve, reject) => {
      const giveUp = (): void => waiting.settle(late());
      const timer = this.#clock.after(deadlineAt - this.#clock.monotonicMs(), giveUp);
      signal?.addEventListener("abort", giveUp, { once: true });
      const waiting: Waiting = {
        settle: (fault) => {
          this.#waiting.delete(waiting);
          timer.cancel();
          signal?.removeEventListener("abort", giveUp);
          if (fault === undefined) resolve();
          else reject(fault);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Gives a place back: to the one who waited longest, if there is one. */
  leave(): void {
    for (const next of this.#waiting) {
      next.settle();
      return;
    }
    this.#running -= 1;
  }
}
