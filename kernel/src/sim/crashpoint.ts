/** Where a process dies in the middle of a transaction. */
import type { Session, Transaction } from "../sqlite/mod.ts";
import type { SqlConnection, SqlValue } from "../store/mod.ts";
import type { Faults } from "./faults.ts";
import type { Incarnation } from "./machine.ts";

/** Statements among which the fatal one is drawn: later ones of longer transactions are not reached by this fault. */
const STATEMENTS = 8;

/** Before or after which statement of one transaction the process dies. */
export class Crashpoint {
  readonly #at: number;
  readonly #isAfter: boolean;
  readonly #crash: (why: string) => void;
  readonly #occasion: string;
  #statements = 0;

  private constructor(options: { at: number; isAfter: boolean; occasion: string; crash: (why: string) => void }) {
    this.#at = options.at;
    this.#isAfter = options.isAfter;
    this.#occasion = options.occasion;
    this.#crash = options.crash;
  }

  /** The point at which this transaction is fatal, if it is. */
  static of(faults: Faults, occasion: string, crash: (why: string) => void): Crashpoint | undefined {
    const isBefore = faults.strikes("crash before statement", occasion);
    const isAfter = !isBefore && faults.strikes("crash after statement", occasion);
    if (!isBefore && !isAfter) return undefined;
    const at = 1 + Math.floor(faults.amount("statement", occasion) ** 2 * STATEMENTS);
    return new Crashpoint({ at, isAfter, occasion, crash });
  }

  before(): void {
    this.#statements += 1;
    if (!this.#isAfter && this.#statements === this.#at)
      this.#crash(`before statement ${this.#at} of ${this.#occasion}`);
  }

  after(): void {
    if (this.#isAfter && this.#statements === this.#at) this.#crash(`after statement ${this.#at} of ${this.#occasion}`);
  }
}

/** A connection of a process that may die at any statement. What a dead one asks for never comes. */
export class FaultyConnection implements SqlConnection {
  readonly #connection: SqlConnection;
  readonly #incarnation: Incarnation;
  readonly #point: Crashpoint | undefined;

  constructor(connection: SqlConnection, incarnation: Incarnation, point: Crashpoint | undefined) {
    this.#connection = connection;
    this.#incarnation = incarnation;
    this.#point = point;
  }

  get dialect(): SqlConnection["dialect"] {
    return this.#connection.dialect;
  }

  all<R>(sql: string, parameters?: readonly SqlValue[]): Promise<R[]> {
    return this.#carryOut(() => this.#connection.all<R>(sql, parameters));
  }

  run(sql: string, parameters?: readonly SqlValue[]): Promise<number> {
    return this.#carryOut(() => this.#connection.run(sql, parameters));
  }

  #carryOut<T>(statement: () => Promise<T>): Promise<T> {
    this.#point?.before();
    if (!this.#incarnation.alive) return new Promise(() => {});
    const result = statement();
    this.#point?.after();
    if (this.#incarnation.alive) return result;
    // Nobody hears of its failure either.
    result.catch(() => {});
    return new Promise(() => {});
  }
}

const SELECT = /^\s*select\b/i;

/** A connection that may only read. Writers and readers take turns, so that each read sees one committed state. */
export class ReadingConnection implements SqlConnection {
  readonly dialect = "sqlite";
  readonly #transaction: Transaction;
  readonly #session: Session;

  constructor(transaction: Transaction, session: Session) {
    this.#transaction = transaction;
    this.#session = session;
  }

  all<R>(sql: string, parameters?: readonly SqlValue[]): Promise<R[]> {
    // What begins with SELECT writes nothing; a WITH may.
    if (SELECT.test(sql)) return this.#transaction.all<R>(sql, parameters);
    return this.#guarded(() => this.#transaction.all<R>(sql, parameters));
  }

  run(sql: string, parameters?: readonly SqlValue[]): Promise<number> {
    return this.#guarded(() => this.#transaction.run(sql, parameters));
  }

  #guarded<T>(statement: () => Promise<T>): Promise<T> {
    this.#session.control("PRAGMA query_only = ON");
    try {
      return statement();
    } finally {
      this.#session.control("PRAGMA query_only = OFF");
    }
  }
}
