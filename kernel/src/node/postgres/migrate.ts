/**
 * Applies migrations, once, however many replicas start together: whoever has the lock does it, the others wait and find
 * it done. Each step and the record that it was applied commit together. Whoever stands still with the lock loses it.
 */
import { createHash } from "node:crypto";
import { type Clock, isFault } from "../../std/mod.ts";
import {
  type AppliedMigration,
  type MigrationColumns,
  MigrationFailed,
  type MigrationSet,
  type PendingMigration,
  columnsAhead,
  columnsBrought,
  pendingMigrations,
} from "../../store/mod.ts";
import { Connection } from "./connection.ts";
import { translate } from "./errors.ts";
import { COLUMNS, type Column } from "./known-columns.ts";
import { Texts } from "./texts.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS isomer_migrations (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  columns TEXT,
  PRIMARY KEY (owner, name)
)`;
const HAS_COLUMNS =
  "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('isomer_migrations') AND attname = 'columns'";

// Default privileges give the role of every day its rights on each new table. This one is only read by it.
const ONLY_OWNER_WRITES = `DO $$
DECLARE grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid = 'isomer_migrations'::regclass AND a.grantee <> c.relowner AND pg_has_role(c.relowner, 'USAGE')
      AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
  LOOP
    EXECUTE 'REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON isomer_migrations FROM ' || grantee;
  END LOOP;
END $$`;

/** "isom", the first key of the kernel's advisory locks; the second says which. */
export const LOCK_CLASS = 0x69736f6d;
const MIGRATION_LOCK = 1;
/** A step that waits longer for a table would make everybody else wait behind it. */
const LOCK_WAIT = "SET lock_timeout = '5s'";
/** How long a replica may stand still while it migrates, in milliseconds: all others wait for it meanwhile. */
const STILL_MS = 30_000;

/** What {@link migrate} is to do. */
export interface Migrating {
  readonly database: string;
  /** With the role that owns the tables. */
  readonly url: string;
  readonly clock: Clock;
  readonly sets: readonly MigrationSet[];
  /** How long this may stand still before the server ends it, and another does it; 30,000 unless said. */
  readonly stillMs?: number;
}

/** What {@link migrate} has done. */
export interface Migrated {
  /** What was applied, as `owner/name`. */
  readonly applied: readonly string[];
  /** The columns that the sets know: without those that a newer build has brought. */
  readonly columns: readonly Column[];
  /** Which cluster that is; see `Connection`. */
  readonly cluster: string;
}

/** Applies what is missing of each set, in order. */
export async function migrate(options: Migrating): Promise<Migrated> {
  const { database, url, stillMs = STILL_MS } = options;
  const occasion = { database, label: `${database}.migrate`, queuedMax: 0 };
  let connection: Connection | undefined;
  try {
    const applicationName = `isomer ${database} migrate`;
    connection = await Connection.open({ url, applicationName, longestMs: 0, texts: new Texts() });
    // A process that was paused, or whose machine is gone, would keep its session, and the lock, for hours.
    await connection.control(
      `SET idle_session_timeout = ${stillMs}; SET idle_in_transaction_session_timeout = ${stillMs}`,
    );
    // Held until this session ends, whatever ends it.
    await connection.control(`SELECT pg_advisory_lock(${LOCK_CLASS}, ${MIGRATION_LOCK})`);
    await connection.control(LOCK_WAIT);
    // A role that may make no tables is enough where all was done before.
    const { rows } = await connection.query("SELECT to_regclass('isomer_migrations') IS NULL AS missing", []);
    if (rows[0]?.["missing"] === 1) await connection.control(TABLE);
    await connection.control(ONLY_OWNER_WRITES);
    const applied = await applyAll(connection, options);
    const columns = await knownColumns(connection, options.sets);
    return { applied, columns, cluster: connection.cluster };
  } catch (error) {
    throw translate(error, occasion);
  } finally {
    await connection?.close();
  }
}

async function columnsOf(connection: Connection): Promise<readonly Column[]> {
  return (await connection.query(COLUMNS, [])).rows as unknown as Column[];
}

async function knownColumns(connection: Connection, sets: readonly MigrationSet[]): Promise<readonly Column[]> {
  const columns = await columnsOf(connection);
  if (!(await recordsColumns(connection))) return columns;
  const { rows } = await connection.query("SELECT owner, name, columns FROM isomer_migrations", []);
  const ahead = columnsAhead(rows as unknown as MigrationColumns[], sets);
  return columns.filter(({ name }) => !ahead.has(name));
}

/** Whether its table of migrations is one that has their columns. It gets them with the first step that is applied. */
async function recordsColumns(connection: Connection): Promise<boolean> {
  return (await connection.query(HAS_COLUMNS, [])).rows.length > 0;
}

async function applyAll(connection: Connection, { database, clock, sets }: Migrating): Promise<readonly string[]> {
  const names: string[] = [];
  for (const set of sets) {
    const { rows } = await connection.query("SELECT owner, name, checksum FROM isomer_migrations", []);
    const applied = rows as unknown as AppliedMigration[];
    const steps = pendingMigrations({ database, dialect: "postgres", set, applied, hash: sha256 });
    if (steps.length > 0 && !(await recordsColumns(connection)))
      await connection.control("ALTER TABLE isomer_migrations ADD COLUMN columns TEXT");
    for (const step of steps) {
      await apply(step, { connection, database, clock });
      names.push(`${step.owner}/${step.name}`);
    }
  }
  return names;
}

async function apply(
  step: PendingMigration,
  { connection, database, clock }: Pick<Migrating, "database" | "clock"> & { readonly connection: Connection },
): Promise<void> {
  try {
    await connection.control("BEGIN");
    const before = await columnsOf(connection);
    await connection.control(step.sql);
    if (!connection.inTransaction) throw new TypeError("A migration must not end its transaction itself.");
    const names = (columns: readonly Column[]): string[] => columns.map(({ name }) => name);
    await connection.query(
      "INSERT INTO isomer_migrations (owner, name, checksum, applied_at, columns) VALUES (?, ?, ?, ?, ?)",
      [
        step.owner,
        step.name,
        step.checksum,
        clock.now(),
        columnsBrought(names(before), names(await columnsOf(connection))),
      ],
    );
    await connection.control("COMMIT");
  } catch (error) {
    await connection.control("ROLLBACK").catch(() => {});
    if (isFault(error)) throw error;
    const migration = `${step.owner}/${step.name}`;
    throw MigrationFailed.with({ database, migration, detail: String(error) }, { cause: error });
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
