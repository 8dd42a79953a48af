/** The databases of a shop, opened read-only beside it or after it: what the invariants are checked on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SqlConnection } from "@isomer/kernel/store";

/** Something that must not be so. `invariant` is its number in the reference on commerce, part (iii). */
export interface Violation {
  readonly invariant: number;
  readonly what: string;
  /** What it is about: an order, a payment, a variant. */
  readonly subject: string;
}

/** Statements are prepared once for each database: checks in simulation look again and again. */
const prepared = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

function statementOf(database: DatabaseSync, sql: string): StatementSync {
  const statements = prepared.get(database) ?? new Map<string, StatementSync>();
  prepared.set(database, statements);
  let statement = statements.get(sql);
  if (statement === undefined) statements.set(sql, (statement = database.prepare(sql)));
  return statement;
}

/** The databases of a shop, by service. */
export class ShopData implements Disposable {
  readonly #databases: ReadonlyMap<string, DatabaseSync>;

  constructor(databases: ReadonlyMap<string, DatabaseSync>) {
    this.#databases = databases;
  }

  get services(): readonly string[] {
    return [...this.#databases.keys()];
  }

  /** The rows of a statement; none when the service has no database here. */
  rows<R>(service: string, sql: string, ...parameters: SQLInputValue[]): R[] {
    const database = this.#databases.get(service);
    return database === undefined ? [] : (statementOf(database, sql).all(...parameters) as R[]);
  }

  /** The face of one database that services' own checks take. */
  connection(service: string): Pick<SqlConnection, "all"> {
    return {
      all: async <R>(sql: string, parameters: readonly unknown[] = []) =>
        this.rows<R>(service, sql, ...(parameters as SQLInputValue[])),
    };
  }

  /** Reads one moment of each database until the end: for checks while the shop runs. */
  hold(): void {
    for (const database of this.#databases.values()) {
      database.exec("BEGIN");
      database.prepare("SELECT 1 FROM sqlite_schema").all();
    }
  }

  [Symbol.dispose](): void {
    for (const database of this.#databases.values()) database.close();
  }
}

/** Opens the databases of the services that have one in the folder. */
export function openShopData(folder: string, services: readonly string[]): ShopData {
  const paths = services.map((service) => [service, join(folder, `${service}.sqlite`)] as const);
  return new ShopData(
    new Map(
      paths
        .filter(([, path]) => existsSync(path))
        .map(([service, path]) => [service, new DatabaseSync(path, { readOnly: true, timeout: 5_000 })]),
    ),
  );
}

/** Groups rows by a key. */
export function grouped<R>(rows: Iterable<R>, keyOf: (row: R) => string): ReadonlyMap<string, readonly R[]> {
  return Map.groupBy(rows, keyOf);
}

/** Adds amounts up by a key. */
export function summed<R>(
  rows: Iterable<R>,
  keyOf: (row: R) => string,
  amountOf: (row: R) => number,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(keyOf(row), (sums.get(keyOf(row)) ?? 0) + amountOf(row));
  return sums;
}
