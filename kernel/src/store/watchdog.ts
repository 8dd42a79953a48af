/** Ends the wait for bodies that outlive their deadline, with one timer for all of a database's. */
import { DeadlineExceeded } from "../guard/mod.ts";
import type { Clock, Timer } from "../std/mod.ts";

/** How a body ended. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

interface Watch {
  readonly label: string;
  readonly deadlineAt: number;
  readonly settle: (outcome: Outcome) => void;
}

/** Watches bodies. A timer for each would cost more than most bodies do, so it is set for the earliest only. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #longestMs: number;
  readonly #watched = new Set<Watch>();
  #timer: Timer | undefined;
  #firesAt = Infinity;

  /** A body without a deadline, or with a later one, may take `longestMs`. */
  constructor(options: { readonly clock: Clock; readonly longestMs: number }) {
    this.#clock = options.clock;
    this.#longestMs = options.longestMs;
  }

  /** Whether a deadline has passed. */
  isLate(deadlineAt: number | undefined): boolean {
    return deadlineAt !== undefined && this.#clock.monotonicMs() >= deadlineAt;
  }

  /** Runs the body until it ends or is late. Never rejects; a body that is late goes on unheard. */
  run(label: string, deadlineAt: number | undefined, body: () => Promise<unknown>): Promise<Outcome> {
    const latest = this.#clock.monotonicMs() + this.#longestMs;
    const at = deadlineAt === undefined ? latest : Math.min(deadlineAt, latest);
    return new Promise((settle) => {
      const watch: Watch = { label, deadlineAt: at, settle };
      this.#watched.add(watch);
      if (at < this.#firesAt) this.#setTimer(at);
      const failed = (error: unknown): void => this.#ended(watch, { ok: false, error });
      try {
        body().then((value) => this.#ended(watch, { ok: true, value }), failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Stops the timer. */
  close(): void {
    this.#timer?.cancel();
  }

  #ended(watch: Watch, outcome: Outcome): void {
    if (!this.#watched.delete(watch)) return;
    // A body that held the processor past its deadline is late too, although no timer could fire.
    watch.settle(outcome.ok && this.isLate(watch.deadlineAt) ? late(watch) : outcome);
  }

  #setTimer(at: number): void {
    this.#timer?.cancel();
    this.#firesAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.monotonicMs()), () => this.#fire());
  }

  #fire(): void {
    this.#firesAt = Infinity;
    let next = Infinity;
    for (const watch of this.#watched) {
      if (this.isLate(watch.deadlineAt)) {
        this.#watched.delete(watch);
        watch.settle(late(watch));
      } else {
        next = Math.min(next, watch.deadlineAt);
      }
    }
    if (next < Infinity) this.#setTimer(next);
  }
}

function late({ label }: Watch): Outcome {
  return { ok: false, error: DeadlineExceeded.with({ label }) };
}
