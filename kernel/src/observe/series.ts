/** Series: the numbers of one metric under one set of label values. Whoever counts keeps its series at hand. */

/** Counts up. */
export class CounterSeries {
  #value = 0;
  #source: (() => number) | undefined;

  get value(): number {
    return this.#source === undefined ? this.#value : this.#source();
  }
  /** Adds `amount`, which must not be negative; 1 unless said. */
  add(amount = 1): void {
    this.#value += amount;
  }
  /** Reads a count where it is kept, whenever metrics are collected. It must not go down. */
  from(source: () => number): void {
    this.#source = source;
  }
}

/** Goes up and down. */
export class GaugeSeries {
  #value = 0;
  #source: (() => number) | undefined;

  get value(): number {
    return this.#source === undefined ? this.#value : this.#source();
  }
  set(value: number): void {
    this.#value = value;
  }
  add(amount: number): void {
    this.#value += amount;
  }
  /**
   * Reads the value where it lives, whenever metrics are collected: for queue lengths and pool sizes. While it is NaN, there
   * is none, and the series is left out.
   */
  from(source: () => number): void {
    this.#source = source;
  }
}

/** Counts observations by size. */
export class HistogramSeries {
  /** Upper bounds, ascending, inclusive; what is above the last counts in the extra last bucket. */
  readonly boundaries: readonly number[];
  /** Observations per bucket, one more than there are boundaries. Not cumulative. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(boundaries: readonly number[]) {
    this.boundaries = boundaries;
    this.counts = new Float64Array(boundaries.length + 1);
  }

  observe(value: number): void {
    const { boundaries } = this;
    let bucket = 0;
    // Most observations are small and the boundaries are few: a scan is faster than halving.
    while (bucket < boundaries.length && value > (boundaries[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}
