/**
 * Rows without the columns that a newer build has brought, before this one started or since. PostgreSQL says of each column
 * of a result which table's it is, and by which number: numbers are never given again.
 */
import type pg from "pg";
import { type Row, type SqlValue, rowMaker } from "../../store/mod.ts";

/** The columns of all tables and views. */
export const COLUMNS = `SELECT c.oid AS "table", a.attnum AS number, c.relname || '.' || a.attname AS name
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = CAST(quote_ident(current_schema()) AS regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND a.attnum > 0 AND NOT a.attisdropped`;

/** A column, as {@link COLUMNS} gives it. */
export interface Column {
  readonly table: number;
  readonly number: number;
  /** `table.column`. */
  readonly name: string;
}

/** What the statements of a build may see. Of tables and clusters that it was not told of, everything. */
export class KnownColumns {
  readonly #numbers = new Map<number, Set<number>>();
  #cluster = "";

  /** These, and of their tables no others. In another cluster, to which a copy was moved, other tables have these numbers. */
  learn(columns: readonly Column[], cluster: string): void {
    this.#cluster = cluster;
    this.#numbers.clear();
    for (const { table, number } of columns) {
      let numbers = this.#numbers.get(table);
      if (numbers === undefined) this.#numbers.set(table, (numbers = new Set()));
      numbers.add(number);
    }
  }

  /** The rows of a result that a cluster gave. */
  rowsOf({ fields, rows }: Pick<pg.QueryArrayResult<SqlValue[]>, "fields" | "rows">, cluster: string): Row[] {
    if (rows.length === 0) return [];
    const isOther = cluster !== this.#cluster;
    const makeRow = rowMaker(fields.map((field) => (isOther || this.#isKnown(field) ? field.name : undefined)));
    return rows.map((values) => makeRow(values));
  }

  #isKnown({ tableID, columnID }: pg.FieldDef): boolean {
    // What has no number of its own (`ctid`, a whole row) is no column that anybody brought.
    return columnID <= 0 || (this.#numbers.get(tableID)?.has(columnID) ?? true);
  }
}
