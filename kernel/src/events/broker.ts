/**
 * The broker: keeps the events of services for subscribers in other hosts. It is a copy; the log is what counts.
 *
 * Positions are the log's own, so nothing depends on what the broker remembers: if it loses events that it had
 * acknowledged, its head goes back, and the relay sends them again from there. All brokers are held to one conformance suite
 * (`events/testing/conformance.ts`), and so are all sources of events.
 */
import type { EventRecord } from "./event.ts";
import type { Holes } from "./holes.ts";
import type { EventSource } from "./source.ts";

/** A run of a service's log without gaps: all that the log has with `after < position <= upTo`. */
export interface LogRun {
  readonly service: string;
  readonly after: number;
  readonly upTo: number;
  readonly events: readonly EventRecord[];
  /** What the log itself had no more when this was read. Readers are told, unless they know that they miss it. */
  readonly holes?: Holes;
}

/** Keeps events. Implementations may lose, repeat and delay; they must not invent, change or reorder. */
export interface Broker {
  /**
   * Adds a run. Resolves to the broker's head after that: less than `upTo` when it has not everything up to `after`,
   * and then nothing was added. What it has already is left out. @throws faults of kind `unavailable`.
   */
  append(run: LogRun): Promise<number>;
  /** The position up to which it has everything of a service; 0 when it has nothing. */
  head(service: string): Promise<number>;
  /** The events of a service, for consumers. May give events again that were given before. */
  source(service: string): EventSource;
}
