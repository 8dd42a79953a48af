/**
 * A source of events over a broker that keeps runs one after another: finds where a position is, reads on from there,
 * and hears what comes. Several consumers share one.
 *
 * Nothing here survives a crash, or must: positions are the log's, and places are found again. A place is only believed
 * when the run there joins on to what was read, so a stream that was emptied, written anew or cut leads to a new
 * search, never to a gap. What is kept in memory is bounded.
 */
import type { Clock, Random, Timer } from "../std/mod.ts";
import { EventsExpired } from "./broker-faults.ts";
import type { EventRecord } from "./event.ts";
import { type Holes, checkHoles, endOf, holesAfter } from "./holes.ts";
import { type KeptEvent, recordOf } from "./run-text.ts";
import type { EventBatch, EventSource, ReadRequest } from "./source.ts";

/** A run as a broker keeps it. */
export interface KeptRun {
  /** Where in the broker's stream it is: increasing, with gaps. */
  readonly place: number;
  /** It has every event with `after < position <= upTo`. */
  readonly after: number;
  readonly upTo: number;
  readonly events: readonly KeptEvent[];
  /** What the log had no more when it was sent. */
  readonly holes?: Holes;
  /** Its size. */
  readonly bytes: number;
}

/** What a broker offers of one service's stream. All reject with faults when it does not answer. */
export interface RunStore {
  readonly service: string;
  /** The first runs at this place or after it, in order; at most `count`, none at the end. */
  range(place: number, count: number): Promise<readonly KeptRun[]>;
  /** The newest run; undefined when there is none. */
  last(): Promise<KeptRun | undefined>;
  /** Tells of runs when they are kept; of nothing (undefined) when some may have been missed. Returns what ends it. */
  follow(listener: (run: KeptRun | undefined) => void): () => void;
}

/** What a {@link RunReader} needs. */
export interface RunReaderOptions {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The mean pause between looks at the broker that nobody asked for, in milliseconds; 1,000 unless said. */
  readonly pollMs?: number;
  /** How much of what was read is kept for other readers, in bytes; 8 MiB unless said. */
  readonly keptBytesMax?: number;
}

/** How many runs are asked for at once by a reader that is behind. */
const AHEAD = 8;
/** How many positions are remembered with their places: the consumers of one service, and some more. */
const PLACES_MAX = 256;
/** How many runs a search goes back at most. */
const BACK_MAX = 64;
/** How many runs without an event for it one read goes past before it says how far it got. */
const EMPTY_MAX = 64;

/** A source of events over a {@link RunStore}. */
export class RunReader implements EventSource {
  readonly service: string;
  readonly isCopy = true;
  readonly #options: RunReaderOptions;
  readonly #store: RunStore;
  readonly #listeners = new Set<() => void>();
  readonly #kept = new Map<number, KeptRun>();
  #keptBytes = 0;
  /** The newest place of those that were kept. */
  #highest = 0;
  /** Where to go on after a position. */
  readonly #places = new Map<number, number>();
  readonly #fetching = new Map<number, Promise<KeptRun | undefined>>();
  /** The newest place that is known, and up to where it has everything. */
  #last = 0;
  #lastUpTo = 0;
  /** Whether every new run was heard of since the last look: then there is nothing beyond `#last`. */
  #live = false;
  #unfollow: (() => void) | undefined;
  #poll: Timer | undefined;

  constructor(options: RunReaderOptions) {
    this.#options = options;
    this.#store = options.store;
    this.service = options.store.service;
  }

  async head(): Promise<number> {
    return (await this.#store.last())?.upTo ?? 0;
  }

  async begin(types?: ReadonlySet<string>): Promise<number> {
    const [first] = await this.#store.range(0, 1);
    if (first === undefined) return 0;
    return Math.max(first.after, endOf(holesAfter(first.holes, first.after, types)));
  }

  async read(request: ReadRequest): Promise<EventBatch> {
    const known = this.#places.get(request.after);
    if (known !== undefined) {
      const batch = await this.#readFrom(known, request);
      // Where nobody follows, nothing may also mean that the stream was made anew, and is shorter.
      if (!("gap" in batch) && (this.#live || batch.upTo > request.after)) return batch;
    }
    const again = await this.#readFrom(await this.#search(request.after), request);
    if (!("gap" in again)) return again;
    // What is kept may be of a stream that is no more, and stand where the present one has what is asked for.
    this.#forget();
    const fresh = await this.#readFrom(await this.#search(request.after), request);
    if (!("gap" in fresh)) return fresh;
    throw EventsExpired.with({ service: this.service, after: request.after, first: fresh.gap });
  }

  onAppend(listener: () => void): () => void {
    // Each call is a listener of its own, even when the function is the same.
    const own = (): void => listener();
    this.#listeners.add(own);
    if (this.#unfollow === undefined) {
      this.#unfollow = this.#store.follow((run) => this.#hear(run));
      void this.#look();
    }
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Tells nobody any more, and looks no more. */
  close(): void {
    this.#listeners.clear();
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#live = false;
    this.#poll?.cancel();
    this.#poll = undefined;
  }

  /** Reads from a place; tells of a gap when what is there begins later than what is asked for. */
  async #readFrom(start: number, request: ReadRequest): Promise<EventBatch | { gap: number }> {
    const { after, limit, types, missed = 0 } = request;
    const events: EventRecord[] = [];
    let [place, at, looked, runs] = [start, after, 0, 0];
    let passed: Holes | undefined;
    const answer = (more: boolean): EventBatch => {
      this.#remember(at, place);
      return { events, upTo: at, more, ...(passed === undefined ? {} : { holes: passed }) };
    };
    for (;;) {
      const run = await this.#runAt(place);
      if (run === undefined) return answer(false);
      if (run.after > at) return at > after ? answer(true) : { gap: run.after };
      const holes = run.upTo > at ? holesAfter(run.holes, at, types) : undefined;
      if (holes !== undefined) {
        if (endOf(holes) > missed && at > after) return answer(true);
        checkHoles(this.service, request, holes);
        passed = { ...passed, ...holes };
      }
      place = run.place;
      for (const event of run.events) {
        if (event.position <= at) continue;
        if (looked === limit) return answer(true);
        looked += 1;
        at = event.position;
        if (types === undefined || types.has(event.type)) events.push(recordOf(event));
      }
      at = Math.max(at, run.upTo);
      place += 1;
      runs += 1;
      if (looked === limit || (runs >= EMPTY_MAX && at > after)) return answer(!this.#isEnd(place));
    }
  }

  #isEnd(place: number): boolean {
    return this.#live && place > this.#last;
  }

  async #runAt(place: number): Promise<KeptRun | undefined> {
    const kept = this.#kept.get(place);
    if (kept !== undefined) return kept;
    if (this.#isEnd(place)) return undefined;
    let fetching = this.#fetching.get(place);
    if (fetching === undefined) {
      fetching = this.#fetch(place).finally(() => this.#fetching.delete(place));
      this.#fetching.set(place, fetching);
    }
    return fetching;
  }

  async #fetch(place: number): Promise<KeptRun | undefined> {
    const runs = await this.#store.range(place, Math.max(1, Math.min(AHEAD, this.#last - place + 1)));
    for (const run of runs) {
      this.#know(run);
      this.#keep(run);
    }
    return runs[0];
  }

  /** What is read may not have been heard of. When the stream is shorter later, it must show that it was made anew. */
  #know({ place, upTo }: KeptRun): void {
    if (place > this.#last) [this.#last, this.#lastUpTo] = [place, upTo];
  }

  /** The place of the first run that goes beyond a position, found by halves. */
  async #search(after: number): Promise<number> {
    const last = await this.#store.last();
    const kept = last === undefined ? undefined : this.#kept.get(last.place);
    // A stream that is shorter than it was, or says another thing in the same place, was made anew.
    if ((last?.place ?? 0) < this.#highest || (kept !== undefined && kept.upTo !== last?.upTo)) this.#forget();
    if (last === undefined) return 0;
    this.#know(last);
    if (last.upTo <= after) return last.place + 1;
    const [first] = await this.#store.range(0, 1);
    let [low, high] = [first?.place ?? last.place, last.place];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [run] = await this.#store.range(middle, 1);
      if (run === undefined || run.upTo > after) high = middle;
      else low = run.place + 1;
    }
    // Where two relays wrote, an older run may stand behind a newer one: the one that is looked for is near, before those.
    const least = Math.max(first?.place ?? low, low - BACK_MAX);
    for (let place = low; place >= least; place -= 1) {
      const run = await this.#runAt(place);
      if (run !== undefined && run.after <= after && after < run.upTo) return place;
    }
    return low;
  }

  #hear(run: KeptRun | undefined): void {
    if (run === undefined) {
      this.#live = false;
      void this.#look();
      return;
    }
    // A stream that counts anew was made anew.
    if (run.place <= this.#last) this.#forget();
    this.#last = run.place;
    this.#lastUpTo = run.upTo;
    this.#keep(run);
    this.#tell();
  }

  /** Asks the broker how far it is: tidings may get lost, and events are late then, not lost. */
  async #look(): Promise<void> {
    this.#poll?.cancel();
    this.#poll = undefined;
    const before = this.#last;
    try {
      const { place, upTo } = (await this.#store.last()) ?? { place: 0, upTo: 0 };
      const isOver = this.#unfollow === undefined;
      if (isOver) return;
      // What was heard meanwhile is newer than the answer.
      if (this.#last === before) {
        // As in a search: a stream that is shorter, or as long and says another thing, was made anew.
        if (place < before || (place === before && upTo !== this.#lastUpTo)) this.#forget();
        this.#last = place;
        this.#lastUpTo = upTo;
        if (place !== before || !this.#live) this.#tell();
      }
      this.#live = true;
    } catch {
      // It is looked at again soon; who reads meanwhile is told.
      this.#live = false;
    }
    if (this.#unfollow === undefined || this.#poll !== undefined) return;
    const { clock, random, pollMs = 1_000 } = this.#options;
    this.#poll = clock.after(pollMs * (0.5 + random.next()), () => void this.#look());
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #keep(run: KeptRun): void {
    if (this.#kept.has(run.place)) return;
    this.#kept.set(run.place, run);
    this.#keptBytes += run.bytes;
    this.#highest = Math.max(this.#highest, run.place);
    for (const [place, { bytes }] of this.#kept) {
      if (this.#keptBytes <= (this.#options.keptBytesMax ?? 8 * 1_024 * 1_024)) return;
      this.#kept.delete(place);
      this.#keptBytes -= bytes;
    }
  }

  #remember(position: number, place: number): void {
    this.#places.delete(position);
    this.#places.set(position, place);
    if (this.#places.size <= PLACES_MAX) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  #forget(): void {
    this.#kept.clear();
    this.#highest = 0;
    this.#keptBytes = 0;
    this.#places.clear();
  }
}
