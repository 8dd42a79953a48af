/** What the engines' errors mean to a service, told by code: their texts are in no standard. */

/** SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY and _ROWID (sqlite.org/rescode.html). */
const SQLITE_UNIQUE: ReadonlySet<unknown> = new Set([2067, 1555, 2579]);
/** `unique_violation` (PostgreSQL, appendix A). */
const POSTGRES_UNIQUE = "23505";

/**
 * Whether a statement failed because a unique key or primary key was there already. The transaction may go on after
 * it in SQLite, but not in PostgreSQL: to go on, prefer `ON CONFLICT DO NOTHING` and look at the number of rows.
 */
export function isUniqueViolation(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  return SQLITE_UNIQUE.has(errcode) || code === POSTGRES_UNIQUE;
}
