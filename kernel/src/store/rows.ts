/**
 * Makes rows of the values that a driver gives. SQLite's own objects are dictionaries whose names it looks up anew for each
 * row: half of what a read by key costs, and slow to use. PostgreSQL's keep the last of two columns with one name, though that
 * may be the one to leave out. So they give lists, and code that is made once for each list of columns turns them into objects
 * of one shape.
 */
import type { Row, SqlValue } from "./database.ts";

/** Makes a row of its values, in the order of the columns. */
export type MakeRow = (values: readonly SqlValue[]) => Row;

/** Beyond this many shapes all are made anew: filters that vary must not fill the memory. */
const SHAPES_MAX = 1_000;

const shapes = new Map<string, MakeRow>();

/** The maker of rows with these columns; those without a name are left out. Of columns with one name the last counts. */
export function rowMaker(columns: readonly (string | undefined)[]): MakeRow {
  const name = JSON.stringify(columns);
  let make = shapes.get(name);
  if (make === undefined) {
    const members = columns.flatMap((column, index) =>
      column === undefined ? [] : [`${key(column)}: values[${index}]`],
    );
    // oxlint-disable-next-line typescript/no-implied-eval -- Made of names of columns, quoted; never of a value.
    make = new Function("values", `return { ${members.join(", ")} };`) as MakeRow;
    if (shapes.size >= SHAPES_MAX) shapes.clear();
    shapes.set(name, make);
  }
  return make;
}

/** A plain `"__proto__":` would be the prototype. */
function key(column: string): string {
  return column === "__proto__" ? '["__proto__"]' : JSON.stringify(column);
}
