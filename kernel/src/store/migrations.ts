/** Decides which migrations are to be applied: the part that all engines share. */
import type { Dialect, Migration, MigrationSet } from "./database.ts";
import { MigrationMismatch } from "./faults.ts";

/** A migration as the database remembers it. */
export interface AppliedMigration {
  readonly owner: string;
  readonly name: string;
  readonly checksum: string;
}

/** A migration that is still to be applied. */
export interface PendingMigration extends AppliedMigration {
  readonly sql: string;
}

/** What {@link pendingMigrations} compares. */
export interface MigrationState {
  readonly database: string;
  /** Which texts count. */
  readonly dialect: Dialect;
  readonly set: MigrationSet;
  /** What the database remembers, of any owner. */
  readonly applied: readonly AppliedMigration[];
  /** A collision-resistant hash of a text. */
  readonly hash: (text: string) => string;
}

/**
 * The migrations of a set that are missing, in order.
 * @throws {MigrationMismatch} when an applied one has another text or is gone, when a missing one sorts before an
 *   applied one (hosts that are ahead would have applied them in another order), or when two have one name.
 */
export function pendingMigrations(state: MigrationState): readonly PendingMigration[] {
  const { set, hash, dialect } = state;
  const wanted = set.migrations.map(({ name, sql }) => ({ name, sql: migrationText(sql, dialect) })).toSorted(byName);
  const applied = state.applied.filter(({ owner }) => owner === set.owner).toSorted(byName);
  const mismatch = (name: string, detail: string): Error =>
    MigrationMismatch.with({ database: state.database, migration: `${set.owner}/${name}`, detail });
  const checksums = new Map<string, string>();
  for (const { name, sql } of wanted) {
    if (checksums.has(name)) throw mismatch(name, "is there twice");
    checksums.set(name, hash(sql.replaceAll("\r\n", "\n")));
  }
  for (const { name, checksum } of applied) {
    const now = checksums.get(name);
    if (now === undefined) throw mismatch(name, "was applied, but is gone from the program");
    if (now !== checksum) throw mismatch(name, "has another text than when it was applied");
  }
  const done = new Set(applied.map(({ name }) => name));
  const last = applied.at(-1)?.name ?? "";
  return wanted
    .filter(({ name }) => !done.has(name))
    .map(({ name, sql }) => {
      if (name < last) throw mismatch(name, `is new, but sorts before ${last}, which was applied`);
      return { owner: set.owner, name, sql, checksum: checksums.get(name) ?? "" };
    });
}

/** The text of a migration for one engine. */
export function migrationText(sql: Migration["sql"], dialect: Dialect): string {
  return typeof sql === "string" ? sql : sql[dialect];
}

function byName(a: Pick<Migration, "name">, b: Pick<Migration, "name">): number {
  return a.name < b.name ? -1 : 1;
}
