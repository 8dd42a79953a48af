/**
 * Decides which migrations are to be applied: the part that all engines share.
 *
 * A build may meet a database that a newer one has migrated: a replica that starts again while a roll is half done, or
 * after one that failed; on SQLite, a build that was put back. What the newer one applied comes after everything this one
 * knows, and as long as it only added to the schema both can live with it. To refuse would turn a roll that failed into
 * an outage. So it is let be; {@link migrationsAhead} says what it is, for the warning.
 */
import { isAheadOf } from "./columns.ts";
import type { Database, Dialect, Migration, MigrationSet } from "./database.ts";
import { MigrationMismatch } from "./faults.ts";

const APPLIED = "SELECT owner, name FROM isomer_migrations ORDER BY owner, name";

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
 * The migrations of a set that are missing, in order. Applied ones that sort after all of the set are a newer build's.
 * @throws {MigrationMismatch} when an applied one has another text or is gone from between others, when a missing one
 *   sorts before an applied one (hosts that are ahead would have applied them in another order), or when two have one
 *   name.
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
  const newest = wanted.at(-1)?.name ?? "";
  for (const { name, checksum } of applied) {
    if (name > newest) continue;
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

/**
 * What a newer build has applied, as `owner/name`: migrations of the owners of these sets that sort after all that the sets
 * have. Asked after {@link Database.migrate}.
 */
export async function migrationsAhead(database: Database, sets: readonly MigrationSet[]): Promise<readonly string[]> {
  const applied = await database.read({ label: `${database.name}.migrations` }, (connection) =>
    connection.all<Pick<AppliedMigration, "owner" | "name">>(APPLIED),
  );
  return applied.filter(isAheadOf(sets)).map(({ owner, name }) => `${owner}/${name}`);
}

/** The text of a migration for one engine. */
export function migrationText(sql: Migration["sql"], dialect: Dialect): string {
  return typeof sql === "string" ? sql : sql[dialect];
}

function byName(a: Pick<Migration, "name">, b: Pick<Migration, "name">): number {
  return a.name < b.name ? -1 : 1;
}
