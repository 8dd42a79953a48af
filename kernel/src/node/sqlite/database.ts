/** A service's database in SQLite. */
import { backup } from "node:sqlite";
import type { Clock } from "../../std/mod.ts";
import {
  type Database,
  type DatabaseStats,
  type MigrationSet,
  type SqlConnection,
  StoreClosed,
  type TransactionOptions,
  Watchdog,
} from "../../store/mod.ts";
import { backupTo } from "../backup-file.ts";
import { type Session, migrate } from "../../sqlite/mod.ts";
import { openLog, openReader, openWriter, readOnly } from "./open.ts";
import { Readers, readOn } from "./readers.ts";
import { WalSync } from "./wal-sync.ts";
import { Writer } from "./writer.ts";

/** How a database is opened. */
export interface SqliteDatabaseOptions {
  readonly name: string;
  /** The file, or `":memory:"`. */
  readonly path: string;
  readonly clock: Clock;
  /** How many writes, and how many reads, may wait. */
  readonly queuedMax: number;
  /** How long a body may take at most, whatever its deadline. */
  readonly longestMs: number;
  /** Whether writes resolve without waiting for the disk. */
  readonly relaxed: boolean;
  /** The file's greatest size in pages, to try what happens when the disk is full. */
  readonly maxPages: number | undefined;
  readonly onClosed: () => void;
}

type Body<T> = (connection: SqlConnection) => Promise<T>;

/** A database file with one writer and a few readers; or one in memory, where reads take turns with writes. */
export class SqliteDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #options: SqliteDatabaseOptions;
  readonly #session: Session;
  readonly #watchdog: Watchdog;
  readonly #log: ReturnType<typeof openLog> | undefined;
  readonly #sync: WalSync;
  readonly #writer: Writer;
  /** A database in memory belongs to its one connection. */
  readonly #readers: Readers | undefined;
  #closing: Promise<void> | undefined;

  /** Opens the file, or makes it. @throws {StoreDamaged} when the file is not a sound database. */
  constructor(options: SqliteDatabaseOptions) {
    const { name, path, clock, queuedMax } = options;
    this.#options = options;
    this.#session = openWriter(path, { database: name, maxPages: options.maxPages });
    this.#watchdog = new Watchdog(options);
    this.#log = path === ":memory:" ? undefined : openLog(path);
    this.#sync = new WalSync({
      database: name,
      sync: options.relaxed ? undefined : this.#log?.sync,
      onIdle: () => this.#writer.commitSoon(),
    });
    const shared = { database: name, watchdog: this.#watchdog, sync: this.#sync, queuedMax };
    this.#writer = new Writer({ ...shared, session: this.#session, clock });
    const commits = (): number => this.#writer.commits;
    this.#readers =
      path === ":memory:" ? undefined : new Readers({ ...shared, clock, commits, open: () => openReader(path, name) });
  }

  get name(): string {
    return this.#options.name;
  }

  write<T>(options: TransactionOptions, body: Body<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(this.#closed());
    return this.#writer.write(options, body);
  }

  read<T>(options: TransactionOptions, body: Body<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(this.#closed());
    if (this.#readers !== undefined) return this.#readers.read(options, body);
    return this.#writer.alone(() => this.#readInMemory(options, body));
  }

  async migrate(sets: readonly MigrationSet[]): Promise<readonly string[]> {
    if (this.#closing !== undefined) throw this.#closed();
    return this.#writer.alone(async () => {
      const { name: database, clock } = this.#options;
      const names = migrate({ database, session: this.#session, clock, sets });
      this.#readers?.forget(this.#session.leftOut);
      await new Promise<void>((resolve, reject) => {
        this.#sync.committed([{ settle: (error) => (error === undefined ? resolve() : reject(error as Error)) }]);
      });
      return names;
    });
  }

  async backup(path: string): Promise<void> {
    if (this.#closing !== undefined) throw this.#closed();
    await backupTo(path, async (partial) => {
      if (this.#readers === undefined) {
        return this.#writer.alone(async () => this.#session.script(`VACUUM INTO '${partial.replaceAll("'", "''")}'`));
      }
      const source = readOnly(this.#options.path);
      try {
        // A held snapshot: otherwise each commit would make the copy start over.
        source.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
        await backup(source, partial, { rate: 1_000 });
      } finally {
        source.close();
      }
    });
  }

  stats(): DatabaseStats {
    const { queued, commits, transactions } = this.#writer;
    return {
      queued,
      queuedMax: this.#options.queuedMax,
      commits,
      transactions,
      syncs: this.#sync.syncs,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.drain();
    // Whoever waits for the disk is told of its failure; closing goes on.
    await this.#sync.durable().catch(() => {});
    await this.#readers?.close();
    this.#watchdog.close();
    this.#log?.close();
    this.#session.close();
    this.#options.onClosed();
  }

  async #readInMemory<T>(options: TransactionOptions, body: Body<T>): Promise<T> {
    this.#session.control("PRAGMA query_only = ON");
    try {
      return (await readOn(this.#session, { options, body, watchdog: this.#watchdog })) as T;
    } finally {
      this.#session.control("PRAGMA query_only = OFF");
    }
  }

  #closed(): Error {
    return StoreClosed.with({ database: this.name });
  }
}
