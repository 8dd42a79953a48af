/**
 * When a transaction is run again, and after which pause: after others were in its way, and after its connection was lost
 * before the commit was asked for. In both cases nothing happened.
 *
 * A key that is there already is mostly another's way of being in the way: the body looked, saw nothing, and wrote what
 * somebody else had just written. Run again, it sees it. Where it fails again all the same, the mistake is its own.
 *
 * Who lost several times goes into the lane, where the losers of this process run one at a time: sixteen that want one row
 * would otherwise undo one another for long.
 */
import { Bulkhead, DeadlineExceeded } from "../../guard/mod.ts";
import { type Clock, type Random, sleep } from "../../std/mod.ts";
import { isUniqueViolation } from "../../store/mod.ts";
import { isConflict, isLost, isStalePlan } from "./errors.ts";

/** After so many losses it is not tried again. */
const CONFLICTS_MAX = 30;
/** Who lost so often goes into the lane. */
const LANE_AFTER = 2;
/** A key that was there so often is there. */
const UNIQUE_MAX = 1;
const CONFLICT_PAUSE_MS = 2;
const CONFLICT_PAUSE_MAX_MS = 50;
/** A server that is started anew takes a second or two. */
const LOST_MAX = 7;
const LOST_PAUSE_MS = 25;
const LANE_WAIT_MS = 30_000;

/** What became of the attempts of one transaction so far. */
export class Attempts {
  readonly #retries: Retries;
  readonly #label: string;
  readonly #deadlineAt: number | undefined;
  #conflicts = 0;
  #losses = 0;
  #repeated = 0;
  #inLane = false;

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
    if (this.#conflicts >= LANE_AFTER && !this.#inLane) {
      await this.#retries.lane.enter(this.#deadlineAt ?? clock.monotonicMs() + LANE_WAIT_MS);
      this.#inLane = true;
    } else {
      await sleep(clock, jitteredMs);
    }
    return true;
  }

  /** It is over, however it ended. */
  done(): void {
    if (this.#inLane) this.#retries.lane.leave();
    this.#inLane = false;
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
    if (!isLost(error) && !isStalePlan(error)) return undefined;
    this.#losses += 1;
    if (this.#losses > LOST_MAX) return undefined;
    return isStalePlan(error) ? 0 : LOST_PAUSE_MS * 2 ** this.#losses;
  }
}

/** What the transactions of one database share for being tried again. */
export class Retries {
  readonly clock: Clock;
  readonly random: Random;
  readonly lane: Bulkhead;
  /** How often something was tried again. */
  count = 0;

  constructor(options: { readonly database: string; readonly clock: Clock; readonly random: Random }) {
    this.clock = options.clock;
    this.random = options.random;
    const label = `its turn in ${options.database}`;
    this.lane = new Bulkhead({ clock: options.clock, label, runningMax: 1, waitingMax: 10_000 });
  }

  /** The attempts of a transaction that is about to be tried for the first time. */
  of(label: string, deadlineAt: number | undefined): Attempts {
    return new Attempts(this, label, deadlineAt);
  }
}
