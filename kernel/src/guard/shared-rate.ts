/**
 * Rate limits that several gateways share. Each keeps its own count too: while the shared one does not answer, what
 * this gateway let through still counts, and a client gets at most the limit from each gateway instead of from all.
 */
import type { Clock } from "../std/mod.ts";
import { type RateDecision, type RateLimitOptions, RateLimiter } from "./rate-limit.ts";

/** Decides over rates: at once where it counts here, later where it has to ask. */
export interface RateTaker {
  /** Takes `cost` for the key, if there is so much left. Never rejects. `nowMs` is from the monotonic clock. */
  take(key: string, cost: number, nowMs: number): RateDecision | Promise<RateDecision>;
}

/** A count that several gateways share. All are held to `guard/testing/rates-conformance.ts`. */
export interface SharedRates {
  /** Takes `cost` for the key; `undefined` when the count does not answer soon. Never rejects. */
  take(key: string, cost: number): Promise<RateDecision | undefined>;
}

/** A shared count in memory: for gateways in one process, and in simulation. */
export class MemoryRates implements SharedRates {
  readonly #limiter: RateLimiter;
  readonly #clock: Clock;

  constructor(options: RateLimitOptions, clock: Clock) {
    this.#limiter = new RateLimiter(options);
    this.#clock = clock;
  }

  async take(key: string, cost: number): Promise<RateDecision> {
    return this.#limiter.take(key, cost, this.#clock.monotonicMs());
  }
}

/** A shared limit with a count of this gateway behind it. */
export class SharedRateLimiter implements RateTaker {
  readonly #shared: SharedRates;
  readonly #own: RateLimiter;

  constructor(shared: SharedRates, options: RateLimitOptions) {
    this.#shared = shared;
    this.#own = new RateLimiter(options);
  }

  /** What the shared count refuses costs nothing here either; what it lets pass counts here, for when it is lost. */
  async take(key: string, cost: number, nowMs: number): Promise<RateDecision> {
    const told = await this.#shared.take(key, cost);
    if (told?.allowed === false) return told;
    const own = this.#own.take(key, cost, nowMs);
    return told === undefined || !own.allowed || own.remaining < told.remaining ? own : told;
  }
}
