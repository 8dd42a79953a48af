/** Pages of lists: by cursor, never by offset, so that a list that grows neither repeats nor skips a row. */
import { fault } from "@isomer/kernel/contract";
import { type Schema, t } from "@isomer/kernel/schema";

/** How many rows a page has unless the caller says. */
export const PAGE_LIMIT = 20;
/** The most rows that a page has. */
export const PAGE_LIMIT_MAX = 100;

/** The fields of an input that asks for a page: spread them into the input's properties. */
export const pageFields = {
  cursor: t.optional(t.text({ maxLength: 500, description: "Where to go on: `nextCursor` of the page before." })),
  limit: t.optional(t.integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, description: "Rows per page, 20 unless said." })),
};

/** The output of a list: some rows, and where to go on if there are more. */
export function pageOf<S extends Schema>(item: S) {
  return t.object({
    items: t.array(item, { maxItems: PAGE_LIMIT_MAX }),
    nextCursor: t.optional(t.text({ maxLength: 500, description: "Absent on the last page." })),
  });
}

/** The cursor is not one that this list gave out. Start again without it. */
export const BadCursor = fault("shop/bad-cursor", {
  kind: "invalid",
  data: t.object({}),
  message: () => "The cursor is not one that this list gave out. Leave it out to start from the first page.",
});

/** A value that a cursor can hold: those of the columns that a list is sorted by. */
export type CursorValue = string | number;

/** Makes a cursor from the sort values of the last row. Opaque to clients, not secret. */
export function encodeCursor(values: readonly CursorValue[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(values));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/**
 * The sort values of a cursor, of the types that the list sorts by.
 * @throws {BadCursor} when it has another form.
 */
export function decodeCursor<const K extends readonly ("string" | "number")[]>(
  cursor: string,
  types: K,
): { [I in keyof K]: K[I] extends "number" ? number : string } {
  const values = read(cursor);
  if (
    !Array.isArray(values) ||
    values.length !== types.length ||
    values.some((value, index) => typeof value !== types[index] || value !== value)
  ) {
    throw BadCursor.with({});
  }
  return values as { [I in keyof K]: K[I] extends "number" ? number : string };
}

function read(cursor: string): unknown {
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0))));
  } catch {
    return undefined;
  }
}

/**
 * A page from `limit + 1` rows: the row too many only says that there are more.
 * `cursorOf` gives the sort values of a row.
 */
export function pageFrom<R>(
  rows: readonly R[],
  limit: number,
  cursorOf: (row: R) => readonly CursorValue[],
): { items: R[]; nextCursor?: string } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, nextCursor: encodeCursor(cursorOf(last)) } : { items };
}
