/** A bounded cache in which equal questions that are asked at once are answered by one. */
import type { Clock } from "../std/mod.ts";
import { DeadlineExceeded } from "./deadline.ts";

/** The bounds of a cache. */
export interface TtlCacheOptions {
  readonly clock: Clock;
  /** For how long an answer is good, in milliseconds. */
  readonly maxAgeMs: number;
  /** How many answers are kept; the one unused for longest goes first. 1,000 unless said. */
  readonly entriesMax?: number;
}

interface Entry<T> {
  readonly value: T;
  readonly untilMs: number;
}

/** What a load may say about its answer: that it is good for `maxAgeMs` from now only, because it has an age already. */
export type KeepFor = (maxAgeMs: number) => void;

/** A load that is under way. */
interface Flight<T> {
  promise: Promise<T> | undefined;
}

/** Answers by key. Failures are not kept. Callers share the answer: whoever changes it copies it first. */
export class TtlCache<T> {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #loading = new Map<string, Flight<T>>();

  constructor(options: TtlCacheOptions) {
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs;
    this.#entriesMax = options.entriesMax ?? 1_000;
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The answer that is kept and still good. */
  peek(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (this.#clock.monotonicMs() >= entry.untilMs) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * The answer to a key, loaded if need be. Others who ask meanwhile wait for the same load and share its failure too,
   * except that the first one ran out of time: then they load for themselves, once.
   */
  get(key: string, load: (keepFor: KeepFor) => Promise<T>): Promise<T> {
    const known = this.peek(key);
    if (known !== undefined) return Promise.resolve(known);
    const loading = this.#loading.get(key)?.promise;
    if (loading === undefined) return this.#start(key, load);
    return loading.catch((error: unknown) => {
      if (!DeadlineExceeded.is(error)) throw error;
      return this.#loading.get(key)?.promise ?? this.#start(key, load);
    });
  }

  #start(key: string, load: (keepFor: KeepFor) => Promise<T>): Promise<T> {
    const flight: Flight<T> = { promise: undefined };
    this.#loading.set(key, flight);
    flight.promise = this.#load(key, load, flight);
    return flight.promise;
  }

  /** Forgets a key; a load that is under way still answers those who wait, but is not kept. */
  delete(key: string): void {
    this.#entries.delete(key);
    this.#loading.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
    this.#loading.clear();
  }

  async #load(key: string, load: (keepFor: KeepFor) => Promise<T>, flight: Flight<T>): Promise<T> {
    // From the start of the load on: the answer may have become old while it was on its way.
    let untilMs = this.#clock.monotonicMs() + this.#maxAgeMs;
    try {
      const value = await load((maxAgeMs) => {
        untilMs = Math.min(untilMs, this.#clock.monotonicMs() + maxAgeMs);
      });
      if (this.#loading.get(key) === flight) this.#keep(key, { value, untilMs });
      return value;
    } finally {
      if (this.#loading.get(key) === flight) this.#loading.delete(key);
    }
  }

  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#entriesMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
