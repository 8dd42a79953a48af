/**
 * Writes journals. Each saga has a lane; what waits in the lanes is folded into one transaction, so that many sagas
 * share a commit and a sync.
 *
 * What holds across a crash: of each lane, a prefix of what was appended is in the database. A lane's writes are in at
 * most one transaction at a time, and one that failed goes again before anything that was appended later.
 */
import { backoffMs } from "../guard/mod.ts";
import type { Clock, Logger, Random, Timer } from "../std/mod.ts";
import type { SqlConnection, SqlValue } from "../store/mod.ts";

/** A statement that is to be carried out. */
export interface Write {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** Runs a transaction; resolves when it is durable. */
export type Transact<C> = <T>(label: string, body: (context: C) => Promise<T>) => Promise<T>;

/** Of what a {@link Journal} is made. */
export interface JournalOptions {
  readonly write: Transact<SqlConnection>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Transactions under way at a time. More would only wait for one another in the store. */
const FLIGHTS_MAX = 4;
/** Statements in one transaction: bounds how long it holds the writer. */
const WRITES_MAX = 256;
const BACKOFF = { baseMs: 20, capMs: 5_000 };

/** The journal's writer: one for each engine. */
export class Journal {
  readonly options: JournalOptions;
  readonly #ready = new Set<Lane>();
  readonly #timers = new Set<Timer>();
  readonly #idle: (() => void)[] = [];
  #flights = 0;
  #scheduled = false;
  #stopped = false;
  #failures = 0;

  constructor(options: JournalOptions) {
    this.options = options;
  }

  /** Whether nothing is to be written, or is being written. */
  get isIdle(): boolean {
    return this.#flights === 0 && this.#ready.size === 0 && this.#timers.size === 0;
  }

  /** For lanes: this one has something to write. */
  ready(lane: Lane): void {
    this.#ready.add(lane);
    this.#schedule();
  }

  /** For lanes: this one goes in a transaction of its own. */
  departs(lane: Lane): void {
    this.#ready.delete(lane);
    this.#flights += 1;
  }

  /** For lanes: that transaction is over. */
  arrives(): void {
    this.#flights -= 1;
    this.#schedule();
  }

  /** Resolves when all that was appended is durable; or, once stopped, given up. */
  idle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** From now on a write that fails is not repeated. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#schedule();
  }

  #schedule(): void {
    if (this.isIdle) for (const resolve of this.#idle.splice(0)) resolve();
    if (this.#scheduled || this.#ready.size === 0 || this.#flights >= FLIGHTS_MAX) return;
    this.#scheduled = true;
    // The end of the turn: until then other sagas may have something to write, too.
    this.options.clock.soon(() => {
      this.#scheduled = false;
      if (this.#ready.size > 0) void this.#fly(this.#board());
    });
  }

  #board(): Lane[] {
    const lanes: Lane[] = [];
    let writes = 0;
    for (const lane of this.#ready) {
      // After a failure each lane goes alone: one that cannot be written must not hold up others for ever.
      if (this.#failures > 0 && lanes.length === 1) break;
      this.#ready.delete(lane);
      lanes.push(lane);
      writes += lane.board().length;
      if (writes >= WRITES_MAX) break;
    }
    return lanes;
  }

  async #fly(lanes: readonly Lane[]): Promise<void> {
    this.#flights += 1;
    this.#schedule();
    try {
      await this.options.write("saga.journal", async (connection) => {
        for (const lane of lanes) await lane.write(connection);
      });
      this.#failures = 0;
      for (const lane of lanes) lane.landed();
    } catch (error) {
      this.#failures += 1;
      for (const lane of lanes) lane.failed();
      this.#again(lanes, error);
    } finally {
      this.arrives();
    }
  }

  #again(lanes: readonly Lane[], error: unknown): void {
    const { clock, random, log } = this.options;
    if (this.#stopped) return;
    log.warn("A saga's journal could not be written; it is tried again.", { error, sagas: lanes.length });
    const timer = clock.after(backoffMs(this.#failures, random, BACKOFF), () => {
      this.#timers.delete(timer);
      for (const lane of lanes) lane.offer();
      this.#schedule();
    });
    this.#timers.add(timer);
  }
}

/** The writes of one saga, in order. */
export class Lane {
  readonly #journal: Journal;
  #pending: Write[] = [];
  #boarded: Write[] = [];
  #inFlight = false;
  #appended = 0;
  #durable = 0;
  #waiting: { readonly until: number; readonly resolve: () => void }[] = [];
  readonly #turns: (() => void)[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** How many writes would be lost now, if the power were. */
  get volatile(): number {
    return this.#appended - this.#durable;
  }

  /** Queues a write. It becomes durable some time, and not before what was appended earlier. */
  append(write: Write): void {
    this.#pending.push(write);
    this.#appended += 1;
    this.offer();
  }

  /** Resolves when of the writes appended until now at most `volatileMax` are not durable. Never rejects. */
  durable(volatileMax = 0): Promise<void> {
    const until = this.#appended - volatileMax;
    if (this.#durable >= until) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ until, resolve }));
  }

  /**
   * Carries out a transaction that begins with all writes still queued; resolves when it is durable. When it fails, they
   * stay queued.
   */
  async commit<C, T>(
    transact: Transact<C>,
    connectionOf: (context: C) => SqlConnection,
    label: string,
    body: (context: C) => Promise<T>,
  ): Promise<T> {
    while (this.#inFlight) await new Promise<void>((resolve) => this.#turns.push(resolve));
    this.#journal.departs(this);
    this.board();
    try {
      const result = await transact(label, async (context) => {
        await this.write(connectionOf(context));
        return await body(context);
      });
      this.landed();
      return result;
    } catch (error) {
      this.failed();
      this.offer();
      throw error;
    } finally {
      this.#journal.arrives();
    }
  }

  /** For the journal: announces this lane, if it has something that may be written now. */
  offer(): void {
    if (!this.#inFlight && this.#pending.length > 0) this.#journal.ready(this);
  }

  /** For the journal: takes what is queued into the next transaction. */
  board(): readonly Write[] {
    this.#inFlight = true;
    this.#boarded = this.#pending;
    this.#pending = [];
    return this.#boarded;
  }

  /** For the journal: carries out what was taken. */
  async write(connection: SqlConnection): Promise<void> {
    for (const { sql, parameters } of this.#boarded) await connection.run(sql, parameters);
  }

  /** For the journal: what was taken is durable. */
  landed(): void {
    this.#durable += this.#boarded.length;
    this.#boarded = [];
    if (this.#waiting.length > 0) {
      const reached = this.#waiting.filter(({ until }) => until <= this.#durable);
      this.#waiting = this.#waiting.filter(({ until }) => until > this.#durable);
      for (const { resolve } of reached) resolve();
    }
    this.#free();
    this.offer();
  }

  /** For the journal: what was taken has not happened, and goes first next time. */
  failed(): void {
    this.#pending = [...this.#boarded, ...this.#pending];
    this.#boarded = [];
    this.#free();
  }

  #free(): void {
    this.#inFlight = false;
    this.#turns.shift()?.();
  }
}
