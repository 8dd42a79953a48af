/**
 * The store's port: a database of one service. Implementations: SQLite (`node/sqlite`), PostgreSQL (`node/postgres`), and
 * the simulated one (`sim/database.ts`). All are held to one conformance suite (`store/testing/conformance.ts`).
 *
 * What every implementation holds:
 *  - a write's statements commit together or not at all;
 *  - `write` resolves only when its commit would survive a power cut (unless the database was opened relaxed);
 *  - writes are serializable: they take effect as if one ran after another;
 *  - a read sees one committed snapshot, and resolves only when what it saw would survive a power cut;
 *  - a body that outlives its deadline is rolled back, and its connection refuses further statements;
 *  - a body may run more than once, and only its last run counts: it must leave nothing outside its transaction that a
 *    second run would double;
 *  - after a statement that failed, a body does nothing further in its transaction: SQLite could go on, PostgreSQL cannot.
 */

/** A value that SQL takes and gives. Booleans are 0 and 1, moments milliseconds since 1970, JSON is text. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** Which SQL an engine speaks. Services write the subset that both speak. */
export type Dialect = "sqlite" | "postgres";

/** A row as the driver gives it. */
export type Row = Readonly<Record<string, SqlValue>>;

/** A transaction that is open: it carries statements out, one at a time. */
export interface SqlConnection {
  readonly dialect: Dialect;
  /** The rows of a statement. Parameters are `?` in both dialects; SQL texts are prepared once and kept. */
  all<R = Row>(sql: string, parameters?: readonly SqlValue[]): Promise<R[]>;
  /** Carries a statement out; resolves to the number of rows that it changed. */
  run(sql: string, parameters?: readonly SqlValue[]): Promise<number>;
}

/** How a transaction is to run. */
export interface TransactionOptions {
  /** What runs it, `service.operation`: for metrics, and as the stable name of fault points in simulation. */
  readonly label: string;
  /** What it is about: an idempotency key, an event's id. With the label it names one transaction in simulation. */
  readonly about?: string;
  /** When it must be over, on the host's monotonic clock in milliseconds. */
  readonly deadlineAt?: number;
  /**
   * Of a write: serializable unless said; `read committed` is for hot rows that one guarded statement writes. A read sees
   * one snapshot; a serializable one also takes part in the order of the writes. SQLite runs all alike.
   */
  readonly isolation?: "serializable" | "read committed";
  /**
   * Of a write: whether it must not wait behind others. For the lease that holds replicas together: it is short and rare.
   * Where all writes have one queue, it waits in that.
   */
  readonly urgent?: boolean;
  /**
   * Of a read: how old the state may be that it sees, in milliseconds. A copy of the database may then answer it, when it is
   * surely not older. Always the newest unless said, and when the read is to be serializable.
   */
  readonly staleMaxMs?: number;
}

/** One step of a schema's history. Never changed after it was released. */
export interface Migration {
  /** `0001_what_it_does`: sorts in the order of application. */
  readonly name: string;
  /** The SQL, statements separated by `;`: one text for all engines, or, where they cannot agree, one for each. */
  readonly sql: string | Readonly<Record<Dialect, string>>;
}

/** The migrations of one owner (the kernel, or the service). */
export interface MigrationSet {
  readonly owner: string;
  readonly migrations: readonly Migration[];
}

/** How near a database is to its bounds: for metrics and `/readyz`. */
export interface DatabaseStats {
  /** Transactions that wait for their turn or for a connection. */
  readonly queued: number;
  readonly queuedMax: number;
  readonly commits: number;
  readonly transactions: number;
  readonly syncs: number;
  /** Connections that are open, and the most that may be; absent where there is no pool. */
  readonly connections?: number;
  readonly connectionsMax?: number;
  /** How often a body ran again, because another transaction was in its way or its connection was lost. */
  readonly retries?: number;
  /** Reads that a copy of the database answered, and the age of what it last surely had, in milliseconds; see `staleMaxMs`. */
  readonly copyReads?: number;
  readonly copyAgeMs?: number | undefined;
}

/** A service's database. */
export interface Database {
  readonly name: string;
  readonly dialect: Dialect;
  /** Whether other processes may have it open, too: then the replicas of its service choose one that leads. */
  readonly isShared?: boolean;
  /**
   * Runs the body in a read-write transaction and resolves to what it returned, once the commit is durable.
   * @throws {StoreBusy} when too many writes wait, {DeadlineExceeded} when it took too long, {DiskFull},
   *   {StoreDamaged}; and whatever the body throws, after rolling back.
   */
  write<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T>;
  /** Runs the body over one committed snapshot. Statements that write are refused. */
  read<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T>;
  /**
   * Applies what is missing, under a lock, each step in a transaction. Steps that a newer build applied after all of these
   * are let be, and the columns that they brought are left out of rows (`SELECT *`, `RETURNING *`): whoever wrote the
   * statements does not know them. In PostgreSQL also those that come while this database is open. What the last call names
   * decides, so it names all sets of the database.
   * @throws {MigrationMismatch} when an applied step has another text now, or is gone from between others.
   */
  migrate(sets: readonly MigrationSet[]): Promise<readonly string[]>;
  /** Writes a consistent copy to a file while everything goes on. */
  backup(path: string): Promise<void>;
  stats(): DatabaseStats;
  /** Waits for writes under way, then closes. */
  close(): Promise<void>;
}

/** Opens the databases of a host's services. */
export interface Storage {
  open(service: string): Promise<Database>;
}
