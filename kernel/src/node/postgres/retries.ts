/**
 * When a transaction is run again, and after which pause: after others were in its way, and after its connection was lost
 * before the commit was asked for, or leads to a server that takes no writes any more. In all cases nothing happened.
 *
 * A key that is there already is mostly another's way of being in the way: the body looked, saw nothing, and wrote what
 * somebody else had just written. Run again, it sees it. Where it fails again all the same, the mistake is its own.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import { type Clock, type Random, sleep } from "../../std/mod.ts";
import { ReadOnly, isUniqueViolation } from "../../store/mod.ts";
import { isConflict, isLost, isStalePlan } from "./errors.ts";

/** After so many losses it is not tried again. */
const CONFLICTS_MAX = 30;
/** A key that was there so often is there. */
const UNIQUE_MAX = 1;
const CONFLICT_PAUSE_MS = 2;
const CONFLICT_PAUSE_MAX_MS = 50;
/** A server that is started anew takes a second or two. */
const LOST_MAX = 7;
const LOST_PAUSE_MS = 25;

/** What became of the attempts of one transaction so far. */
export class Attempts {
  readonly #retries: Retries;
  readonly #label: string;
  readonly #deadlineAt: number | undefined;
  #conflicts = 0;
  #losses = 0;
  #repeated = 0;

  constructor(retries: Retries, label: string, deadlineAt: number | undefined) {
    this.#retries = retries;
    this.#label = label;
    this.#deadlineAt = deadlineAt;
  }

  /**
   * Waits until it may be tried again after this error of the driver. Resolves to false when it may not.
   * @throws {DeadlineExceeded} when there is no time left for that.
   */
  async again(error: unknown): Promise<boolean> {
    const { clock, random } = this.#retries;
    const pauseMs = this.#pauseMs(error);
    if (pauseMs === undefined) return false;
    const jitteredMs = pauseMs * random.next();
    if (this.#deadlineAt !== undefined && clock.monotonicMs() + jitteredMs >= this.#deadlineAt) {
      throw DeadlineExceeded.with({ label: this.#label }, { cause: error });
    }
    this.#retries.count += 1;
    await sleep(clock, jitteredMs);
    return true;
  }

  #pauseMs(error: unknown): number | undefined {
    if (isConflict(error)) {
      this.#conflicts += 1;
      if (this.#conflicts > CONFLICTS_MAX) return undefined;
      return Math.min(CONFLICT_PAUSE_MAX_MS, CONFLICT_PAUSE_MS * 2 ** this.#conflicts);
    }
    if (isUniqueViolation(error)) {
      this.#repeated += 1;
      return this.#repeated > UNIQUE_MAX ? undefined : 0;
    }
    if (!isLost(error) && !isStalePlan(error) && !ReadOnly.is(error)) return undefined;
    this.#losses += 1;
    if (this.#losses > LOST_MAX) return undefined;
    return isStalePlan(error) ? 0 : LOST_PAUSE_MS * 2 ** this.#losses;
  }
}

/** What the transactions of one database share for being tried again. */
export class Retries {
  readonly clock: Clock;
  readonly random: Random;
  /** How often something was tried again. */
  count = 0;

  constructor(options: { readonly clock: Clock; readonly random: Random }) {
    this.clock = options.clock;
    this.random = options.random;
  }

  /** The attempts of a transaction that is about to be tried for the first time. */
  of(label: string, deadlineAt: number | undefined): Attempts {
    return new Attempts(this, label, deadlineAt);
  }
}
