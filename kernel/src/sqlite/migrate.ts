/**
 * Applies migrations. Each step and the record that it was applied commit together, so a crash between steps leaves
 * a database that the next start continues from.
 */
import { createHash } from "node:crypto";
import { type Clock, isFault } from "../std/mod.ts";
import {
  type AppliedMigration,
  MigrationFailed,
  type MigrationSet,
  type MigrationState,
  type PendingMigration,
  pendingMigrations,
} from "../store/mod.ts";
import type { Session } from "./session.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS isomer_migrations (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (owner, name)
)`;

/** Applies what is missing of each set, in order, and names it: `owner/name`. */
export function migrate(options: {
  readonly database: string;
  readonly session: Session;
  readonly clock: Clock;
  readonly sets: readonly MigrationSet[];
}): readonly string[] {
  const { database, session } = options;
  inTransaction(session, () => session.script(TABLE));
  const names: string[] = [];
  for (const set of options.sets) {
    const applied = session.all("SELECT owner, name, checksum FROM isomer_migrations", []);
    const state: MigrationState = {
      database,
      dialect: "sqlite",
      set,
      applied: applied as unknown as AppliedMigration[],
      hash: sha256,
    };
    for (const step of pendingMigrations(state)) {
      apply(step, options);
      names.push(`${step.owner}/${step.name}`);
    }
  }
  return names;
}

function apply(step: PendingMigration, options: Parameters<typeof migrate>[0]): void {
  const { database, session, clock } = options;
  try {
    inTransaction(session, () => {
      refuseDeferred(step.sql);
      session.script(step.sql);
      session.run("INSERT INTO isomer_migrations (owner, name, checksum, applied_at) VALUES (?, ?, ?, ?)", [
        step.owner,
        step.name,
        step.checksum,
        clock.now(),
      ]);
    });
  } catch (error) {
    if (isFault(error)) throw error;
    const migration = `${step.owner}/${step.name}`;
    throw MigrationFailed.with({ database, migration, detail: String(error) }, { cause: error });
  }
}

/** A deferred constraint fails at the commit, and with it all writes of the group, whoever's they are. */
function refuseDeferred(sql: string): void {
  if (/\bINITIALLY\s+DEFERRED\b/i.test(sql)) throw new TypeError("Constraints must not be INITIALLY DEFERRED.");
}

function inTransaction(session: Session, body: () => void): void {
  session.control("BEGIN IMMEDIATE");
  try {
    body();
    if (!session.inTransaction) throw new TypeError("A migration must not end its transaction itself.");
    session.control("COMMIT");
  } finally {
    session.rollback();
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
