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

/** What one interval and the whole of a limit come to, in milliseconds of use. */
export interface RateSpan {
  readonly intervalMs: number;
  readonly spanMs: number;
  /** How much is allowed at once, after a rest. */
  readonly burst: number;
}

/** The span of some bounds. */
export function rateSpan({ limit, windowMs, burst = limit }: RateLimitOptions): RateSpan {
  const intervalMs = windowMs / limit;
  return { intervalMs, spanMs: burst * intervalMs, burst };
}

/**
 * Decides over a cost, given for how long from now the key is used up. Pure: whoever keeps the number, here or in a
 * shared store, decides the same. `usedMs` of the answer is what to keep.
 */
export function decideRate(usedMs: number, cost: number, span: RateSpan): RateDecision & { readonly usedMs: number } {
  const { intervalMs, spanMs, burst } = span;
  const after = usedMs + cost * intervalMs;
  const allowed = after <= spanMs + HAIR_MS;
  const now = allowed ? after : usedMs;
  return {
    allowed,
    limit: burst,
    remaining: Math.max(0, Math.floor((spanMs - now) / intervalMs + 1e-9)),
    resetMs: Math.ceil(now),
    retryAfterMs: allowed ? 0 : Math.max(1, Math.ceil(Math.min(after, usedMs + spanMs) - spanMs - HAIR_MS)),
    usedMs: now,
  };
}

/** Limits by key. What is refused costs nothing. */
export class RateLimiter {
  readonly #span: RateSpan;
  readonly #keysMax: number;
  /** Until when each key has used up what it was given; in the order of last use. */
  readonly #usedUntil = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#span = rateSpan(options);
    this.#keysMax = options.keysMax ?? 100_000;
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#usedUntil.size;
  }

  /** Takes `cost` for the key, if there is so much left. `nowMs` never goes back: take it from the monotonic clock. */
  take(key: string, cost: number, nowMs: number): RateDecision {
    const known = this.#usedUntil.get(key);
    const { usedMs, ...decision } = decideRate(Math.max(0, (known ?? nowMs) - nowMs), cost, this.#span);
    if (known !== undefined) this.#usedUntil.delete(key);
    if (usedMs > 0) this.#usedUntil.set(key, nowMs + usedMs);
    if (this.#usedUntil.size > this.#keysMax) this.#forget();
    return decision;
  }

  #forget(): void {
    for (const oldest of this.#usedUntil.keys()) {
      this.#usedUntil.delete(oldest);
      return;
    }
  }
}
