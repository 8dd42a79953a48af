/** What one run of a saga writes: its row and its journal, in the order in which it says so. */
import type { EventWriter } from "../events/mod.ts";
import type { SqlConnection, SqlValue } from "../store/mod.ts";
import { type Journal, Lane, type Write } from "./journal.ts";
import type { SagaEngineOptions } from "./options.ts";
import {
  type EntryKind,
  type EntryStatus,
  INSERT_ENTRY,
  type SagaOrigin,
  type SagaRow,
  UPDATE_SAGA,
  UPDATE_WAITING,
} from "./records.ts";
import type { SagaStatus } from "./saga.ts";

/** What is to be changed in the saga's row. What is not said is cleared; the status stays. */
export interface RowChange {
  readonly status?: SagaStatus;
  /** The step that the saga is put away at. */
  readonly step?: string | null;
  /** Whether later steps may have been made on the strength of it, before a crash. */
  readonly doubtful?: boolean;
  readonly attempts?: number;
  readonly wakeAt: number | null;
}

/** Of what a {@link Ledger} is made. */
export interface LedgerOptions {
  readonly journal: Journal;
  readonly engine: SagaEngineOptions;
  readonly origin: SagaOrigin;
  readonly row: SagaRow;
  /** The number of the journal's last entry: there may be gaps before it. */
  readonly seq: number;
}

/** Writes for one run of a saga. */
export class Ledger {
  readonly row: SagaRow;
  readonly #journal: Journal;
  readonly #options: SagaEngineOptions;
  readonly #origin: SagaOrigin;
  readonly #lane: Lane;
  #seq: number;
  /** Whether the row in the table says that this run waits, so that a signal may have moved its moment since. */
  #saysWaiting = false;

  constructor(options: LedgerOptions) {
    this.row = options.row;
    this.#journal = options.journal;
    this.#options = options.engine;
    this.#origin = options.origin;
    this.#lane = new Lane(options.journal);
    this.#seq = options.seq;
  }

  /** How many writes would be lost now, if the power were. */
  get volatile(): number {
    return this.#lane.volatile;
  }

  /** Resolves when all but `volatileMax` of the writes until now are durable. */
  durable(volatileMax?: number): Promise<void> {
    return this.#lane.durable(volatileMax);
  }

  /** The parameters of a journal entry's statement. */
  entry(name: string, kind: EntryKind, status: EntryStatus, value: string | null): readonly SqlValue[] {
    this.#seq += 1;
    return [this.row.id, name, kind, status, value, this.#seq];
  }

  /** Queues a journal entry. */
  record(name: string, kind: EntryKind, status: EntryStatus, value: string | null): void {
    this.#lane.append({ sql: INSERT_ENTRY, parameters: this.entry(name, kind, status, value) });
  }

  /** Queues a change of the row. */
  store(change: RowChange): void {
    this.#lane.append(this.#update(change));
  }

  /** Changes the row in an open transaction. */
  async storeOn(connection: SqlConnection, change: RowChange): Promise<void> {
    const { sql, parameters } = this.#update(change);
    await connection.run(sql, parameters);
    this.#saysWaiting = change.status === "waiting";
  }

  /** A transaction of the service for a step, with what is still queued. */
  transact<T>(step: string, body: (tx: EventWriter<never>) => Promise<T>): Promise<T> {
    const origin = { ...this.#origin, key: `${this.row.id}/${step}` };
    const run = <R>(label: string, inner: (tx: EventWriter<never>) => Promise<R>): Promise<R> =>
      this.#options.transact(label, origin, inner);
    return this.#lane.commit(run, (tx) => tx.connection, "saga.local", body);
  }

  /** A transaction of the engine, with what is still queued. */
  write<T>(label: string, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#lane.commit(this.#journal.options.write, (connection) => connection, label, body);
  }

  #update(change: RowChange): Write {
    const { row } = this;
    row.status = change.status ?? row.status;
    row.step = change.step ?? null;
    row.attempts = change.attempts ?? 0;
    row.doubtful = change.doubtful === true ? 1 : 0;
    row.wake_at = change.wakeAt;
    row.updated_at = this.#options.clock.now();
    const head = [row.status, row.output, row.fault, row.step, row.attempts, row.doubtful];
    const tail = [row.updated_at, row.pivoted, row.id];
    return this.#saysWaiting && change.wakeAt !== null
      ? { sql: UPDATE_WAITING, parameters: [...head, row.wake_at, row.wake_at, ...tail] }
      : { sql: UPDATE_SAGA, parameters: [...head, row.wake_at, ...tail] };
  }
}
