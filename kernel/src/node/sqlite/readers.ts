/**
 * Reads over committed snapshots, on connections that cannot write. There is one while all bodies only await their
 * statements; a body that awaits something else holds its own, so there may be a few.
 *
 * Bodies that follow one another within a turn of the event loop, with no commit between, share a snapshot: it is the
 * one that each of them would get, and to take it and leave it costs as much as a read by key.
 */
import { DeadlineExceeded } from "../../guard/mod.ts";
import type { Clock } from "../../std/mod.ts";
import {
  type Outcome,
  type SqlConnection,
  StoreBusy,
  type TransactionOptions,
  type Watchdog,
} from "../../store/mod.ts";
import { type Session, Transaction } from "../../sqlite/mod.ts";
import type { WalSync } from "./wal-sync.ts";

/** More would only keep more snapshots, and memory, for bodies that wait. */
const READERS_MAX = 4;

/** Of what the readers are made. */
export interface ReadersOptions {
  readonly database: string;
  readonly open: () => Session;
  readonly watchdog: Watchdog;
  readonly sync: WalSync;
  readonly clock: Clock;
  /** How many groups were committed so far: what tells snapshots apart. */
  readonly commits: () => number;
  readonly queuedMax: number;
}

/** A connection, and the snapshot that it holds. */
interface Seat {
  readonly session: Session;
  /** The number of commits when its snapshot was begun; undefined when it holds none. */
  snapshot: number | undefined;
}

/** A pool of read-only connections. */
export class Readers {
  readonly #options: ReadersOptions;
  readonly #sessions: Session[] = [];
  readonly #free: Seat[] = [];
  readonly #waiting: ((seat: Seat) => void)[] = [];
  #leavesSoon = false;
  /** Commits that the writer does not count. */
  #migrations = 0;
  /** Columns that rows are without; see `Session.leaveOut`. */
  #leftOut: ReadonlySet<string> = new Set();
  #onQuiet: (() => void) | undefined;

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  /** Runs the body over a snapshot; resolves when what it saw is durable. @throws {StoreBusy} */
  async read<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const { watchdog, sync } = this.#options;
    const { label, deadlineAt } = options;
    const seat = this.#take() ?? (await this.#wait());
    try {
      if (watchdog.isLate(deadlineAt)) throw DeadlineExceeded.with({ label });
      this.#begin(seat);
      const outcome = await runBody(seat.session, { options, body, watchdog });
      if (!outcome.ok) throw outcome.error;
      return outcome.value as T;
    } finally {
      this.#release(seat);
      // A failure was decided by what the body saw, too.
      if (sync.pending) await sync.durable();
    }
  }

  /** Forgets the statements, and passes over the snapshots there are: tables have other columns now, and perhaps rows. */
  forget(leftOut: ReadonlySet<string>): void {
    this.#migrations += 1;
    this.#leftOut = leftOut;
    for (const session of this.#sessions) session.leaveOut(leftOut);
  }

  /** Waits for reads under way, then closes the connections. */
  async close(): Promise<void> {
    if (this.#free.length < this.#sessions.length) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    for (const { session } of this.#free.splice(0)) session.close();
  }

  /** Makes sure that the seat's snapshot is that of the last commit. */
  #begin(seat: Seat): void {
    const commits = this.#options.commits() + this.#migrations;
    if (seat.snapshot === commits && seat.session.inTransaction) return;
    seat.session.rollback();
    // SQLite takes the snapshot at the first statement; if that is of a later commit, it is only left sooner.
    seat.session.control("BEGIN");
    seat.snapshot = commits;
  }

  #take(): Seat | undefined {
    const seat = this.#free.pop();
    if (seat !== undefined || this.#sessions.length >= READERS_MAX) return seat;
    const session = this.#options.open();
    session.leaveOut(this.#leftOut);
    this.#sessions.push(session);
    return { session, snapshot: undefined };
  }

  #wait(): Promise<Seat> {
    const { database, queuedMax } = this.#options;
    if (this.#waiting.length >= queuedMax) throw StoreBusy.with({ database, queuedMax });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(seat: Seat): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return next(seat);
    this.#free.push(seat);
    if (this.#free.length === this.#sessions.length) this.#onQuiet?.();
    if (this.#leavesSoon) return;
    this.#leavesSoon = true;
    this.#options.clock.soon(() => this.#leave());
  }

  /** Lets snapshots go that nobody reads: a checkpoint cannot pass them. */
  #leave(): void {
    this.#leavesSoon = false;
    for (const seat of this.#free) {
      if (seat.snapshot === undefined) continue;
      seat.snapshot = undefined;
      seat.session.rollback();
    }
  }
}

/** Runs a read on a connection that is free, in a snapshot of its own. The connection must refuse to write. */
export async function readOn(session: Session, read: Read): Promise<unknown> {
  const { label, deadlineAt } = read.options;
  if (read.watchdog.isLate(deadlineAt)) throw DeadlineExceeded.with({ label });
  session.control("BEGIN");
  const outcome = await runBody(session, read);
  session.rollback();
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

/** What is to be read, and who ends it. */
interface Read {
  readonly options: TransactionOptions;
  readonly body: (connection: SqlConnection) => Promise<unknown>;
  readonly watchdog: Watchdog;
}

async function runBody(session: Session, { options, body, watchdog }: Read): Promise<Outcome> {
  const transaction = new Transaction(session, options.label);
  const outcome = await watchdog.run(options.label, options.deadlineAt, () => body(transaction));
  transaction.end();
  return outcome;
}
