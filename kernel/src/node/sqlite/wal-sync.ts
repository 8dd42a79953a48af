/**
 * Makes commits durable. Across a power cut: what a sync covered is kept; what was committed after the last sync
 * began may be lost, and nobody was told that it is there.
 *
 * Why syncing the write-ahead log alone is enough (sqlite.org/wal.html, `synchronous=NORMAL`): SQLite appends commits
 * to the log and does not sync there. Before a checkpoint copies pages to the main file it syncs the log, and the main
 * file after; when it starts the log over it syncs the new header before frames follow, whose salts tell them from
 * old ones. So the pages of each commit are in the log or in a synced main file, and it is for us to sync the log.
 */
import type { Fault } from "../../std/mod.ts";
import { SyncFailed } from "../../store/mod.ts";

/** Who waits to hear that a commit is durable. */
export interface Waiter {
  /** Called once: without an error when all is well. */
  settle(error: unknown): void;
}

/** Brings the log to the disk, without blocking. */
export type SyncFile = (done: (error: Error | null) => void) => void;

/** Syncs the log of one database, one sync at a time; each covers all commits before it. */
export class WalSync {
  readonly #database: string;
  readonly #sync: SyncFile | undefined;
  readonly #onIdle: () => void;
  #waiting: Waiter[] = [];
  #committed = 0;
  #durable = 0;
  #underway: { readonly upTo: number; readonly waiters: Waiter[] } | undefined;
  #syncs = 0;
  #failure: Fault | undefined;

  /** Without `sync`, commits count as durable at once: for relaxed databases and those in memory. */
  constructor(options: {
    readonly database: string;
    readonly sync: SyncFile | undefined;
    /** Called when a sync has ended and none follows at once: to commit what gathered meanwhile. */
    readonly onIdle: () => void;
  }) {
    this.#database = options.database;
    this.#sync = options.sync;
    this.#onIdle = options.onIdle;
  }

  /** Whether a sync is under way: what is committed now waits for the next one. */
  get busy(): boolean {
    return this.#underway !== undefined;
  }

  /** Whether commits count as durable at once. */
  get instant(): boolean {
    return this.#sync === undefined;
  }

  get syncs(): number {
    return this.#syncs;
  }

  /** Why nothing is accepted any more. The system drops pages that it failed to write, so no later sync can mend it. */
  get failure(): Fault | undefined {
    return this.#failure;
  }

  /** Takes note of a commit, and tells its waiters when it is durable. */
  committed(waiters: readonly Waiter[]): void {
    if (this.#failure !== undefined) return settleAll(waiters, this.#failure);
    if (this.#sync === undefined) return settleAll(waiters, undefined);
    this.#committed += 1;
    for (const waiter of waiters) this.#waiting.push(waiter);
    if (!this.busy) this.#start(this.#sync);
  }

  /** Whether there are commits that might be lost still. */
  get pending(): boolean {
    return this.#durable < this.#committed || this.#failure !== undefined;
  }

  /** Resolves when everything that is committed now is durable. */
  durable(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else if (!this.pending) resolve();
      else {
        const waiter: Waiter = {
          settle: (error) => (error === undefined ? resolve() : reject(error as Error)),
        };
        (this.#underway?.upTo === this.#committed ? this.#underway.waiters : this.#waiting).push(waiter);
      }
    });
  }

  #start(sync: SyncFile): void {
    const batch = { upTo: this.#committed, waiters: this.#waiting };
    this.#underway = batch;
    this.#waiting = [];
    sync((error) => {
      this.#underway = undefined;
      this.#syncs += 1;
      if (error === null) this.#durable = batch.upTo;
      else this.#failure = SyncFailed.with({ database: this.#database, detail: error.message }, { cause: error });
      this.#next(sync);
      settleAll(batch.waiters, this.#failure);
      if (!this.busy) this.#onIdle();
    });
  }

  #next(sync: SyncFile): void {
    if (this.#failure !== undefined) {
      const rest = this.#waiting;
      this.#waiting = [];
      settleAll(rest, this.#failure);
    } else if (!this.busy && this.#committed > this.#durable) {
      this.#start(sync);
    }
  }
}

function settleAll(waiters: readonly Waiter[], error: unknown): void {
  for (const waiter of waiters) waiter.settle(error);
}
