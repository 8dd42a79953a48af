/**
 * A bound on concurrency that finds itself: when calls take longer than they used to, they queue somewhere, and the
 * bound sinks. The algorithm is Gradient2 of https://github.com/Netflix/concurrency-limits, over windows of calls.
 */

/** The bounds of the bound. */
export interface AdaptiveLimitOptions {
  /** 200 unless said: Node waits for disks and peers most of the time, and durable commits come in groups. */
  readonly initial?: number;
  /** 20 unless said. */
  readonly min?: number;
  /** 1,000 unless said. */
  readonly max?: number;
  /** How much longer than usual calls may take before the bound sinks; 1.5 unless said. */
  readonly tolerance?: number;
  /** How fast the bound moves, 0 to 1; 0.2 unless said. */
  readonly smoothing?: number;
  /** The growth that is tried in each window; 4 unless said. */
  readonly headroom?: number;
  /** How many windows the usual time is averaged over; 600 unless said. */
  readonly longWindow?: number;
  /** The shortest window, in milliseconds; 100 unless said. */
  readonly windowMs?: number;
}

/** How many calls a window holds at the least: fewer say nothing. */
const CALLS_MIN = 10;
/** The usual time is a plain mean over this many windows before it becomes a moving one. */
const WARM_UP_WINDOWS = 10;

/** A bound on concurrency that follows how long calls take. */
export class AdaptiveLimit {
  readonly #options: Required<AdaptiveLimitOptions>;
  #limit: number;
  /** The usual duration, slowly moving. */
  #longMs = 0;
  #windows = 0;
  #windowEndMs = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #sumMs = 0;
  #runningMax = 0;

  constructor(options: AdaptiveLimitOptions = {}) {
    this.#options = {
      initial: 200,
      min: 20,
      max: 1_000,
      tolerance: 1.5,
      smoothing: 0.2,
      headroom: 4,
      longWindow: 600,
      windowMs: 100,
      ...options,
    };
    this.#limit = this.#options.initial;
  }

  /** How many calls may run at once, now. */
  get limit(): number {
    return this.#limit;
  }

  /** Tells of a call that ended: how long it took, and how many ran while it did. */
  record(durationMs: number, running: number, nowMs: number): void {
    this.#calls += 1;
    this.#sumMs += durationMs;
    if (running > this.#runningMax) this.#runningMax = running;
    if (nowMs < this.#windowEndMs || this.#calls < CALLS_MIN) return;
    this.#update(Math.max(this.#sumMs / this.#calls, 1e-3));
    this.#calls = 0;
    this.#sumMs = 0;
    this.#runningMax = 0;
    this.#windowEndMs = nowMs + this.#options.windowMs;
  }

  #update(shortMs: number): void {
    const { tolerance, smoothing, headroom, min, max } = this.#options;
    const longMs = this.#usual(shortMs);
    // When load sank for good, the usual time must follow soon, or the next rise would go unnoticed.
    if (longMs > shortMs * 2) this.#longMs *= 0.95;
    // Whoever does not use half of the bound learns nothing about it.
    if (this.#runningMax < this.#limit / 2) return;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / shortMs));
    const wanted = this.#limit * gradient + headroom;
    this.#limit = Math.max(min, Math.min(max, this.#limit * (1 - smoothing) + wanted * smoothing));
  }

  #usual(shortMs: number): number {
    this.#windows += 1;
    const weight = this.#windows <= WARM_UP_WINDOWS ? 1 / this.#windows : 2 / (this.#options.longWindow + 1);
    this.#longMs += (shortMs - this.#longMs) * weight;
    return this.#longMs;
  }
}
