/**
 * How old what a copy of the database shows is at most.
 *
 * The primary is asked now and then how far its log of writes goes, and the copy how much of that it has carried out.
 * When it has what the primary had at a moment, nothing that it shows is older than that moment. The moments are this
 * process's own, taken before the primary was asked: no clocks are compared, and whatever is wrong with the copy (far
 * behind, cut off, stopped, no copy at all) shows in that the moment does not move on.
 */
import type { Clock } from "../../std/mod.ts";

/** How far a database is: places in its log of writes, which only grow. */
export interface Places {
  /** How far the primary has written. */
  primary(deadlineAt: number): Promise<bigint>;
  /** How much of it the copy has carried out; undefined when it is no copy. */
  copy(deadlineAt: number): Promise<bigint | undefined>;
}

/** How long the questions may take, in milliseconds. */
const ASK_MS = 2_000;
/** The answers are renewed when this part of the age that is allowed has passed: the rest is for the copy to be behind. */
const RENEW_PART = 4;
/** How soon they are renewed when the copy is not known to be fresh enough, in milliseconds. */
const AGAIN_MS = 250;
/** The most answers of the primary that are remembered; a copy that is further behind is not asked for anything anyway. */
const MARKS_MAX = 64;

interface Mark {
  readonly at: number;
  readonly place: bigint;
}

/** Follows a copy while it is asked for. */
export class Standby {
  readonly #clock: Clock;
  readonly #places: Places;
  /** What the primary had, oldest first, as far as the copy is not known to have it. */
  #marks: Mark[] = [];
  /** The copy surely shows all that was written until this moment. */
  #freshAt: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(clock: Clock, places: Places) {
    this.#clock = clock;
    this.#places = places;
  }

  /** How old what the copy shows may be by now, in milliseconds; undefined before that is known. */
  get ageMs(): number | undefined {
    return this.#freshAt === undefined ? undefined : this.#clock.monotonicMs() - this.#freshAt;
  }

  /** Whether a read that begins now sees nothing older than this. Asks anew, beside, when the last answers age. */
  isFresh(staleMaxMs: number): boolean {
    const now = this.#clock.monotonicMs();
    const isFresh = this.#freshAt !== undefined && now - this.#freshAt <= staleMaxMs;
    const renewMs = staleMaxMs / RENEW_PART;
    if (now - this.#lookedAt >= (isFresh ? renewMs : Math.min(renewMs, AGAIN_MS))) void this.look();
    return isFresh;
  }

  /** It failed to answer: nothing is believed of it before it was asked again. */
  failed(): void {
    this.#freshAt = undefined;
  }

  /** Asks both; resolves when it is known, or cannot be. One asks for all. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const at = this.#clock.monotonicMs();
    this.#lookedAt = at;
    try {
      const place = await this.#places.primary(at + ASK_MS);
      const last = this.#marks.at(-1);
      // A primary that is behind what it was is another one: what is known of the copy says nothing about it.
      if (last !== undefined && place < last.place) this.#forget();
      this.#marks.push({ at, place });
      if (this.#marks.length > MARKS_MAX) this.#marks.shift();
      const carriedOut = await this.#places.copy(at + ASK_MS);
      if (carriedOut === undefined) this.#forget();
      else this.#reached(carriedOut);
    } catch {
      // Whoever wants to know is told by the age, which grows.
    }
  }

  #reached(place: bigint): void {
    const behind = this.#marks.findIndex((mark) => mark.place > place);
    const reached = behind === -1 ? this.#marks.length : behind;
    const newest = this.#marks[reached - 1];
    if (newest === undefined) return;
    this.#freshAt = newest.at;
    // The newest stays: it tells when the primary is another one.
    this.#marks = this.#marks.slice(reached === this.#marks.length ? reached - 1 : reached);
  }

  #forget(): void {
    this.#marks = [];
    this.#freshAt = undefined;
  }
}

/** The number that PostgreSQL writes as `16/B374D848`. */
export function placeOf(lsn: string): bigint {
  const [high = "", low = ""] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
