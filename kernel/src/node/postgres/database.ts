/**
 * A service's database in PostgreSQL.
 *
 * What holds across a crash, here or there: a write is there whole or not at all, and one that was acknowledged is there.
 * When the connection is lost while the commit is under way, nobody knows; that is what `ConnectionLost` says, and only
 * such a write is not run again by itself.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import type { Clock, Random } from "../../std/mod.ts";
import {
  ConnectionLost,
  Contended,
  type Database,
  type DatabaseStats,
  type MigrationSet,
  type Outcome,
  ReadOnly,
  type SqlConnection,
  StoreClosed,
  type TransactionOptions,
  Watchdog,
} from "../../store/mod.ts";
import { dumpTo } from "./backup.ts";
import { Connection } from "./connection.ts";
import { isConflict, isHotStandby, isLost, isReadOnly, isStalePlan, translate } from "./errors.ts";
import { Gate } from "./gate.ts";
import { KnownColumns } from "./known-columns.ts";
import { migrate } from "./migrate.ts";
import { Pool } from "./pool.ts";
import { Retries } from "./retries.ts";
import { type Places, Standby, placeOf } from "./standby.ts";
import { Texts } from "./texts.ts";
import { PostgresTransaction } from "./transaction.ts";

/** How a database is opened. */
export interface PostgresDatabaseOptions {
  readonly name: string;
  /** With the role that reads and writes. */
  readonly url: string;
  /** With the role that makes tables. */
  readonly migrationUrl: string;
  /** A copy that may be behind, for reads that allow it. */
  readonly replicaUrl: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly connectionsMax: number;
  readonly queuedMax: number;
  /** How long a body may take at most, in milliseconds, whatever its deadline. */
  readonly longestMs: number;
}

type Body<T> = (connection: SqlConnection) => Promise<T>;

/** How long an abandoned statement may take to end before its connection is dropped. */
const UNDO_MS = 1_000;
/** How long a commit may take before nobody waits for it any more. Ending it sooner would only leave it unknown. */
const COMMIT_MS = 10_000;

// Where commits are acknowledged before they are on the disk, they are in the log nevertheless: so not the place written.
const PRIMARY_PLACE = "SELECT CAST(pg_current_wal_insert_lsn() AS TEXT) AS place";
const COPY_PLACE = "SELECT CASE WHEN pg_is_in_recovery() THEN CAST(pg_last_wal_replay_lsn() AS TEXT) END AS place";

/** How an attempt ended: `error` is for the caller, `reason` is what the driver said, which decides what comes next. */
type Attempt<T> = { readonly value: T } | { readonly error: unknown; readonly reason: unknown };

/** A database in PostgreSQL, over a pool of connections. */
export class PostgresDatabase implements Database {
  readonly dialect = "postgres";
  readonly isShared = true;
  readonly #options: PostgresDatabaseOptions;
  readonly #pool: Pool;
  /** One connection more, for what must not wait behind others. */
  readonly #urgent: Pool;
  readonly #copy: Copy | undefined;
  readonly #watchdog: Watchdog;
  readonly #retries: Retries;
  readonly #gate: Gate;
  readonly #texts = new Texts();
  readonly #columns = new KnownColumns();
  /** Transactions, and the undoing of some, that are under way. */
  #active = 0;
  #onQuiet: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #commits = 0;
  #copyReads = 0;

  constructor(options: PostgresDatabaseOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options);
    this.#retries = new Retries({ clock: options.clock, random: options.random });
    this.#gate = new Gate({
      database: options.name,
      clock: options.clock,
      runningMax: options.connectionsMax,
      waitingMax: options.queuedMax,
    });
    this.#pool = this.#poolOf(options.url);
    this.#urgent = this.#poolOf(options.url, 1);
    if (options.replicaUrl !== undefined) {
      const pool = this.#poolOf(options.replicaUrl);
      this.#copy = { pool, standby: new Standby(options.clock, this.#placesWith(pool)) };
    }
  }

  get name(): string {
    return this.#options.name;
  }

  write<T>(options: TransactionOptions, body: Body<T>): Promise<T> {
    if (options.isolation === "read committed") {
      return this.#counted(() => this.#carryOut(options, () => this.#writeOnce(options, "READ COMMITTED", body)));
    }
    return this.#counted(() => this.#carryOut(options, (isAgain) => this.#writeInTurn(options, body, isAgain)));
  }

  read<T>(options: TransactionOptions, body: Body<T>): Promise<T> {
    return this.#counted(async () => {
      const copied = await this.#readCopy(options, body);
      if (copied !== undefined) return copied.value;
      return this.#carryOut(options, () => this.#readOnce(options, this.#pool, body));
    });
  }

  migrate(sets: readonly MigrationSet[]): Promise<readonly string[]> {
    const { name: database, migrationUrl, clock } = this.#options;
    return this.#counted(async () => {
      try {
        const { applied, columns, cluster } = await migrate({ database, url: migrationUrl, clock, sets });
        this.#columns.learn(columns, cluster);
        return applied;
      } finally {
        this.#renew();
      }
    });
  }

  backup(path: string): Promise<void> {
    return this.#counted(() => dumpTo(path, this.#options.migrationUrl));
  }

  stats(): DatabaseStats {
    const { queuedMax, connectionsMax } = this.#options;
    const [transactions, commits] = [this.#commits, this.#commits];
    return {
      queued: this.#gate.waiting + this.#pool.waiting + this.#urgent.waiting,
      queuedMax,
      commits,
      transactions,
      syncs: commits,
      connections: this.#pool.size + this.#urgent.size,
      connectionsMax: connectionsMax + 1,
      retries: this.#retries.count,
      ...(this.#copy && { copyReads: this.#copyReads, copyAgeMs: this.#copy.standby.ageMs }),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    await this.#pool.close();
    await this.#urgent.close();
    await this.#copy?.pool.close();
    this.#watchdog.close();
  }

  async #counted<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw StoreClosed.with({ database: this.name });
    this.#active += 1;
    try {
      return await action();
    } finally {
      this.#ended();
    }
  }

  #ended(): void {
    this.#active -= 1;
    if (this.#active === 0) this.#onQuiet?.();
  }

  /** Attempts until one succeeds, or fails by its own fault. */
  async #carryOut<T>(options: TransactionOptions, once: (isAgain: boolean) => Promise<Attempt<T>>): Promise<T> {
    const { label, deadlineAt } = options;
    if (this.#watchdog.isLate(deadlineAt)) throw DeadlineExceeded.with({ label });
    const attempts = this.#retries.of(label, deadlineAt);
    for (let isAgain = false; ; isAgain = true) {
      const attempt = await once(isAgain);
      if ("value" in attempt) return attempt.value;
      if (isStalePlan(attempt.reason) || ReadOnly.is(attempt.reason)) this.#renew();
      if (!(await attempts.again(attempt.reason))) throw this.#told(attempt, label);
    }
  }

  #told({ error, reason }: { readonly error: unknown; readonly reason: unknown }, label: string): unknown {
    return isConflict(reason) ? Contended.with({ database: this.name, label }, { cause: reason }) : error;
  }

  async #writeInTurn<T>(options: TransactionOptions, body: Body<T>, isAgain: boolean): Promise<Attempt<T>> {
    await this.#gate.enter(options.label, options.deadlineAt, isAgain);
    let outcome: Parameters<Gate["leave"]>[0] = "failed";
    try {
      const attempt = await this.#writeOnce(options, "SERIALIZABLE", body);
      if ("value" in attempt) outcome = "committed";
      else if (isConflict(attempt.reason)) outcome = "conflict";
      return attempt;
    } finally {
      this.#gate.leave(outcome);
    }
  }

  async #writeOnce<T>(options: TransactionOptions, isolation: string, body: Body<T>): Promise<Attempt<T>> {
    const begin = `BEGIN ISOLATION LEVEL ${isolation}${this.#timeout(options)}`;
    const pool = options.urgent === true ? this.#urgent : this.#pool;
    const ran = await this.#run(options, { pool, begin, body });
    if ("error" in ran) return isReadOnly(ran.reason) ? this.#readOnly(ran.reason) : ran;
    if (ran.transaction.isBegun) return this.#commit(pool, ran, options.label);
    pool.give(ran.connection);
    this.#commits += 1;
    return { value: ran.value };
  }

  /** What the copy answers; undefined where it may not, and when it fails: then the primary is there. */
  async #readCopy<T>(options: TransactionOptions, body: Body<T>): Promise<{ readonly value: T } | undefined> {
    const { staleMaxMs, isolation, deadlineAt } = options;
    const copy = this.#copy;
    if (copy === undefined || staleMaxMs === undefined || isolation === "serializable") return undefined;
    if (!copy.standby.isFresh(staleMaxMs)) return undefined;
    const { clock, longestMs } = this.#options;
    const now = clock.monotonicMs();
    // One that hangs must leave time to ask the primary.
    const halfWayAt = now + Math.min(longestMs, (deadlineAt ?? now + longestMs) - now) / 2;
    const attempt = await this.#readOnce({ ...options, deadlineAt: halfWayAt }, copy.pool, body);
    if ("value" in attempt) {
      this.#copyReads += 1;
      return attempt;
    }
    const isLate = DeadlineExceeded.is(attempt.error);
    // What the body itself says is an answer. All else (a conflict with what comes in, a table that has not) is the copy's.
    if (attempt.reason === undefined && !isLate) throw attempt.error;
    if (isLate || isLost(attempt.reason)) copy.standby.failed();
    return undefined;
  }

  #placesWith(copy: Pool): Places {
    const ask = (pool: Pool, sql: string, deadlineAt: number): Promise<bigint | undefined> =>
      this.#counted(async () => {
        const attempt = await this.#readOnce({ label: `${this.name}.copy`, deadlineAt }, pool, (connection) =>
          connection.all<{ place: string | null }>(sql),
        );
        if (!("value" in attempt)) throw attempt.error;
        const place = attempt.value[0]?.place ?? undefined;
        return place === undefined ? undefined : placeOf(place);
      });
    return {
      primary: async (deadlineAt) => (await ask(this.#pool, PRIMARY_PLACE, deadlineAt)) ?? 0n,
      copy: (deadlineAt) => ask(copy, COPY_PLACE, deadlineAt),
    };
  }

  async #readOnce<T>(options: TransactionOptions, pool: Pool, body: Body<T>): Promise<Attempt<T>> {
    const isolation = options.isolation === "serializable" ? "SERIALIZABLE" : "REPEATABLE READ";
    const begin = `BEGIN ISOLATION LEVEL ${isolation} READ ONLY${this.#timeout(options)}`;
    const ran = await this.#run(options, { pool, begin, body });
    if ("error" in ran) return isHotStandby(ran.reason) ? this.#readOnly(ran.reason) : ran;
    // Whatever it saw is on the disk: PostgreSQL shows a commit to others only after it is.
    this.#undo(pool, ran.connection, ran.transaction);
    return { value: ran.value };
  }

  /** Lends a connection and runs the body; when that fails, everything is undone and the connection given back. */
  async #run<T>(options: TransactionOptions, parts: RunParts<T>): Promise<Ran<T>> {
    const { label, deadlineAt } = options;
    const { pool, body } = parts;
    let connection: Connection;
    try {
      connection = await pool.take(label, deadlineAt);
    } catch (error) {
      return { error: this.#translated(error, label), reason: error };
    }
    const transaction = new PostgresTransaction({
      connection,
      columns: this.#columns,
      label,
      begin: parts.begin,
      translate: (error) => this.#translated(error, label),
    });
    const outcome: Outcome = await this.#watchdog.run(label, deadlineAt, () => body(transaction));
    transaction.end();
    const { failure } = transaction;
    if (outcome.ok && failure === undefined) return { connection, transaction, value: outcome.value as T };
    this.#undo(pool, connection, transaction);
    // A body may have caught what its statement threw: PostgreSQL carried out nothing since.
    const error = outcome.ok ? this.#translated(failure, label) : outcome.error;
    return { error, reason: isOwnDeadline(outcome) ? undefined : failure };
  }

  async #commit<T>(
    pool: Pool,
    { connection, value }: { readonly connection: Connection; readonly value: T },
    label: string,
  ): Promise<Attempt<T>> {
    const timer = this.#options.clock.after(COMMIT_MS, () => connection.destroy());
    try {
      const tag = await connection.control("COMMIT");
      if (tag !== "COMMIT") throw new Error(`PostgreSQL answered the commit of ${label} with ${tag}.`);
      this.#commits += 1;
      return { value };
    } catch (error) {
      const fault = this.#translated(error, label);
      // It may have committed: to run it again is up to who has the key.
      return { error: fault, reason: ConnectionLost.is(fault) ? undefined : error };
    } finally {
      timer.cancel();
      pool.give(connection);
    }
  }

  /** Ends a transaction without effect, while its caller goes on. */
  #undo(pool: Pool, connection: Connection, transaction: PostgresTransaction): void {
    if (!transaction.isBegun || connection.isBroken) return pool.give(connection);
    this.#active += 1;
    const timer = this.#options.clock.after(UNDO_MS, () => connection.destroy());
    void connection
      .control("ROLLBACK")
      .catch(() => connection.destroy())
      .finally(() => {
        timer.cancel();
        pool.give(connection);
        this.#ended();
      });
  }

  /** Lets the server end by itself what its caller will not wait for. */
  #timeout({ deadlineAt }: TransactionOptions): string {
    const { clock, longestMs } = this.#options;
    if (deadlineAt === undefined) return "";
    const leftMs = Math.max(1, Math.ceil(deadlineAt - clock.monotonicMs()));
    return leftMs >= longestMs ? "" : `; SET LOCAL statement_timeout = ${leftMs}`;
  }

  #translated(error: unknown, label: string): unknown {
    return translate(error, { database: this.name, label, queuedMax: this.#options.queuedMax });
  }

  /** The server was demoted: its connections are of no use for this any more, but new ones may reach another. */
  #readOnly(cause: unknown): Attempt<never> {
    const fault = ReadOnly.with({ database: this.name }, { cause });
    return { error: fault, reason: fault };
  }

  #renew(): void {
    this.#pool.renew();
    this.#urgent.renew();
  }

  #poolOf(url: string, connectionsMax: number = this.#options.connectionsMax): Pool {
    const { name, clock, queuedMax, longestMs } = this.#options;
    const open = (): Promise<Connection> =>
      Connection.open({ url, applicationName: `isomer ${name}`, longestMs, texts: this.#texts });
    return new Pool({ database: name, clock, connectionsMax, queuedMax, open });
  }
}

/** A database that is kept like this one, a little later. */
interface Copy {
  readonly pool: Pool;
  readonly standby: Standby;
}

interface RunParts<T> {
  readonly pool: Pool;
  readonly begin: string;
  readonly body: Body<T>;
}

type Ran<T> =
  | { readonly connection: Connection; readonly transaction: PostgresTransaction; readonly value: T }
  | { readonly error: unknown; readonly reason: unknown };

function isOwnDeadline(outcome: Outcome): boolean {
  return !outcome.ok && DeadlineExceeded.is(outcome.error);
}
