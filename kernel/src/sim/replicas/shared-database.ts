/**
 * A service's database as one of several replicas has it: behind the port of the store, a connection to the simulated
 * server. It keeps the promises of the real one (`node/postgres/database.ts`): a transaction that was lost before its
 * commit was asked for runs again, one that was lost after that is unknown.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import { LeaseLost } from "../../runtime/mod.ts";
import { migrate } from "../../sqlite/mod.ts";
import type { Clock } from "../../std/mod.ts";
import {
  BackupExists,
  ConnectionLost,
  Contended,
  type Database,
  type DatabaseStats,
  type MigrationSet,
  type Outcome,
  type Row,
  type SqlConnection,
  type SqlValue,
  StoreBusy,
  StoreClosed,
  TransactionOver,
  type TransactionOptions,
  Watchdog,
} from "../../store/mod.ts";
import { Crashpoint, FaultyConnection } from "../crashpoint.ts";
import type { Faults } from "../faults.ts";
import { under } from "../real/cause.ts";
import { type Engine, image } from "../real/engine.ts";
import type { DatabaseServer } from "./server.ts";
import type { Client, DatabaseSession } from "./session.ts";

/** What a shared database is made of. */
export interface SharedDatabaseOptions extends Client {
  readonly name: string;
  readonly clock: Clock;
  readonly server: DatabaseServer;
  readonly faults: Faults;
  /** Copies that were made, by path: simulated machines write no files. */
  readonly backups: Map<string, Uint8Array>;
  /** Lets the process die. */
  readonly crash: (why: string) => void;
  /** Lets the process stand still for so long, in milliseconds, and its clock with it or not; resolves when it goes on. */
  readonly stall: (forMs: number, stopsClock: boolean) => Promise<void>;
  /** Hears what was reached. */
  readonly note: (what: string) => void;
  readonly queuedMax?: number;
}

type Body = (connection: SqlConnection) => Promise<unknown>;

/** How an attempt ended: with a value, or with a fault, after which it may be tried again or not. */
type Attempt = { readonly value: unknown } | { readonly error: unknown; readonly again: boolean };

const QUEUED_MAX = 10_000;
const LONGEST_MS = 10_000;
/** How often a transaction is tried again that was lost or undone, and the first pause, in milliseconds. */
const AGAIN_MAX = 7;
const PAUSE_MS = 25;
/** For how long a process stands still in a transaction, in milliseconds: at least, and what is added at most. */
const STALL_MS = 300;
const STALL_JITTER_MS = 5_000;
/** Before which statement it does at the latest. */
const STALL_AT_MAX = 5;

/** A database that other processes have open, too. */
export class SharedDatabase implements Database {
  readonly dialect = "sqlite";
  readonly isShared = true;
  readonly #options: SharedDatabaseOptions;
  readonly #watchdog: Watchdog;
  readonly #queue: (() => Promise<void>)[] = [];
  #sets: readonly MigrationSet[] = [];
  #isRunning = false;
  #closing: Promise<void> | undefined;
  #transactions = 0;
  #retries = 0;

  constructor(options: SharedDatabaseOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog({ clock: options.clock, longestMs: LONGEST_MS });
  }

  get name(): string {
    return this.#options.name;
  }

  write<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#enqueue(() => this.#carryOut(options, false, body) as Promise<T>);
  }

  read<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#enqueue(() => this.#carryOut(options, true, body) as Promise<T>);
  }

  migrate(sets: readonly MigrationSet[]): Promise<readonly string[]> {
    const { clock } = this.#options;
    this.#sets = sets;
    return this.#alone("migrate", ({ session }) => migrate({ database: this.name, session, clock, sets }));
  }

  backup(path: string): Promise<void> {
    const { backups } = this.#options;
    return this.#alone("backup", (engine) => {
      if (backups.has(path)) throw BackupExists.with({ path });
      backups.set(path, image(engine));
    });
  }

  stats(): DatabaseStats {
    const [commits, queuedMax] = [this.#transactions, this.#queuedMax];
    const queued = this.#queue.length;
    return { queued, queuedMax, commits, transactions: commits, syncs: commits, retries: this.#retries };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise<void>((resolve) => {
      // Waits behind everything, however much that is.
      this.#push(async () => {
        this.#watchdog.close();
        resolve();
      });
    });
    return this.#closing;
  }

  get #queuedMax(): number {
    return this.#options.queuedMax ?? QUEUED_MAX;
  }

  /** Does something between two transactions. */
  #alone<T>(label: string, work: (engine: Engine) => T): Promise<T> {
    return this.#enqueue(() => {
      const session = this.#connect({ label }, true, this.#options.faults.occasion(`${this.name} ${label}`));
      return session.ask(() => this.#options.server.alone(session, work));
    });
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // A dead process waits for ever.
      if (!this.#options.incarnation.alive) return;
      if (this.#closing !== undefined) return reject(StoreClosed.with({ database: this.name }));
      if (this.#queue.length >= this.#queuedMax)
        return reject(StoreBusy.with({ database: this.name, queuedMax: this.#queuedMax }));
      this.#push(() => job().then(resolve, reject));
    });
  }

  #push(job: () => Promise<void>): void {
    this.#queue.push(job);
    if (!this.#isRunning) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isRunning = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) await job();
    this.#isRunning = false;
  }

  async #carryOut(options: TransactionOptions, isRead: boolean, body: Body): Promise<unknown> {
    const { faults, clock } = this.#options;
    const { label, about, deadlineAt } = options;
    const base = faults.occasion(`${this.name} ${label}${about ? ` ${about}` : ""}`);
    for (let again = 1; ; again += 1) {
      if (this.#watchdog.isLate(deadlineAt)) throw DeadlineExceeded.with({ label });
      const occasion = again === 1 ? base : `${base} (again ${again})`;
      const attempt = isRead
        ? await this.#readOnce(options, body, occasion)
        : await this.#writeOnce(options, body, occasion);
      if ("value" in attempt) return attempt.value;
      if (!attempt.again || again > AGAIN_MAX) throw attempt.error;
      const pauseMs = PAUSE_MS * 2 ** again * faults.amount("again", occasion);
      if (deadlineAt !== undefined && clock.monotonicMs() + pauseMs >= deadlineAt)
        throw DeadlineExceeded.with({ label }, { cause: attempt.error });
      this.#retries += 1;
      await new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
    }
  }

  async #readOnce(options: TransactionOptions, body: Body, occasion: string): Promise<Attempt> {
    const session = this.#connect(options, true, occasion);
    const connection = this.#remote(session);
    const outcome = await this.#run(options, body, connection);
    this.#release(session, connection);
    return outcome.ok ? { value: outcome.value } : { error: outcome.error, again: session.isLost };
  }

  async #writeOnce(options: TransactionOptions, body: Body, occasion: string): Promise<Attempt> {
    const { faults, crash, incarnation, note } = this.#options;
    const session = this.#connect(options, false, occasion);
    const connection = this.#remote(session, this.#stallOf(occasion));
    const faulty = new FaultyConnection(connection, incarnation, Crashpoint.of(faults, occasion, crash));
    const outcome = await under(occasion, () => this.#run(options, body, faulty));
    connection.end();
    const failure = outcome.ok ? connection.failure : outcome;
    if (failure !== undefined) {
      this.#release(session, connection);
      const { error } = failure;
      if (LeaseLost.is(error)) note("a fence refused a write");
      return { error, again: session.isLost && !DeadlineExceeded.is(error) };
    }
    if (!connection.isBegun) {
      connection.forget();
      return { value: outcome.ok ? outcome.value : undefined };
    }
    if (faults.strikes("connection lost", occasion)) {
      this.#release(session, connection);
      return { error: ConnectionLost.with({ database: this.name }), again: true };
    }
    const attempt = await this.#commit(session, outcome.ok ? outcome.value : undefined);
    connection.forget();
    return attempt;
  }

  async #commit(session: DatabaseSession, value: unknown): Promise<Attempt> {
    const { faults, crash, server } = this.#options;
    const { occasion } = session.parts;
    if (faults.strikes("crash before commit", occasion)) {
      crash(`before the commit of ${occasion}`);
      return forever();
    }
    try {
      await session.ask(() => server.commit(session));
    } catch (error) {
      // It may have committed: to run it again is up to who has the key.
      return { error, again: Contended.is(error) };
    }
    this.#transactions += 1;
    if (!faults.strikes("crash after commit", occasion)) return { value };
    crash(`after the commit of ${occasion}`);
    return forever();
  }

  async #run({ label, deadlineAt }: TransactionOptions, body: Body, connection: SqlConnection): Promise<Outcome> {
    const outcome = await this.#watchdog.run(label, deadlineAt, () => body(connection));
    return this.#options.incarnation.alive ? outcome : forever();
  }

  #connect({ label, about }: TransactionOptions, isRead: boolean, occasion: string): DatabaseSession {
    const { server, machine, incarnation, name } = this.#options;
    const client = { machine, incarnation };
    return server.connect({ service: name, label, about, occasion, isRead, sets: this.#sets, client });
  }

  #remote(session: DatabaseSession, beforeStatement?: Stall): RemoteConnection {
    const { server, incarnation } = this.#options;
    const forget = incarnation.onDeath(() => session.closedBy(() => server.release(session)));
    return new RemoteConnection({ session, server, forget, beforeStatement });
  }

  /** Ends the transaction without effect, while its caller goes on. */
  #release(session: DatabaseSession, connection: RemoteConnection): void {
    connection.end();
    connection.forget();
    session.tell(() => this.#options.server.release(session));
  }

  /** Where the process stands still in this transaction, if it does. */
  #stallOf(occasion: string): Stall | undefined {
    const { faults, stall } = this.#options;
    if (!faults.strikes("stall", occasion)) return undefined;
    const at = 1 + Math.floor(faults.amount("stall at", occasion) ** 2 * STALL_AT_MAX);
    const forMs = STALL_MS + STALL_JITTER_MS * faults.amount("stall for", occasion);
    return (n) => (n === at ? stall(forMs, faults.amount("stall clock", occasion) < 0.6) : undefined);
  }
}

/** Waits before a transaction's statement of this number. */
type Stall = (n: number) => Promise<void> | undefined;

interface RemoteParts {
  readonly session: DatabaseSession;
  readonly server: DatabaseServer;
  /** Ends the watch over the client's life. */
  readonly forget: () => void;
  readonly beforeStatement: Stall | undefined;
}

/** An open transaction, as its body sees it: begun with the first statement, of no use after one that failed. */
class RemoteConnection implements SqlConnection {
  readonly dialect = "sqlite";
  readonly #parts: RemoteParts;
  #isOver = false;
  #statements = 0;
  #failure: { readonly error: unknown } | undefined;
  /** One statement after another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  /** Whether a statement was sent. */
  get isBegun(): boolean {
    return this.#statements > 0;
  }

  /** What the first failing statement threw: the body may have caught it. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Refuses all statements from here on. */
  end(): void {
    this.#isOver = true;
  }

  /** The transaction is over: what becomes of the process is nothing to it. */
  forget(): void {
    this.#parts.forget();
  }

  all<R = Row>(sql: string, parameters?: readonly SqlValue[]): Promise<R[]> {
    return this.#send((connection) => connection.all<R>(sql, parameters));
  }

  run(sql: string, parameters?: readonly SqlValue[]): Promise<number> {
    return this.#send((connection) => connection.run(sql, parameters));
  }

  #send<T>(statement: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const { session, server, beforeStatement } = this.#parts;
    if (this.#isOver) return Promise.reject(TransactionOver.with({ label: session.parts.label }));
    this.#statements += 1;
    const n = this.#statements;
    const sending = this.#turn.then(async () => {
      await beforeStatement?.(n);
      if (this.#failure !== undefined) throw this.#failure.error;
      try {
        return await session.ask(() => server.carryOut(session, statement));
      } catch (error) {
        this.#failure ??= { error };
        throw error;
      }
    });
    this.#turn = sending.catch(() => {});
    return sending;
  }
}

/** What a dead process waits for. */
function forever(): Promise<never> {
  return new Promise(() => {});
}
