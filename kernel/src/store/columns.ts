/**
 * Which columns a build knows. A newer build adds columns while replicas of an older one still run, and the older one must
 * not hand on what it has no name for: its contracts and events would refuse it. So each migration is recorded with the
 * columns that it brought, and what came with migrations ahead of a build is left out of the rows that it reads.
 */
import type { MigrationSet } from "./database.ts";
import type { AppliedMigration } from "./migrations.ts";

/** A migration as the database remembers it, with the columns that it brought. */
export interface MigrationColumns extends Pick<AppliedMigration, "owner" | "name"> {
  /** What {@link columnsBrought} gave; null where it was applied before that was kept. */
  readonly columns: string | null;
}

/** What is kept of a migration: the columns, as `table.column`, that are there after it and were not before. */
export function columnsBrought(before: Iterable<string>, after: Iterable<string>): string {
  const were = new Set(before);
  return JSON.stringify([...after].filter((column) => !were.has(column)).toSorted());
}

/** The columns, as `table.column`, that came with migrations of these owners that sort after all that the sets have. */
export function columnsAhead(applied: readonly MigrationColumns[], sets: readonly MigrationSet[]): ReadonlySet<string> {
  return new Set(
    applied
      .filter(isAheadOf(sets))
      .flatMap(({ columns }) => (columns === null ? [] : (JSON.parse(columns) as string[]))),
  );
}

/** Tells whether a migration is a newer build's: of one of the owners, and after all that its set has. */
export function isAheadOf(
  sets: readonly MigrationSet[],
): (migration: Pick<AppliedMigration, "owner" | "name">) => boolean {
  const newest = new Map(
    sets.map(({ owner, migrations }) => [
      owner,
      migrations
        .map(({ name }) => name)
        .toSorted()
        .at(-1) ?? "",
    ]),
  );
  return ({ owner, name }) => name > (newest.get(owner) ?? name);
}
