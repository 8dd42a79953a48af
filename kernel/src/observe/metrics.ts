/**
 * Metrics: counters, gauges and histograms with labels, by OpenTelemetry's names, read as Prometheus text or as a
 * snapshot for OTLP. Bind a series once (`with`), keep it, and the hot path is one addition.
 *
 * Nothing here survives a crash; counters begin again at zero, which scrapers expect.
 */
import { prometheusText } from "./prometheus.ts";
import { CounterSeries, GaugeSeries, HistogramSeries } from "./series.ts";

/** What kind of numbers a metric holds. */
export type MetricType = "counter" | "gauge" | "histogram";
/** The unit of a metric by UCUM; `""` when it counts things. */
export type MetricUnit = "s" | "By" | "1" | "";
/** A value for each label. */
export type Labels<L extends string = string> = Readonly<Record<L, string>>;

/** A metric: one series for each combination of label values that was asked for. */
export interface Metric<S, L extends string = string> {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly unit: MetricUnit;
  readonly labelNames: readonly L[];
  /** The series of these values. Past the bound on series it is the one whose labels are all `other`. */
  with(labels: Labels<L>): S;
  /** The series there are, with their label values in the order of `labelNames`. */
  series(): Iterable<readonly [values: readonly string[], series: S]>;
}

/** Any metric, told apart by its type. */
export type AnyMetric =
  | (Metric<CounterSeries> & { readonly type: "counter" })
  | (Metric<GaugeSeries> & { readonly type: "gauge" })
  | (Metric<HistogramSeries> & { readonly type: "histogram" });

/** Upper bounds in seconds: OpenTelemetry's for durations, and finer below 5 ms where calls in memory lie. */
export const DURATION_BOUNDARIES: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** How many series a metric may have. */
export const SERIES_MAX = 2_000;
/** The value of every label of the series that takes what the bound keeps out. */
export const OVERFLOW = "other";

/** The metrics of a host. */
export class Metrics {
  readonly #metrics = new Map<string, AnyMetric>();
  readonly #seriesMax: number;

  constructor(options: { readonly seriesMax?: number } = {}) {
    this.#seriesMax = options.seriesMax ?? SERIES_MAX;
  }

  /** A counter; asking again for the same name gives the same one. @throws {TypeError} if it is another type. */
  counter<const L extends readonly string[]>(
    name: string,
    help: string,
    labelNames: L,
    unit: MetricUnit = "",
  ): Metric<CounterSeries, L[number]> {
    return this.#define({ name, help, labelNames, unit, type: "counter" }, () => new CounterSeries());
  }

  /** A gauge. @throws {TypeError} if the name is taken by another type. */
  gauge<const L extends readonly string[]>(
    name: string,
    help: string,
    labelNames: L,
    unit: MetricUnit = "",
  ): Metric<GaugeSeries, L[number]> {
    return this.#define({ name, help, labelNames, unit, type: "gauge" }, () => new GaugeSeries());
  }

  /** A histogram, of durations in seconds unless said. @throws {TypeError} if the name is taken by another type. */
  // oxlint-disable-next-line max-params -- boundaries and unit are seldom given
  histogram<const L extends readonly string[]>(
    name: string,
    help: string,
    labelNames: L,
    boundaries: readonly number[] = DURATION_BOUNDARIES,
    unit: MetricUnit = "s",
  ): Metric<HistogramSeries, L[number]> {
    return this.#define({ name, help, labelNames, unit, type: "histogram" }, () => new HistogramSeries(boundaries));
  }

  /** All metrics by name, for exporters. */
  all(): readonly AnyMetric[] {
    return [...this.#metrics.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Prometheus' text format 0.0.4: `text/plain; version=0.0.4; charset=utf-8`. */
  toPrometheus(): string {
    return prometheusText(this.all());
  }

  #define<S, const L extends readonly string[]>(
    head: Pick<Metric<S>, "name" | "help" | "unit" | "type"> & { readonly labelNames: L },
    make: () => S,
  ): Metric<S, L[number]> {
    const known = this.#metrics.get(head.name);
    if (known === undefined) {
      const metric = new Family<S>(head, make, this.#seriesMax);
      this.#metrics.set(head.name, metric as unknown as AnyMetric);
      return metric as unknown as Metric<S, L[number]>;
    }
    if (known.type !== head.type || known.labelNames.join() !== head.labelNames.join()) {
      throw new TypeError(`The metric ${head.name} exists as a ${known.type} of (${known.labelNames.join(", ")}).`);
    }
    return known as unknown as Metric<S, L[number]>;
  }
}

class Family<S> implements Metric<S> {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly unit: MetricUnit;
  readonly labelNames: readonly string[];
  readonly #make: () => S;
  readonly #seriesMax: number;
  readonly #series = new Map<string, readonly [readonly string[], S]>();

  constructor(head: Omit<Metric<S>, "with" | "series">, make: () => S, seriesMax: number) {
    this.name = head.name;
    this.type = head.type;
    this.help = head.help;
    this.unit = head.unit;
    this.labelNames = head.labelNames;
    this.#make = make;
    this.#seriesMax = seriesMax;
  }

  with(labels: Labels): S {
    const values = this.labelNames.map((name) => labels[name] ?? "");
    const key = values.join("\u0000");
    const known = this.#series.get(key);
    if (known !== undefined) return known[1];
    const full = this.#series.size >= this.#seriesMax - 1;
    return full ? this.#overflow() : this.#add(key, values);
  }

  series(): Iterable<readonly [readonly string[], S]> {
    return this.#series.values();
  }

  #overflow(): S {
    const values = this.labelNames.map(() => OVERFLOW);
    const key = values.join("\u0000");
    return this.#series.get(key)?.[1] ?? this.#add(key, values);
  }

  #add(key: string, values: readonly string[]): S {
    const series = this.#make();
    this.#series.set(key, [values, series]);
    return series;
  }
}
