/**
 * A limit on how often something may happen per key, by the generic cell rate algorithm (GCRA): one number a key, no
 * timers, and no burst at the edge of a window.
 */

/** The bounds of a rate limiter. */
export interface RateLimitOptions {
  /** How much is allowed in a window; also how much at once, after a rest. */
  readonly limit: number;
  readonly windowMs: number;
  /** How much is allowed at once, after a rest; `limit` unless said. */
  readonly burst?: number;
  /** How many keys are remembered; the one unused for longest is forgotten. 100,000 unless said. */
  readonly keysMax?: number;
}

/** What a limiter says. */
export interface RateDecision {
  readonly allowed: boolean;
  /** How much is allowed at once, after a rest. */
  readonly limit: number;
  /** How much is left now. */
  readonly remaining: number;
  /** Until all of it is there again, in milliseconds. */
  readonly resetMs: number;
  /** Until the same would be allowed, in milliseconds; 0 when it was. */
  readonly retryAfterMs: number;
}

/** By so much may a sum of intervals exceed the span: rounding, which must cost nobody a millisecond. */
const HAIR_MS = 1e-6;

/** Limits by key. What is refused costs nothing. */
export class RateLimiter {
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #keysMax: number;
  /** Until when each key has used up what it was given; in the order of last use. */
  readonly #usedUntil = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#intervalMs = options.windowMs / options.limit;
    this.#burst = options.burst ?? options.limit;
    this.#keysMax = options.keysMax ?? 100_000;
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#usedUntil.size;
  }

  /** Takes `cost` for the key, if there is so much left. `nowMs` never goes back: take it from the monotonic clock. */
  take(key: string, cost: number, nowMs: number): RateDecision {
    const known = this.#usedUntil.get(key);
    const used = Math.max(0, (known ?? nowMs) - nowMs);
    const spanMs = this.#burst * this.#intervalMs;
    const after = used + cost * this.#intervalMs;
    const allowed = after <= spanMs + HAIR_MS;
    const now = allowed ? after : used;
    if (known !== undefined) this.#usedUntil.delete(key);
    if (now > 0) this.#usedUntil.set(key, nowMs + now);
    if (this.#usedUntil.size > this.#keysMax) this.#forget();
    return {
      allowed,
      limit: this.#burst,
      remaining: Math.max(0, Math.floor((spanMs - now) / this.#intervalMs + 1e-9)),
      resetMs: Math.ceil(now),
      retryAfterMs: allowed ? 0 : Math.max(1, Math.ceil(Math.min(after, used + spanMs) - spanMs - HAIR_MS)),
    };
  }

  #forget(): void {
    for (const oldest of this.#usedUntil.keys()) {
      this.#usedUntil.delete(oldest);
      return;
    }
  }
}
