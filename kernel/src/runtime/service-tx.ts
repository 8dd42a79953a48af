/** The transaction that handlers get: typed SQL, events, sagas, over one open connection. */
import type { DataOf, EventType } from "../contract/mod.ts";
import type { RecordedEvent, Recorder } from "../events/mod.ts";
import type { Saga, SagaEngine, SagaOrigin, SagaSignal } from "../saga/mod.ts";
import { type Compilable, type SqlConnection, type Statement, type Writer, writerOn } from "../store/mod.ts";
import type { Kysely } from "kysely";
import type { Tx } from "./context.ts";

/** What has to happen when the transaction has committed. */
export interface Aftermath {
  emitted: number;
  readonly sagas: Set<string>;
}

/** What a transaction is made of. */
export interface TxParts {
  readonly connection: SqlConnection;
  readonly recorder: Recorder;
  readonly engine: SagaEngine | undefined;
  readonly origin: SagaOrigin;
  readonly aftermath: Aftermath;
}

/** The transaction of a command, an event handler, a saga or a job. */
export class ServiceTx implements Tx<never> {
  readonly connection: SqlConnection;
  readonly #sql: Writer<never>;
  readonly #parts: TxParts;

  constructor(parts: TxParts) {
    this.#parts = parts;
    this.connection = parts.connection;
    this.#sql = writerOn<never>(parts.connection);
  }

  all<P, R>(statement: Statement<never, P, R>, parameters: P): Promise<R[]> {
    return this.#sql.all(statement, parameters);
  }

  first<P, R>(statement: Statement<never, P, R>, parameters: P): Promise<R | undefined> {
    return this.#sql.first(statement, parameters);
  }

  query<R>(build: (db: Kysely<never>) => Compilable<R>): Promise<R[]> {
    return this.#sql.query(build);
  }

  run<P>(statement: Statement<never, P, unknown>, parameters: P): Promise<number> {
    return this.#sql.run(statement, parameters);
  }

  change(build: (db: Kysely<never>) => Compilable<unknown>): Promise<number> {
    return this.#sql.change(build);
  }

  emit<E extends EventType>(event: E, data: DataOf<E>): Promise<RecordedEvent<DataOf<E>>> {
    this.#parts.aftermath.emitted += 1;
    return this.#parts.recorder.emit(event, data);
  }

  async start<I>(saga: Saga<I, unknown, never>, input: I, id: string): Promise<string> {
    await this.#engine(saga.name).start(this.connection, saga as Saga, input, id, this.#parts.origin);
    this.#parts.aftermath.sagas.add(id);
    return id;
  }

  async signal<P>(sagaId: string, signal: SagaSignal<P>, payload: P): Promise<void> {
    await this.#engine(signal.name).signal(this.connection, sagaId, signal, payload);
    this.#parts.aftermath.sagas.add(sagaId);
  }

  #engine(what: string): SagaEngine {
    if (this.#parts.engine === undefined) {
      throw new TypeError(`This service lists no sagas, so it cannot start or signal "${what}".`);
    }
    return this.#parts.engine;
  }
}
