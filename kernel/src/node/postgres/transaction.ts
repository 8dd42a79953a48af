/** An open transaction, as its body sees it. */
import { type Row, type SqlConnection, type SqlValue, TransactionOver } from "../../store/mod.ts";
import type { Connection } from "./connection.ts";
import type { KnownColumns } from "./known-columns.ts";

const NONE: readonly SqlValue[] = [];

/** How a transaction is begun, and what its errors mean. */
export interface TransactionParts {
  readonly connection: Connection;
  readonly columns: KnownColumns;
  readonly label: string;
  /** The words that begin it. */
  readonly begin: string;
  readonly translate: (error: unknown) => unknown;
}

/**
 * Carries a body's statements out until the transaction is over. It is begun together with the first statement, in one
 * round trip; a body without statements has none.
 */
export class PostgresTransaction implements SqlConnection {
  readonly dialect = "postgres";
  readonly #parts: TransactionParts;
  #begun: Promise<unknown> | undefined;
  #over = false;
  #failure: unknown;
  /** Statements that were not answered yet. */
  #open = 0;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** Whether a statement was sent. */
  get isBegun(): boolean {
    return this.#begun !== undefined;
  }

  /** What the first failing statement threw, as the driver threw it. PostgreSQL does nothing more in such a transaction. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether a statement is under way. */
  get isBusy(): boolean {
    return this.#open > 0;
  }

  /** Refuses all statements from here on. */
  end(): void {
    this.#over = true;
  }

  async all<R = Row>(sql: string, parameters: readonly SqlValue[] = NONE): Promise<R[]> {
    return (await this.#send(sql, parameters)).rows as R[];
  }

  async run(sql: string, parameters: readonly SqlValue[] = NONE): Promise<number> {
    return (await this.#send(sql, parameters)).count;
  }

  async #send(sql: string, parameters: readonly SqlValue[]) {
    const { connection, columns, label, begin, translate } = this.#parts;
    if (this.#over) throw TransactionOver.with({ label });
    this.#begun ??= connection.control(begin).catch((error: unknown) => this.#failed(error));
    this.#open += 1;
    try {
      return await connection.query(sql, parameters, columns);
    } catch (error) {
      this.#failed(error);
      throw translate(error);
    } finally {
      this.#open -= 1;
    }
  }

  #failed(error: unknown): void {
    this.#failure ??= error;
  }
}
