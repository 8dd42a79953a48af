/**
 * Rows without the columns that a newer build has brought, before this one started or since. PostgreSQL says of each column
 * of a result which table's it is, and by which number: numbers are never given again.
 */
import type pg from "pg";
import type { Row } from "../../store/mod.ts";

/** The columns of all tables. */
export const COLUMNS = `SELECT c.oid AS "table", a.attnum AS number, c.relname || '.' || a.attname AS name
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = CAST(quote_ident(current_schema()) AS regnamespace) AND c.relkind IN ('r', 'p')
    AND a.attnum > 0 AND NOT a.attisdropped`;

/** A column, as {@link COLUMNS} gives it. */
export interface Column {
  readonly table: number;
  readonly number: number;
  /** `table.column`. */
  readonly name: string;
}

/** What the statements of a build may see. Of tables that it was not told of, everything. */
export class KnownColumns {
  readonly #numbers = new Map<number, Set<number>>();

  /** These, and of their tables no others. */
  learn(columns: readonly Column[]): void {
    this.#numbers.clear();
    for (const { table, number } of columns) {
      let numbers = this.#numbers.get(table);
      if (numbers === undefined) this.#numbers.set(table, (numbers = new Set()));
      numbers.add(number);
    }
  }

  /**
   * The rows of a result. Where a column that is left out has the name of one that is not, the driver has kept the last one's
   * value: put `*` first.
   */
  rowsOf({ fields, rows }: Pick<pg.QueryResult<Row>, "fields" | "rows">): Row[] {
    if (fields.every((field) => this.#isKnown(field))) return rows;
    const names = fields.filter((field) => this.#isKnown(field)).map(({ name }) => name);
    return rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null])));
  }

  #isKnown({ tableID, columnID }: pg.FieldDef): boolean {
    return this.#numbers.get(tableID)?.has(columnID) ?? true;
  }
}
