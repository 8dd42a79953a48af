/** Brings a service's database to the schema of this build. */
import type { Logger } from "../std/mod.ts";
import { type Database, type MigrationSet, migrationsAhead } from "../store/mod.ts";

/** What {@link migrateService} is to do. */
export interface ServiceMigration {
  readonly service: string;
  readonly database: Database;
  readonly sets: readonly MigrationSet[];
  readonly log: Logger;
}

/**
 * Applies what is missing. Where a newer build was here before, this one goes on beside what that has added, and says so:
 * it does well while the newer schema has all that this build uses.
 * @throws {MigrationMismatch} when what was applied is not what this build has.
 */
export async function migrateService({ service, database, sets, log }: ServiceMigration): Promise<void> {
  await database.migrate(sets);
  const ahead = await migrationsAhead(database, sets);
  if (ahead.length === 0) return;
  log.warn(
    "A newer build has migrated this database. This build goes on, as long as the newer one has only added to it.",
    {
      service,
      ahead,
    },
  );
}
