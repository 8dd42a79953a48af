/** What one run of a saga is busy with, and what it is waiting for. */
import type { Clock, Fault, Timer } from "../std/mod.ts";
import type { Undo } from "./undo.ts";

/** Why a run does not go on at one place: until a wait is over, or until something that failed may be tried again. */
export interface Pause {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly wakeAt: number;
  /** Present when something failed. */
  readonly retry?: Retry;
}

/** Something that failed and is to be tried again. */
export interface Retry {
  readonly attempts: number;
  readonly fault: Fault;
  readonly stuck: boolean;
  /** Whether it must not be given up; see the trial that it was. */
  readonly mustResolve: boolean;
  readonly undo: Undo | undefined;
}

/** Of what a {@link Workload} is made. */
export interface WorkloadOptions {
  readonly clock: Clock;
  /** Whether somebody wants to know when nothing is going on. */
  readonly expectsQuiet: () => boolean;
  /** Called when nothing is going on, and the body has had time to begin something new. */
  readonly onQuiet: () => void;
}

interface Rest {
  readonly timer: Timer;
  readonly end: (goOn: boolean) => void;
}

/** Counts what is going on in one run. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #pauses = new Map<string, Pause>();
  readonly #rests = new Set<Rest>();
  #active = 0;
  #calls = 0;
  #stopped: (() => void) | undefined;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Whether nothing more is to be begun, because the process ends. */
  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  get isQuiet(): boolean {
    return this.#active === 0;
  }

  get isPaused(): boolean {
    return this.#pauses.size > 0;
  }

  /** The pauses, the first to end first. */
  pauses(): readonly Pause[] {
    return [...this.#pauses.values()].toSorted((a, b) => a.wakeAt - b.wakeAt);
  }

  /** Something begins. Followed by {@link exit} or {@link pause}. */
  enter(): void {
    this.#active += 1;
  }

  exit(): void {
    this.#active -= 1;
    if (this.#active === 0 && (this.isPaused || this.#options.expectsQuiet())) this.lookForQuiet();
  }

  /** Something that began does not go on in this run. */
  pause(pause: Pause): void {
    this.#pauses.set(pause.name, pause);
    this.exit();
  }

  forgetPauses(): void {
    this.#pauses.clear();
  }

  /** Tells of quiet, if there is any at the end of this turn: branches of the body may be about to begin something. */
  lookForQuiet(): void {
    this.#options.clock.soon(() => {
      if (this.#active === 0 && !this.isStopping) this.#options.onQuiet();
    });
  }

  /** A call or transaction begins; false when it must not. Followed by {@link arrives} in any case but that. */
  departs(): boolean {
    if (this.isStopping) return false;
    this.#calls += 1;
    return true;
  }

  arrives(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#stopped?.();
  }

  /** A short wait; resolves to false when there is nothing to wait for any more. */
  rest(delayMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const rest: Rest = {
        end: resolve,
        timer: this.#options.clock.after(delayMs, () => {
          this.#rests.delete(rest);
          resolve(true);
        }),
      };
      this.#rests.add(rest);
    });
  }

  /** Ends the short waits now. */
  endRests(goOn: boolean): void {
    for (const { timer, end } of this.#rests) {
      timer.cancel();
      end(goOn);
    }
    this.#rests.clear();
  }

  /** Begins nothing more; resolves when no call is under way. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
      this.endRests(false);
      if (this.#calls === 0) resolve();
    });
  }
}
