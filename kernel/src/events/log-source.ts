/**
 * Events read from the log of a service in this process.
 *
 * Several subscribers hear the same service, and most want only what was just written. So the newest rows are read
 * once and kept; those who are behind the kept ones read the database. Nothing here survives a crash, or must.
 */
import type { Clock, Logger, Random, Timer } from "../std/mod.ts";
import type { Database, SqlConnection } from "../store/mod.ts";
import { checkHoles, holesAfter } from "./holes.ts";
import { prunedPositions, prunedUpTo } from "./log-pruning.ts";
import { type Raise, givePositions, peekLog, raisePositions } from "./log-positions.ts";
import { type LogRow, logHead, readLogIds, readLogRows, toRecord } from "./log.ts";
import type { EventBatch, EventSource, ReadRequest } from "./source.ts";

/** How many of the newest rows are kept. */
const TAIL_MAX = 512;
/** The mean pause between looks where this process alone writes the log, and where others may. */
const POLL_MS = 1_000;
const OTHERS_POLL_MIN_MS = 20;
const OTHERS_POLL_MAX_MS = 200;

/** What {@link logSource} needs. */
export interface LogSourceOptions {
  readonly service: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /**
   * The mean pause between looks at the log that nobody asked for, in milliseconds. Unless said, 1,000 where one process
   * writes the log, and no notification goes missing; and where others may write it, from 20 to 200: short after something
   * was found, longer while nothing is.
   */
  readonly pollMs?: number;
}

/** Makes the source of a service's own log. Call `notify` after each commit that emitted something. */
export function logSource(options: LogSourceOptions): LogSource {
  return new LogSource(options);
}

/** The log of a service as a source of events. */
export class LogSource implements EventSource {
  readonly service: string;
  readonly #options: LogSourceOptions;
  readonly #listeners = new Set<() => void>();
  /** The kept rows are all those with `#from < position <= #to`. */
  #tail: LogRow[] = [];
  #from = -1;
  #to = -1;
  /** The event at `#to`; undefined when there is none. */
  #toId: string | undefined;
  #losses = 0;
  /** Whether something may have been appended since the tail was read. */
  #stale = true;
  #telling = false;
  #refill: Promise<void> | undefined;
  #poll: Timer | undefined;
  #paceMs: number;

  constructor(options: LogSourceOptions) {
    this.service = options.service;
    this.#options = options;
    this.#paceMs = options.database.dialect === "postgres" ? OTHERS_POLL_MAX_MS : POLL_MS;
  }

  /** Tells that something was appended and committed. Cheap: those who commit together are heard together. */
  notify(): void {
    this.#stale = true;
    if (this.#telling || this.#listeners.size === 0) return;
    this.#telling = true;
    this.#options.clock.soon(() => {
      this.#telling = false;
      for (const listener of this.#listeners) listener();
    });
  }

  async read(request: ReadRequest): Promise<EventBatch> {
    // A read under way may have begun before what this reader was told of; one that begins from here on has not.
    if (this.#refill !== undefined) await this.#refill;
    if (this.#stale || this.#refill !== undefined) await (this.#refill ??= this.#readTail());
    if (request.after >= this.#from) return this.#fromTail(request);
    return this.#fromDatabase(request);
  }

  /** How often it was seen that the log had lost events that it had had: its database was restored, or failed over. */
  get losses(): number {
    return this.#losses;
  }

  /** The ids of the events after a position up to another, by position, as the database has them now. */
  ids(range: { readonly after: number; readonly upTo: number }): Promise<ReadonlyMap<number, string>> {
    return this.#options.database.read({ label: `${this.service}.log.ids` }, (connection) =>
      readLogIds(connection, range),
    );
  }

  /** See {@link raisePositions}. */
  async raise(raise: Raise): Promise<number> {
    const { database, clock } = this.#options;
    const raised = await raisePositions(database, `${this.service}.log.raise`, clock, raise);
    if (raised > 0) this.notify();
    return raised;
  }

  async head(): Promise<number> {
    const { database } = this.#options;
    const label = `${this.service}.log.head`;
    if (database.dialect === "postgres" && (await database.read({ label }, peekLog)).hasWaiting) await this.#give();
    const head = await database.read({ label }, logHead);
    if (head > this.#to) this.#stale = true;
    return head;
  }

  async begin(types?: ReadonlySet<string>): Promise<number> {
    const label = `${this.service}.log.begin`;
    return this.#options.database.read({ label }, (connection) => prunedUpTo(connection, types));
  }

  onAppend(listener: () => void): () => void {
    // Each call is a listener of its own, even when the function is the same.
    const own = (): void => listener();
    this.#listeners.add(own);
    this.#schedulePoll();
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size > 0) return;
      this.#poll?.cancel();
      this.#poll = undefined;
    };
  }

  #fromTail({ after, limit, types }: ReadRequest): EventBatch {
    const start = firstAfter(this.#tail, after);
    const end = Math.min(start + limit, this.#tail.length);
    const events = [];
    for (let index = start; index < end; index += 1) {
      const row = this.#tail[index];
      if (row !== undefined && (types === undefined || types.has(row.type))) events.push(toRecord(this.service, row));
    }
    const whole = end === this.#tail.length;
    const upTo = whole ? Math.max(after, this.#to) : (this.#tail[end - 1]?.position ?? after);
    return { events, upTo, more: !whole || this.#stale };
  }

  async #fromDatabase(request: ReadRequest): Promise<EventBatch> {
    const { after, limit, types } = request;
    const label = `${this.service}.log.read`;
    const { rows, holes } = await this.#options.database.read({ label }, async (connection) => {
      const holes = holesAfter(Object.fromEntries(await prunedPositions(connection)), after, types);
      checkHoles(this.service, request, holes);
      return { rows: await readLogRows(connection, { after, limit }), holes };
    });
    const wanted = types === undefined ? rows : rows.filter((row) => types.has(row.type));
    const upTo = rows.at(-1)?.position ?? after;
    return {
      events: wanted.map((row) => toRecord(this.service, row)),
      upTo,
      more: rows.length > 0 && (upTo < this.#to || this.#stale),
      ...(holes === undefined ? {} : { holes }),
    };
  }

  async #readTail(): Promise<void> {
    this.#stale = false;
    try {
      if (!(await this.#give())) this.#stale = true;
      await this.#options.database.read({ label: `${this.service}.log.tail` }, async (connection) => {
        if (this.#to < 0) await this.#begin(connection);
        // The last known row is read again: another one in its place, or none, is a log that lost its end; unless it was
        // pruned since then.
        const rows = await readLogRows(connection, { after: this.#to - 1, limit: TAIL_MAX + 1 });
        const known = rows[0]?.position === this.#to ? rows[0] : undefined;
        if (this.#toId !== undefined && known?.id !== this.#toId) {
          const isPruned = known === undefined && this.#to <= (await prunedUpTo(connection));
          if (!isPruned) this.#tellLoss();
          this.#forget();
          return;
        }
        const fresh = known === undefined ? rows : rows.slice(1);
        // What is not there was deleted before it could be kept: who wants it is told by the database.
        if (fresh.length > 0 && fresh.at(-1)?.position !== this.#to + fresh.length) return this.#forget();
        if (rows.length > TAIL_MAX) this.#stale = true;
        this.#keep(fresh);
      });
    } catch (error) {
      this.#stale = true;
      throw error;
    } finally {
      this.#refill = undefined;
    }
  }

  async #begin(connection: SqlConnection): Promise<void> {
    this.#from = this.#to = await logHead(connection);
    const [last] = await readLogRows(connection, { after: this.#to - 1, limit: 1 });
    this.#toId = last?.id;
  }

  #tellLoss(): void {
    this.#losses += 1;
    this.#options.log.error("The log lost events that it had had. Was its database restored, or did it fail over?", {
      ...{ service: this.service, position: this.#to, id: this.#toId },
    });
  }

  /** What was kept is of a log that is no more, or has holes: the next look begins anew at its end. */
  #forget(): void {
    this.#tail = [];
    this.#from = this.#to = -1;
    this.#toId = undefined;
    this.#stale = true;
  }

  #keep(rows: readonly LogRow[]): void {
    const last = rows.at(-1);
    if (last === undefined) return;
    this.#tail.push(...rows);
    this.#to = last.position;
    this.#toId = last.id;
    const excess = this.#tail.length - TAIL_MAX;
    if (excess <= 0) return;
    this.#from = this.#tail[excess - 1]?.position ?? this.#from;
    this.#tail = this.#tail.slice(excess);
  }

  /** Gives positions to what has none yet, where the engine does not; resolves to whether that was all. */
  #give(): Promise<boolean> {
    return givePositions(this.#options.database, `${this.service}.log.give`, this.#options.clock);
  }

  /** Finds what other processes recorded. And should a notification ever be missing, its events are late, not lost. */
  #schedulePoll(): void {
    if (this.#poll !== undefined || this.#listeners.size === 0) return;
    const { clock, random, pollMs = this.#paceMs } = this.#options;
    this.#poll = clock.after(pollMs * (0.5 + random.next()), () => void this.#look());
  }

  async #hasMore(): Promise<boolean> {
    const { database } = this.#options;
    if (database.dialect !== "postgres") return (await this.head()) > this.#to;
    this.#paceMs = Math.min(2 * this.#paceMs, OTHERS_POLL_MAX_MS);
    const { head, hasWaiting } = await database.read({ label: `${this.service}.log.look` }, peekLog);
    return hasWaiting || head > this.#to;
  }

  async #look(): Promise<void> {
    this.#poll = undefined;
    try {
      if (await this.#hasMore()) {
        this.#paceMs = Math.min(this.#paceMs, OTHERS_POLL_MIN_MS);
        this.notify();
      }
    } catch (error) {
      this.#options.log.warn("Looking at the log failed; it is looked at again soon.", {
        service: this.service,
        error,
      });
    }
    this.#schedulePoll();
  }
}

/** The index of the first row after a position: rows are in order, so by halves. */
function firstAfter(rows: readonly LogRow[], position: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.position ?? 0) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
