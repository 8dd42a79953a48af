/**
 * The events that a consumer has read and not finished, in lanes: one for each key, in order; the lanes take turns.
 * Lives in memory only: after a crash the events are read again from the cursor.
 */
import type { EventRecord } from "./event.ts";

/** The unfinished events of one key. */
export interface Lane {
  readonly key: string;
  /** In order; the first is the one being handled. Never empty. */
  readonly events: EventRecord[];
  /** How often the first event was tried in vain. */
  failures: number;
  /** How many of these failures count towards giving it up. */
  strikes: number;
}

/** Unfinished events by key. A lane is ready, taken, or parked. */
export class Backlog {
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: Lane[] = [];
  /** In order of position, because that is how events are admitted. */
  readonly #open = new Set<EventRecord>();
  #parked = 0;

  /** How many events are unfinished. */
  get size(): number {
    return this.#open.size;
  }

  /** How many keys wait after a failure. */
  get parked(): number {
    return this.#parked;
  }

  /** The unfinished event with the lowest position. Everything before it is finished. */
  get oldest(): EventRecord | undefined {
    return this.#open.values().next().value;
  }

  /** Takes an event in. Positions must come in order. */
  admit(event: EventRecord): void {
    this.#open.add(event);
    const lane = this.#lanes.get(event.key);
    if (lane !== undefined) {
      lane.events.push(event);
      return;
    }
    const fresh: Lane = { key: event.key, events: [event], failures: 0, strikes: 0 };
    this.#lanes.set(event.key, fresh);
    this.#ready.push(fresh);
  }

  /** The lane whose turn it is; it is the caller's until it is finished or parked. */
  take(): Lane | undefined {
    return this.#ready.shift();
  }

  /** Ends the first event of a taken lane. */
  finish(lane: Lane): void {
    const event = lane.events.shift();
    if (event !== undefined) this.#open.delete(event);
    lane.failures = 0;
    lane.strikes = 0;
    if (lane.events.length === 0) this.#lanes.delete(lane.key);
    else this.#ready.push(lane);
  }

  /** Puts a taken lane aside after a failure. */
  park(lane: Lane): void {
    lane.failures += 1;
    this.#parked += 1;
  }

  /** Lets a parked lane have its turn again. */
  unpark(lane: Lane): void {
    this.#parked -= 1;
    this.#ready.push(lane);
  }
}
