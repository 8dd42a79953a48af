/** One SQLite connection: prepares each statement once, and gives errors their meaning. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { type MakeRow, type Row, type SqlValue, rowMaker } from "../store/mod.ts";
import { translate } from "./errors.ts";

/** Beyond this many texts the oldest is dropped: filters that vary must not fill the memory. */
const STATEMENTS_MAX = 500;

/** These would end the transaction that bodies share with others, or change the connection under them. */
const REFUSED = /^\s*(?:begin|commit|end|rollback|savepoint|release|pragma|attach|detach|vacuum)\b/i;

/** A parameter as the limit of a query; see {@link withoutPeeking}. */
const LIMIT = /\blimit\s+\?/gi;

interface Prepared {
  readonly statement: StatementSync;
  /** Made after the first run: before it, a connection may not know yet that another changed the columns. */
  makeRow: MakeRow | undefined;
}

/** A connection with its prepared statements. */
export class Session {
  readonly #database: DatabaseSync;
  readonly #name: string;
  readonly #statements = new Map<string, Prepared>();
  readonly #controls = new Map<string, StatementSync>();
  #leftOut: ReadonlySet<string> = new Set();

  constructor(database: DatabaseSync, name: string) {
    this.#database = database;
    this.#name = name;
  }

  /** Whether a transaction is open. SQLite closes it by itself at some errors, such as a full disk. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** The rows of a body's statement. */
  all(sql: string, parameters: readonly SqlValue[]): Row[] {
    try {
      const prepared = this.#statements.get(sql) ?? this.#prepare(sql);
      const { statement } = prepared;
      const rows = statement.all(...bound(parameters)) as unknown[];
      const makeRow = (prepared.makeRow ??= rowMaker(this.#columnsOf(statement)));
      for (let index = 0; index < rows.length; index += 1) rows[index] = makeRow(rows[index] as SqlValue[]);
      return rows as Row[];
    } catch (error) {
      throw translate(error, this.#name);
    }
  }

  /** Carries a body's statement out and gives the number of rows that it changed. */
  run(sql: string, parameters: readonly SqlValue[]): number {
    try {
      const { statement } = this.#statements.get(sql) ?? this.#prepare(sql);
      return Number(statement.run(...bound(parameters)).changes);
    } catch (error) {
      throw translate(error, this.#name);
    }
  }

  /** Carries out one of our own words: `BEGIN`, `COMMIT`, … */
  control(sql: string): void {
    try {
      let statement = this.#controls.get(sql);
      if (statement === undefined) this.#controls.set(sql, (statement = this.#database.prepare(sql)));
      statement.run();
    } catch (error) {
      throw translate(error, this.#name);
    }
  }

  /** Ends the transaction without effect, if there is one still. */
  rollback(): void {
    if (this.#database.isTransaction) this.control("ROLLBACK");
  }

  /** Carries out a script, statement by statement: for migrations. */
  script(sql: string): void {
    this.forget();
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw translate(error, this.#name);
    }
  }

  /** Forgets its statements: tables have other columns now. */
  forget(): void {
    this.#statements.clear();
  }

  /** The columns, as `table.column`, that rows are without. */
  get leftOut(): ReadonlySet<string> {
    return this.#leftOut;
  }

  /** From now on leaves columns out of rows: those that a newer build has brought; see `columnsAhead`. */
  leaveOut(columns: ReadonlySet<string>): void {
    this.#leftOut = columns;
    this.forget();
  }

  /** Closes the connection. Closing twice does nothing. */
  close(): void {
    this.#statements.clear();
    this.#controls.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #columnsOf(statement: StatementSync): readonly (string | undefined)[] {
    return statement
      .columns()
      .map(({ table, column, name }) => (this.#leftOut.has(`${table}.${column}`) ? undefined : name));
  }

  #prepare(sql: string): Prepared {
    if (REFUSED.test(sql)) throw new TypeError(`Not inside a transaction: ${sql}`);
    const text = withoutPeeking(sql);
    const statement = this.#database.prepare(text);
    // SQLite prepares the first statement of a text and silently leaves the others out.
    if (text.slice(statement.sourceSQL.length).trim() !== "") {
      throw new TypeError(`One statement at a time: ${sql}`);
    }
    if (this.#statements.size >= STATEMENTS_MAX) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    statement.setReturnArrays(true);
    const prepared: Prepared = { statement, makeRow: undefined };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

/**
 * SQLite looks at the value of `LIMIT ?` while it plans, and so plans anew at each run, which costs as much as most
 * queries do; not so at an expression. Quoted texts are left as they are: they are every second part.
 */
function withoutPeeking(sql: string): string {
  const parts = sql.split("'");
  return parts.map((part, index) => (index % 2 === 0 ? part.replace(LIMIT, "LIMIT (0 + ?)") : part)).join("'");
}

/**
 * The values as the driver takes them. It binds every number as REAL, so that `? / 2` and `json_array(?)` would
 * differ from PostgreSQL; integers go as BigInt, which it binds as INTEGER.
 */
function bound(parameters: readonly SqlValue[]): readonly SQLInputValue[] {
  let values: SQLInputValue[] | undefined;
  for (let index = 0; index < parameters.length; index += 1) {
    const value = parameters[index];
    if (typeof value !== "number" || !Number.isInteger(value)) continue;
    values ??= parameters.slice();
    values[index] = integer(value);
  }
  return values ?? parameters;
}

function integer(value: number): bigint {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is beyond 2^53: it is not exact any more.`);
  return BigInt(value);
}
