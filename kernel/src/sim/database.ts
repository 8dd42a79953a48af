/**
 * A simulated database: SQLite in memory behind the port of the store, with the semantics of a crash. Writes run in
 * groups; a group is committed, synced a little later, and only then acknowledged. A process that dies in between has
 * committed it without anybody knowing; a machine that dies has not.
 */
import { DeadlineExceeded } from "../guard/mod.ts";
import { type Session, Transaction, migrate } from "../sqlite/mod.ts";
import type { Clock } from "../std/mod.ts";
import {
  BackupExists,
  ConnectionLost,
  type Database,
  type DatabaseStats,
  type MigrationSet,
  type Outcome,
  type SqlConnection,
  StoreBusy,
  StoreClosed,
  type TransactionOptions,
  Watchdog,
} from "../store/mod.ts";
import { Crashpoint, FaultyConnection, ReadingConnection } from "./crashpoint.ts";
import type { Faults } from "./faults.ts";
import type { EventDetails, History } from "./history.ts";
import type { Incarnation } from "./machine.ts";
import { under } from "./real/cause.ts";
import { type Engine, image } from "./real/engine.ts";

/** What a simulated database is made of. */
export interface SimDatabaseOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly engine: Engine;
  /** Copies that were made, by path: simulated machines write no files. */
  readonly backups: Map<string, Uint8Array>;
  readonly incarnation: Incarnation;
  readonly faults: Faults;
  readonly history: History;
  readonly crash: (why: string) => void;
  readonly queuedMax?: number;
}

type Body = (connection: SqlConnection) => Promise<unknown>;

interface Write {
  readonly options: TransactionOptions;
  readonly body: Body;
  readonly occasion: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  value?: unknown;
}

interface Alone {
  readonly run: () => Promise<void>;
}

const GROUP_MAX = 16;
const QUEUED_MAX = 10_000;
const LONGEST_MS = 10_000;
/** How long a sync takes, in milliseconds: at least, and what is added at most. */
const SYNC_MS = 0.2;
const SYNC_JITTER_MS = 1;
const SLOW_MS = 400;

/** A service's database, as one process has it open. */
export class SimDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #options: SimDatabaseOptions;
  readonly #session: Session;
  readonly #watchdog: Watchdog;
  readonly #queue: (Write | Alone)[] = [];
  #running = false;
  /** Bodies that have run and wait for their sync. */
  #group: Write[] = [];
  /** Whether the group is whole, so that a dying process leaves it committed. */
  #isCommitted = false;
  #closing: Promise<void> | undefined;
  #commits = 0;
  #transactions = 0;

  constructor(options: SimDatabaseOptions) {
    this.#options = options;
    this.#session = options.engine.session;
    this.#watchdog = new Watchdog({ clock: options.clock, longestMs: LONGEST_MS });
  }

  get name(): string {
    return this.#options.name;
  }

  get incarnation(): Incarnation {
    return this.#options.incarnation;
  }

  write<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#enqueue<T>((resolve, reject) => {
      const { about } = options;
      const name = this.#options.faults.occasion(`${this.name} ${options.label}${about ? ` ${about}` : ""}`);
      return { options, body, occasion: name, resolve: resolve as (value: unknown) => void, reject };
    });
  }

  read<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#enqueue<T>((resolve, reject) => ({
      run: async () => {
        const outcome = await this.#readNow(options, body);
        if (outcome.ok) resolve(outcome.value as T);
        else reject(outcome.error);
      },
    }));
  }

  migrate(sets: readonly MigrationSet[]): Promise<readonly string[]> {
    const { name: database, clock } = this.#options;
    return this.#alone(() => migrate({ database, session: this.#session, clock, sets }));
  }

  backup(path: string): Promise<void> {
    const { engine, backups } = this.#options;
    return this.#alone(() => {
      if (backups.has(path)) throw BackupExists.with({ path });
      backups.set(path, image(engine));
    });
  }

  stats(): DatabaseStats {
    const [commits, transactions] = [this.#commits, this.#transactions];
    return { queued: this.#queue.length, queuedMax: this.#queuedMax, commits, transactions, syncs: commits };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Whether nobody can write through it any more. */
  get isOver(): boolean {
    return this.#closing !== undefined || !this.incarnation.alive;
  }

  /** The process that had it open is dead. */
  abandon(isPowerCut: boolean): void {
    const session = this.#session;
    const { history, name } = this.#options;
    if (!session.inTransaction) return;
    if (this.#isCommitted && !isPowerCut) session.control("COMMIT");
    else {
      session.rollback();
      if (this.#isCommitted) history.record("rollback", name, "what was not yet on the disk");
    }
  }

  get #queuedMax(): number {
    return this.#options.queuedMax ?? QUEUED_MAX;
  }

  async #close(): Promise<void> {
    // Waits behind everything, however much that is.
    await new Promise<void>((resolve) => this.#push({ run: async () => resolve() }));
    this.#watchdog.close();
  }

  /** Runs something between two transactions. */
  #alone<T>(body: () => T): Promise<T> {
    return this.#enqueue((resolve, reject) => ({
      run: async () => {
        try {
          resolve(body());
        } catch (error) {
          reject(error);
        }
      },
    }));
  }

  #enqueue<T>(make: (resolve: (value: T) => void, reject: (error: unknown) => void) => Write | Alone): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // A dead process waits for ever.
      if (!this.incarnation.alive) return;
      if (this.#closing !== undefined) return reject(StoreClosed.with({ database: this.name }));
      if (this.#queue.length >= this.#queuedMax)
        return reject(StoreBusy.with({ database: this.name, queuedMax: this.#queuedMax }));
      this.#push(make(resolve, reject));
    });
  }

  #push(job: Write | Alone): void {
    this.#queue.push(job);
    if (!this.#running) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#running = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      // What it would begin, nobody would end: the next process finds the disk in the middle of a transaction.
      if (!this.incarnation.alive) return;
      if ("run" in job) {
        await this.#commit();
        await job.run();
      } else {
        await this.#runWrite(job);
        if (this.#group.length >= GROUP_MAX) await this.#commit();
      }
      if (this.#queue.length === 0) await this.#commit();
    }
    this.#running = false;
  }

  async #runWrite(write: Write): Promise<void> {
    const { faults } = this.#options;
    const { options, occasion } = write;
    if (faults.strikes("slow database", occasion)) await this.#sleep(SLOW_MS * faults.amount("slow", occasion));
    if (this.#watchdog.isLate(options.deadlineAt)) return write.reject(DeadlineExceeded.with({ label: options.label }));
    const undone = faults.strikes("serialization failure", occasion) || faults.strikes("deadlock", occasion);
    if (undone) {
      // What a database of many writers does to the loser: everything undone, and the body runs again.
      const first = await this.#runBody(write, `${occasion} (undone)`, false);
      if (this.#isGroupGone) return this.#lose(write, errorOf(first));
      if (this.#watchdog.isLate(options.deadlineAt))
        return write.reject(DeadlineExceeded.with({ label: options.label }));
    }
    const outcome = await this.#runBody(write, occasion, true);
    if (this.#isGroupGone) return this.#lose(write, errorOf(outcome));
    if (!outcome.ok) return write.reject(outcome.error);
    if (faults.strikes("connection lost", occasion)) return this.#disconnect(write);
    write.value = outcome.value;
    this.#group.push(write);
  }

  /** Runs a body behind a savepoint, and undoes it when it fails or is not to be kept. */
  async #runBody(write: Write, occasion: string, keeps: boolean): Promise<Outcome> {
    const session = this.#session;
    const { faults, crash, incarnation } = this.#options;
    const { options, body } = write;
    if (!incarnation.alive) return this.#forever();
    // The first of a group needs no savepoint: undoing it undoes everything.
    const first = !session.inTransaction;
    session.control(first ? "BEGIN IMMEDIATE" : "SAVEPOINT body");
    const transaction = new Transaction(session, options.label);
    const point = Crashpoint.of(faults, occasion, crash);
    const connection = new FaultyConnection(transaction, incarnation, point);
    const outcome = await under(occasion, () =>
      this.#watchdog.run(options.label, options.deadlineAt, () => body(connection)),
    );
    transaction.end();
    // By now the disk may be another process's.
    if (!incarnation.alive) return this.#forever();
    if (!session.inTransaction) return outcome.ok ? { ok: false, error: transaction.lostBy } : outcome;
    const undoes = !outcome.ok || !keeps;
    if (first && undoes) session.rollback();
    if (!first && undoes) session.control("ROLLBACK TO body");
    if (!first) session.control("RELEASE body");
    return outcome;
  }

  /** Whether SQLite undid the whole transaction by itself, and with it what others wrote in it. */
  get #isGroupGone(): boolean {
    return this.#group.length > 0 && !this.#session.inTransaction;
  }

  /** None of the group has happened. */
  #lose(write: Write, error: unknown): void {
    const group = [...this.#group, write];
    this.#group = [];
    for (const { reject } of group) reject(error);
  }

  /** The connection breaks before the commit: the whole group is undone with it. */
  #disconnect(write: Write): void {
    this.#session.rollback();
    const { label } = write.options;
    this.#options.history.record("rollback", this.name, label, undefined, aboutOf(write.options));
    this.#lose(write, ConnectionLost.with({ database: this.name }));
  }

  async #commit(): Promise<void> {
    const session = this.#session;
    const { faults, history, crash, incarnation } = this.#options;
    if (!session.inTransaction) return;
    if (this.#group.length === 0) return session.rollback();
    const group = this.#group;
    const [first] = group as [Write];
    for (const { occasion } of group) {
      if (!faults.strikes("crash before commit", occasion)) continue;
      crash(`before the commit of ${occasion}`);
      return this.#forever();
    }
    this.#isCommitted = true;
    await this.#sleep(SYNC_MS + SYNC_JITTER_MS * faults.amount("sync", first.occasion));
    if (!incarnation.alive) return this.#forever();
    session.control("COMMIT");
    this.#isCommitted = false;
    this.#group = [];
    this.#commits += 1;
    this.#transactions += group.length;
    for (const { options } of group) history.record("commit", this.name, options.label, undefined, aboutOf(options));
    for (const { occasion } of group) {
      if (!faults.strikes("crash after commit", occasion)) continue;
      crash(`after the commit of ${occasion}`);
      return this.#forever();
    }
    for (const write of group) this.#acknowledge(write);
  }

  #acknowledge({ occasion, resolve, reject, value }: Write): void {
    if (this.#options.faults.strikes("commit unknown", occasion)) reject(ConnectionLost.with({ database: this.name }));
    else resolve(value);
  }

  async #readNow(options: TransactionOptions, body: Body): Promise<Outcome> {
    const session = this.#session;
    const { incarnation } = this.#options;
    if (this.#watchdog.isLate(options.deadlineAt))
      return { ok: false, error: DeadlineExceeded.with({ label: options.label }) };
    const transaction = new Transaction(session, options.label);
    const connection = new FaultyConnection(new ReadingConnection(transaction, session), incarnation, undefined);
    const outcome = await this.#watchdog.run(options.label, options.deadlineAt, () => body(connection));
    transaction.end();
    return incarnation.alive ? outcome : this.#forever();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }

  /** What a dead process waits for. */
  #forever(): Promise<never> {
    return new Promise(() => {});
  }
}

function aboutOf({ about }: TransactionOptions): EventDetails | undefined {
  return about ? { about } : undefined;
}

function errorOf(outcome: Outcome): unknown {
  return outcome.ok ? undefined : outcome.error;
}
