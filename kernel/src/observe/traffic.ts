/** Traffic: what went through a process between two looks, from the histograms that count it anyway. */
import type { AnyMetric, Metrics } from "./metrics.ts";

/** What happened between two looks. */
export interface Traffic {
  readonly calls: number;
  /** Calls that ended otherwise than well, as the histogram's labels tell. */
  readonly faults: number;
  /** Half of the calls took at most this many milliseconds; 0 when there were none. Exact to a bucket's width. */
  readonly p50Ms: number;
  /** 99 of a hundred took at most this many milliseconds. */
  readonly p99Ms: number;
}

/** Which histogram to look at, and what in its labels is a failure. */
export interface TrafficSource {
  readonly metric: string;
  readonly isFault: (labels: Readonly<Record<string, string>>) => boolean;
}

const NONE: Traffic = { calls: 0, faults: 0, p50Ms: 0, p99Ms: 0 };

/** Looks at a histogram again and again, and tells what came since the last look. */
export class TrafficMeter {
  readonly #metrics: Metrics;
  readonly #source: TrafficSource;
  readonly #before = new Map<string, Float64Array>();

  constructor(metrics: Metrics, source: TrafficSource) {
    this.#metrics = metrics;
    this.#source = source;
  }

  /** What came since the last look, or since the beginning. */
  look(): Traffic {
    const metric = this.#metrics.all().find(({ name }) => name === this.#source.metric);
    return metric?.type === "histogram" ? this.#since(metric) : NONE;
  }

  #since(metric: AnyMetric & { readonly type: "histogram" }): Traffic {
    let boundaries: readonly number[] = [];
    let faults = 0;
    const sums: number[] = [];
    for (const [values, series] of metric.series()) {
      boundaries = series.boundaries;
      const before = this.#before.get(values.join("\u0000"));
      const fresh = series.counts.map((count, bucket) => count - (before?.[bucket] ?? 0));
      this.#before.set(values.join("\u0000"), series.counts.slice());
      const labels = Object.fromEntries(metric.labelNames.map((name, index) => [name, values[index] ?? ""]));
      fresh.forEach((count, bucket) => (sums[bucket] = (sums[bucket] ?? 0) + count));
      if (this.#source.isFault(labels)) faults += fresh.reduce((sum, count) => sum + count, 0);
    }
    const calls = sums.reduce((sum, count) => sum + count, 0);
    const quantile = (share: number): number => quantileOf(sums, boundaries, share) * 1_000;
    return { calls, faults, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
  }
}

/** A quantile of observations that were counted in buckets: within a bucket they are taken to lie evenly. */
export function quantileOf(counts: readonly number[], boundaries: readonly number[], share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  let left = share * total;
  for (const [bucket, count] of counts.entries()) {
    const [low, high] = [boundaries[bucket - 1] ?? 0, boundaries[bucket] ?? boundaries.at(-1) ?? 0];
    if (left <= count && count > 0) return low + (high - low) * (left / count);
    left -= count;
  }
  return boundaries.at(-1) ?? 0;
}
