/** The connections of one database: opened when they are needed, lent to one transaction at a time, bounded. */
import { Bulkhead, DeadlineExceeded, Overloaded } from "../../guard/mod.ts";
import type { Clock, Timer } from "../../std/mod.ts";
import { StoreBusy } from "../../store/mod.ts";
import { Connection } from "./connection.ts";

/** Connections that nobody used for so long are closed. */
const IDLE_MS = 60_000;
/** How long a transaction without a deadline waits for a connection. */
const WAIT_MS = 30_000;

/** Of what a pool is made. */
export interface PoolOptions {
  readonly database: string;
  readonly clock: Clock;
  readonly connectionsMax: number;
  readonly queuedMax: number;
  readonly open: () => Promise<Connection>;
}

/** Lends connections. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #places: Bulkhead;
  readonly #free: Connection[] = [];
  #lent = 0;
  #closed = false;
  /** Counts the renewals: connections from before the last one are not used again. */
  #generation = 0;
  #sweep: Timer | undefined;

  constructor(options: PoolOptions) {
    const { clock, database, connectionsMax, queuedMax } = options;
    this.#options = options;
    this.#places = new Bulkhead({
      clock,
      label: `a connection to ${database}`,
      runningMax: connectionsMax,
      waitingMax: queuedMax,
    });
  }

  get waiting(): number {
    return this.#places.waiting;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#lent + this.#free.length;
  }

  /**
   * Lends a connection; give it back with {@link Pool.give}. What the driver throws when it cannot connect comes out as
   * it is. @throws {StoreBusy} when too many wait, {DeadlineExceeded}.
   */
  async take(label: string, deadlineAt: number | undefined): Promise<Connection> {
    const { clock, database, queuedMax } = this.#options;
    try {
      await this.#places.enter(deadlineAt ?? clock.monotonicMs() + WAIT_MS);
    } catch (error) {
      if (Overloaded.is(error)) throw StoreBusy.with({ database, queuedMax });
      throw DeadlineExceeded.is(error) ? DeadlineExceeded.with({ label }) : error;
    }
    this.#lent += 1;
    try {
      return this.#usable() ?? (await this.#open());
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Takes a connection back. One that is broken, or from before {@link Pool.renew}, is closed. */
  give(connection: Connection): void {
    const { clock } = this.#options;
    const isOld = connection.generation !== this.#generation;
    connection.idleSince = clock.monotonicMs();
    if (connection.isBroken || this.#closed || isOld) void connection.close();
    else this.#free.push(connection);
    this.#leave();
    this.#sweep ??= clock.after(IDLE_MS, () => this.#closeIdle());
  }

  /** Lets no connection be used again that was opened before: tables have other columns now. */
  renew(): void {
    this.#generation += 1;
    for (const connection of this.#free.splice(0)) void connection.close();
  }

  /** Closes what nobody uses, and the others when they come back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep?.cancel();
    await Promise.all(this.#free.splice(0).map((connection) => connection.close()));
  }

  #usable(): Connection | undefined {
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      if (!connection.isBroken) return connection;
    }
    return undefined;
  }

  async #open(): Promise<Connection> {
    const generation = this.#generation;
    const connection = await this.#options.open();
    connection.generation = generation;
    return connection;
  }

  #leave(): void {
    this.#lent -= 1;
    this.#places.leave();
  }

  #closeIdle(): void {
    this.#sweep = undefined;
    const { clock } = this.#options;
    const since = clock.monotonicMs() - IDLE_MS;
    const idle = this.#free.filter((connection) => connection.idleSince < since);
    for (const connection of idle) {
      this.#free.splice(this.#free.indexOf(connection), 1);
      void connection.close();
    }
    if (this.#free.length > 0 && !this.#closed) this.#sweep = clock.after(IDLE_MS, () => this.#closeIdle());
  }
}
