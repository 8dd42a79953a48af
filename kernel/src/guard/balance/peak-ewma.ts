/**
 * How long calls to an instance take: a moving average that follows a rise at once and a fall slowly, and sinks while
 * nothing is known. Finagle's "peak EWMA": https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/
 */

/** A latency in milliseconds that decays. Times on the monotonic clock. */
export class PeakEwma {
  readonly #decayMs: number;
  #costMs: number;
  #stampMs: number;

  constructor(decayMs: number, initialMs: number, nowMs: number) {
    this.#decayMs = decayMs;
    this.#costMs = initialMs;
    this.#stampMs = nowMs;
  }

  /** Takes in how long a call took, in milliseconds. */
  observe(tookMs: number, nowMs: number): void {
    if (tookMs > this.#costMs) {
      this.#costMs = tookMs;
    } else {
      const kept = this.#keptSince(nowMs);
      this.#costMs = this.#costMs * kept + tookMs * (1 - kept);
    }
    this.#stampMs = nowMs;
  }

  /** Takes in that a call took at least this long: one that was given up tells no more. */
  observeAtLeast(tookMs: number, nowMs: number): void {
    if (tookMs > this.#costMs) this.observe(tookMs, nowMs);
  }

  /** The cost now: who has not been called for long is worth another try, so it sinks. */
  costMs(nowMs: number): number {
    return this.#costMs * this.#keptSince(nowMs);
  }

  /** The cost when it was last measured. */
  get measuredMs(): number {
    return this.#costMs;
  }

  #keptSince(nowMs: number): number {
    return nowMs > this.#stampMs ? Math.exp((this.#stampMs - nowMs) / this.#decayMs) : 1;
  }
}
