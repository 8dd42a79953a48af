/**
 * Applies migrations. Each step and the record that it was applied commit together, so a crash between steps leaves
 * a database that the next start continues from.
 */
import { createHash } from "node:crypto";
import { type Clock, isFault } from "../std/mod.ts";
import {
  type AppliedMigration,
  type MigrationColumns,
  MigrationFailed,
  type MigrationSet,
  type MigrationState,
  type PendingMigration,
  columnsAhead,
  columnsBrought,
  pendingMigrations,
} from "../store/mod.ts";
import type { Session } from "./session.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS isomer_migrations (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  columns TEXT,
  PRIMARY KEY (owner, name)
)`;

const IS_NEW = "SELECT 1 FROM pragma_table_info('isomer_migrations') WHERE name = 'columns'";
const COLUMNS = `SELECT t.name || '.' || c.name AS "column" FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
  WHERE t.type = 'table'`;

/**
 * Applies what is missing of each set, in order, and names it: `owner/name`. From then on the session leaves columns out
 * that a newer build has brought.
 */
export function migrate(options: {
  readonly database: string;
  readonly session: Session;
  readonly clock: Clock;
  readonly sets: readonly MigrationSet[];
}): readonly string[] {
  const { database, session } = options;
  inTransaction(session, () => session.script(TABLE));
  if (session.all(IS_NEW, []).length === 0)
    inTransaction(session, () => session.script("ALTER TABLE isomer_migrations ADD COLUMN columns TEXT"));
  const names: string[] = [];
  let columns: readonly string[] | undefined;
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
      columns = apply(step, columns ?? columnsOf(session), options);
      names.push(`${step.owner}/${step.name}`);
    }
  }
  const remembered = session.all("SELECT owner, name, columns FROM isomer_migrations", []);
  session.leaveOut(columnsAhead(remembered as unknown as MigrationColumns[], options.sets));
  return names;
}

/** Applies a step, with the columns that were there before it; returns those that are there now. */
function apply(
  step: PendingMigration,
  before: readonly string[],
  { database, session, clock }: Parameters<typeof migrate>[0],
): readonly string[] {
  try {
    return inTransaction(session, () => {
      refuseDeferred(step.sql);
      session.script(step.sql);
      const after = columnsOf(session);
      session.run("INSERT INTO isomer_migrations (owner, name, checksum, applied_at, columns) VALUES (?, ?, ?, ?, ?)", [
        step.owner,
        step.name,
        step.checksum,
        clock.now(),
        columnsBrought(before, after),
      ]);
      return after;
    });
  } catch (error) {
    if (isFault(error)) throw error;
    const migration = `${step.owner}/${step.name}`;
    throw MigrationFailed.with({ database, migration, detail: String(error) }, { cause: error });
  }
}

function columnsOf(session: Session): readonly string[] {
  return session.all(COLUMNS, []).map(({ column }) => String(column));
}

/** A deferred constraint fails at the commit, and with it all writes of the group, whoever's they are. */
function refuseDeferred(sql: string): void {
  if (/\bINITIALLY\s+DEFERRED\b/i.test(sql)) throw new TypeError("Constraints must not be INITIALLY DEFERRED.");
}

function inTransaction<T>(session: Session, body: () => T): T {
  session.control("BEGIN IMMEDIATE");
  try {
    const result = body();
    if (!session.inTransaction) throw new TypeError("A migration must not end its transaction itself.");
    session.control("COMMIT");
    return result;
  } finally {
    session.rollback();
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
