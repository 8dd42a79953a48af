/**
 * The one writer of a database. Writes run one after another inside one SQLite transaction, each behind a savepoint,
 * and are committed as a group: a commit costs ten times what a small write does, and a sync a hundred times.
 *
 * A group is committed at the end of the turn of the event loop, unless a sync is under way: then it goes on
 * gathering, and is committed when that sync has ended. It could hardly be acknowledged sooner.
 *
 * Across a crash: a group is in the log whole or not at all. None of it is acknowledged before the sync.
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
import { type AloneJob, WriteJob } from "./jobs.ts";
import { type Session, Transaction } from "../../sqlite/mod.ts";
import type { WalSync } from "./wal-sync.ts";

/** Bounds what one failed commit takes with it, and how long the first of a group waits for the last. */
const GROUP_MAX = 64;

/** After so many jobs the event loop gets a turn, even if more of them keep coming from microtasks. */
const JOBS_PER_TURN = 256;

/** Of what a writer is made. */
export interface WriterOptions {
  readonly database: string;
  readonly session: Session;
  readonly watchdog: Watchdog;
  readonly sync: WalSync;
  readonly clock: Clock;
  readonly queuedMax: number;
}

/** Queues writes, runs them in groups, and commits. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue: (WriteJob<never> | AloneJob)[] = [];
  #group: WriteJob<never>[] = [];
  #running = false;
  #commitIsSoon = false;
  #jobsThisTurn = 0;
  #commits = 0;
  #transactions = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get commits(): number {
    return this.#commits;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /** Runs the body in its turn; resolves when it is durable. @throws {StoreBusy} when too many wait. */
  write<T>(options: TransactionOptions, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#hasRoom()) return reject(this.#busy());
      const job = new WriteJob(options, body, { resolve, reject });
      this.#queue.push(job as unknown as WriteJob<never>);
      if (!this.#running) void this.#pump();
    });
  }

  /** Runs something in its turn, when no group is open. @throws {StoreBusy} when too many wait. */
  alone<T>(body: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#hasRoom()) return reject(this.#busy());
      this.#queue.push({ kind: "alone", run: () => body().then(resolve, reject) });
      if (!this.#running) void this.#pump();
    });
  }

  /** Resolves when everything that waits now was run and committed, though perhaps not synced. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ kind: "alone", run: async () => resolve() });
      if (!this.#running) void this.#pump();
    });
  }

  /**
   * Commits the group at the end of this turn of the event loop, if no sync is under way then. Requests that arrived
   * together, and callers that were acknowledged together, write together: a turn costs a lone write next to nothing,
   * and a sync costs 150 µs of processor time.
   */
  commitSoon(): void {
    if (this.#commitIsSoon || this.#group.length === 0) return;
    this.#commitIsSoon = true;
    this.#options.clock.soon(() => {
      this.#commitIsSoon = false;
      if (!this.#running && !this.#options.sync.busy) this.#commit();
    });
  }

  async #pump(): Promise<void> {
    this.#running = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      if (job.kind === "alone") {
        this.#commit();
        await job.run();
      } else {
        await this.#runInGroup(job);
      }
      if (this.#group.length >= GROUP_MAX) this.#commit();
      this.#jobsThisTurn += 1;
      if (this.#jobsThisTurn >= JOBS_PER_TURN) await this.#turn();
    }
    this.#running = false;
    if (this.#options.sync.instant) this.#commit();
    else if (!this.#options.sync.busy) this.commitSoon();
  }

  async #turn(): Promise<void> {
    this.#commit();
    this.#jobsThisTurn = 0;
    await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
  }

  async #runInGroup(job: WriteJob<never>): Promise<void> {
    const { session, watchdog } = this.#options;
    if (watchdog.isLate(job.deadlineAt)) return job.settle(DeadlineExceeded.with({ label: job.label }));
    // The first of a group needs no savepoint: undoing it undoes everything.
    const first = this.#group.length === 0;
    try {
      session.control(first ? "BEGIN IMMEDIATE" : "SAVEPOINT body");
    } catch (error) {
      return this.#lose(job, error);
    }
    const transaction = new Transaction(session, job.label);
    const outcome = await watchdog.run(job.label, job.deadlineAt, () => job.body(transaction));
    transaction.end();
    if (!session.inTransaction) return this.#lose(job, transaction.lostBy ?? errorOf(outcome));
    try {
      this.#settleBody(job, outcome, first);
    } catch (error) {
      this.#lose(job, error);
    }
  }

  #settleBody(job: WriteJob<never>, outcome: Outcome, first: boolean): void {
    const { session } = this.#options;
    if (outcome.ok) {
      if (!first) session.control("RELEASE body");
      job.value = outcome.value;
      this.#group.push(job);
      return;
    }
    if (first) {
      session.rollback();
    } else {
      session.control("ROLLBACK TO body");
      session.control("RELEASE body");
    }
    job.settle(outcome.error);
  }

  /** The whole transaction is gone, or cannot be trusted: this body and those before it have no effect. */
  #lose(job: WriteJob<never>, error: unknown): void {
    this.#group.push(job);
    this.#fail(error);
  }

  #commit(): void {
    if (this.#group.length === 0) return;
    if (this.#options.sync.failure !== undefined) return this.#fail(this.#options.sync.failure);
    try {
      this.#options.session.control("COMMIT");
    } catch (error) {
      return this.#fail(error);
    }
    const group = this.#group;
    this.#group = [];
    this.#commits += 1;
    this.#transactions += group.length;
    this.#options.sync.committed(group);
  }

  #fail(error: unknown): void {
    const group = this.#group;
    this.#group = [];
    try {
      this.#options.session.rollback();
    } finally {
      for (const job of group) job.settle(error ?? new Error("SQLite ended the transaction by itself."));
    }
  }

  #hasRoom(): boolean {
    return this.#queue.length < this.#options.queuedMax;
  }

  #busy(): Error {
    const { database, queuedMax } = this.#options;
    return StoreBusy.with({ database, queuedMax });
  }
}

function errorOf(outcome: Outcome): unknown {
  return outcome.ok ? undefined : outcome.error;
}
