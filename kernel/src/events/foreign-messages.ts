/**
 * Messages in a broker's streams that are no runs of events: somebody else put them there, or they cannot be read. Adapters
 * go past them, and tell of them here. What such a message was to bring is not there then: the relay brings it.
 */
import type { Metrics } from "../observe/mod.ts";
import type { Logger } from "../std/mod.ts";

/** How many places of a stream are remembered; of more it is only known which was the highest. */
const PLACES_MAX = 1_024;

interface Found {
  readonly places: Set<number>;
  highest: number;
  count: number;
}

/** Counts them, and tells of each once. Kept in memory: another process tells of them again. */
export class ForeignMessages {
  readonly #log: Logger;
  readonly #about: Readonly<Record<string, unknown>>;
  readonly #streams = new Map<string, Found>();

  /** `about` stands in each line of the log: which connection it is. */
  constructor(log: Logger, about: Readonly<Record<string, unknown>> = {}) {
    this.#log = log;
    this.#about = about;
  }

  /** How many were found, in all streams. */
  get count(): number {
    return [...this.#streams.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Shows how many there are as a metric, by connection: an alert belongs on it. */
  measure(metrics: Metrics, link: string): void {
    metrics
      .counter("isomer.broker.foreign", "Messages in streams that are no runs of events.", ["link"])
      .with({ link })
      .from(() => this.count);
  }

  /** Tells that the message at a place of a stream is no run of events, and why: an error in the log, once for each. */
  found(stream: string, place: number, why: string): void {
    const known = this.#streams.get(stream) ?? { places: new Set(), highest: 0, count: 0 };
    this.#streams.set(stream, known);
    // Messages are met in any order, and again.
    const isFull = known.places.size >= PLACES_MAX;
    if (known.places.has(place) || (isFull && place <= known.highest)) return;
    if (!isFull) known.places.add(place);
    known.highest = Math.max(known.highest, place);
    known.count += 1;
    this.#log.error("A message of a stream is no run of events, and is gone past. Look who may publish there.", {
      ...{ ...this.#about, stream, place, why, messages: this.count },
    });
  }
}
