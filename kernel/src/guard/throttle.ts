/**
 * Client-side throttling (Site Reliability Engineering, chapter 21): a callee that refuses much for load is asked less, and
 * the rest is refused here, where it costs next to nothing. Without it, refusing is what an overloaded callee does most.
 *
 * Nothing survives a crash: whoever starts anew learns within seconds.
 */
import type { Random } from "../std/mod.ts";

/** The bounds of a throttle. */
export interface ThrottleOptions {
  /** How many calls are sent for each that is taken; 2 unless said: so that it is noticed when more are taken. */
  readonly sentPerTaken?: number;
  /** How fast what was is forgotten, in milliseconds; 2,000 unless said. */
  readonly decayMs?: number;
  /** The share of calls that is sent whatever happens; 0.1 unless said: to find out when the callee takes calls again. */
  readonly shareMin?: number;
}

/** Decides which calls of one operation are worth sending. Times on the monotonic clock. */
export class Throttle {
  readonly #sentPerTaken: number;
  readonly #decayMs: number;
  readonly #shareMin: number;
  #wanted = 0;
  #taken = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(options: ThrottleOptions = {}) {
    this.#sentPerTaken = options.sentPerTaken ?? 2;
    this.#decayMs = options.decayMs ?? 2_000;
    this.#shareMin = options.shareMin ?? 0.1;
  }

  /** The share of calls that is refused here. */
  get share(): number {
    const surplus = (this.#wanted - this.#sentPerTaken * this.#taken) / (this.#wanted + 1);
    return Math.min(1 - this.#shareMin, Math.max(0, surplus));
  }

  /**
   * Tells whether a call is to be refused here, and counts it if so. A call that is sent counts when it is known what
   * became of it: until then it says nothing of the callee, and a crowd that comes at once would refuse itself.
   */
  refuses(nowMs: number, random: Random): boolean {
    this.#forget(nowMs);
    const { share } = this;
    const isRefused = share > 0 && random.next() < share;
    if (isRefused) this.#wanted += 1;
    return isRefused;
  }

  /** A call that was sent was taken by the callee, however it ended then. */
  taken(nowMs: number): void {
    this.#forget(nowMs);
    this.#wanted += 1;
    this.#taken += 1;
  }

  /** A call that was sent was refused by the callee for load. */
  refused(nowMs: number): void {
    this.#forget(nowMs);
    this.#wanted += 1;
  }

  #forget(nowMs: number): void {
    const factor = Math.exp(Math.min(0, this.#atMs - nowMs) / this.#decayMs);
    this.#wanted *= factor;
    this.#taken *= factor;
    this.#atMs = nowMs;
  }
}
