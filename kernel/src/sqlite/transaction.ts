/** An open transaction, as its body sees it. */
import { type Row, type SqlConnection, type SqlValue, TransactionOver } from "../store/mod.ts";
import type { Session } from "./session.ts";

const NONE: readonly SqlValue[] = [];

/** Carries a body's statements out until the transaction is over. */
export class Transaction implements SqlConnection {
  readonly dialect = "sqlite";
  readonly #session: Session;
  readonly #label: string;
  #over = false;
  #lostBy: unknown;

  constructor(session: Session, label: string) {
    this.#session = session;
    this.#label = label;
  }

  /** The error at which SQLite rolled the transaction back by itself, if it did: the body may have caught it. */
  get lostBy(): unknown {
    return this.#lostBy;
  }

  /** Refuses all statements from here on. */
  end(): void {
    this.#over = true;
  }

  // Both are async although SQLite answers at once: errors must reject, and PostgreSQL will take its time.
  async all<R = Row>(sql: string, parameters: readonly SqlValue[] = NONE): Promise<R[]> {
    if (this.#over) throw TransactionOver.with({ label: this.#label });
    try {
      return this.#session.all(sql, parameters) as R[];
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async run(sql: string, parameters: readonly SqlValue[] = NONE): Promise<number> {
    if (this.#over) throw TransactionOver.with({ label: this.#label });
    try {
      return this.#session.run(sql, parameters);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): unknown {
    // Without a transaction the next statement would commit on its own.
    if (!this.#over && !this.#session.inTransaction) {
      this.#over = true;
      this.#lostBy = error;
    }
    return error;
  }
}
