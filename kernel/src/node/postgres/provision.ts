/**
 * Makes the databases and roles of a system's services, for clusters that are ours to manage. Each service gets a database,
 * a role that owns its tables and changes them, and one for every day that only reads and writes rows. No other role
 * of the system can connect to it.
 */
import pg from "pg";
import { ProvisioningBlocked } from "../../store/mod.ts";
import { LOCK_CLASS } from "./migrate.ts";

const PROVISION_LOCK = 2;
/** `lock_not_available`: by `lock_timeout`. */
const LOCK_NOT_AVAILABLE = "55P03";
const LOCK_WAIT_MS = 30_000;
/** PostgreSQL silently cuts longer names off, and then two may be one. */
const NAME = /^[a-z][a-z0-9_-]{0,50}$/;

/** What {@link provisionDatabases} is to make. */
export interface Provisioning {
  /** As a role that may make databases and roles: CREATEDB and CREATEROLE are enough, on PostgreSQL 15 and later. */
  readonly adminUrl: string;
  readonly services: readonly string[];
  /** The password of a role, the same at each call; it is set anew each time. */
  readonly passwordOf: (role: string) => string;
  /** Goes before each name: two systems may share a cluster. `isomer_` unless said. */
  readonly prefix?: string;
  /**
   * Whether nobody else uses the server: then only superusers can connect to the databases `postgres` and `template1` from
   * now on. Otherwise every role of the server can, make temporary tables there, and hold locks that others wait for.
   */
  readonly ownsServer?: boolean;
  /** How long to wait for what another session holds, in milliseconds; 30,000 unless said. */
  readonly lockWaitMs?: number;
}

/** Where the databases of the services are. */
export interface ProvisionedDatabases {
  /** With the role that reads and writes. */
  urlOf(service: string): string;
  /** With the role that makes and changes tables. */
  migrationUrlOf(service: string): string;
}

/**
 * Makes what is missing. Doing it again, or twice at a time, does no harm.
 * @throws {ProvisioningBlocked} when another session holds what it needs for too long.
 */
export async function provisionDatabases(options: Provisioning): Promise<ProvisionedDatabases> {
  const { adminUrl, services, prefix = "isomer_", passwordOf, ownsServer = false, lockWaitMs } = options;
  for (const service of services) {
    if (!NAME.test(prefix + service)) throw new TypeError(`"${prefix}${service}" is no name for a database.`);
  }
  await asAdmin(
    adminUrl,
    async (admin) => {
      await admin.query(`SELECT pg_advisory_lock(${LOCK_CLASS}, ${PROVISION_LOCK})`);
      if (ownsServer) await closeShared(admin);
      for (const service of services) await makeDatabase(admin, prefix + service, passwordOf);
    },
    lockWaitMs,
  );
  for (const service of services) {
    await asAdmin(within(adminUrl, prefix + service), (admin) => grant(admin, prefix + service), lockWaitMs);
  }
  const urlOf = (service: string, role: string): string => {
    const url = new URL(within(adminUrl, prefix + service));
    url.username = role;
    url.password = encodeURIComponent(passwordOf(role));
    return url.href;
  };
  return {
    urlOf: (service) => urlOf(service, prefix + service),
    migrationUrlOf: (service) => urlOf(service, ownerOf(prefix + service)),
  };
}

/** Removes databases and roles with everything in them: for tests. */
export async function dropDatabases(options: Omit<Provisioning, "passwordOf">): Promise<void> {
  const { adminUrl, services, prefix = "isomer_" } = options;
  await asAdmin(adminUrl, async (admin) => {
    for (const service of services) {
      const name = prefix + service;
      await carryOut(admin, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name);
      await carryOut(admin, "DROP ROLE IF EXISTS %I, %I", name, ownerOf(name));
    }
  });
}

function ownerOf(database: string): string {
  return `${database}_owner`;
}

/** A role that may connect there may hold locks there, which others wait for. */
async function closeShared(admin: pg.Client): Promise<void> {
  const shared = "SELECT datname FROM pg_database WHERE datname IN ('postgres', 'template1')";
  for (const { datname } of (await admin.query<{ datname: string }>(shared)).rows) {
    await carryOut(admin, "REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC", datname);
  }
}

async function makeDatabase(admin: pg.Client, name: string, passwordOf: (role: string) => string): Promise<void> {
  const owner = ownerOf(name);
  for (const role of [owner, name]) await makeRole(admin, role, passwordOf(role));
  await joinOwner(admin, owner);
  const found = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
  // Texts sort by their bytes, as in SQLite; in a language's order, ranges over them would mean something else.
  const making = "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
  if (found.rowCount === 0) await carryOut(admin, making, name, owner);
  await carryOut(admin, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name);
  await carryOut(admin, "GRANT CONNECT ON DATABASE %I TO %I", name, name);
}

/** A role that may log in and nothing else, as new ones are. */
async function makeRole(admin: pg.Client, role: string, password: string): Promise<void> {
  const { rows } = await admin.query<{ may: boolean }>(
    `SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication AS may
     FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (rows.length === 0) await carryOut(admin, "CREATE ROLE %I", role);
  // Only superusers may so much as name what it may not: so it is done where there is something to take away.
  if (rows[0]?.may === true)
    await carryOut(admin, "ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION", role);
  await carryOut(admin, "ALTER ROLE %I LOGIN PASSWORD %L", role, password);
}

/** Who is no superuser may give a database to a role that it belongs to, and to no other. Who made a role may join it. */
async function joinOwner(admin: pg.Client, owner: string): Promise<void> {
  const { rows } = await admin.query<{ has: boolean }>("SELECT pg_has_role(current_user, $1, 'USAGE') AS has", [owner]);
  if (rows[0]?.has !== true) await carryOut(admin, "GRANT %I TO CURRENT_USER", owner);
}

async function grant(admin: pg.Client, role: string): Promise<void> {
  const owner = ownerOf(role);
  const mayUse = "ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT";
  await carryOut(admin, "REVOKE ALL ON SCHEMA public FROM PUBLIC");
  await carryOut(admin, "GRANT ALL ON SCHEMA public TO %I", owner);
  await carryOut(admin, "GRANT USAGE ON SCHEMA public TO %I", role);
  await carryOut(admin, `${mayUse} SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I`, owner, role);
  await carryOut(admin, `${mayUse} USAGE, SELECT ON SEQUENCES TO %I`, owner, role);
  for (const each of [role, owner]) await carryOut(admin, "ALTER ROLE %I SET search_path = public", each);
}

/** Carries out a command with names and texts in it, which the server itself quotes: they can be no parameters. */
async function carryOut(admin: pg.Client, command: string, ...names: readonly string[]): Promise<void> {
  const text = await admin.query<{ text: string }>("SELECT format($1, VARIADIC $2::text[]) AS text", [command, names]);
  await admin.query(text.rows[0]?.text ?? "");
}

async function asAdmin(
  url: string,
  action: (admin: pg.Client) => Promise<void>,
  waitMs: number = LOCK_WAIT_MS,
): Promise<void> {
  const admin = new pg.Client({ connectionString: url, application_name: "isomer provision" });
  admin.on("error", () => {});
  await admin.connect();
  try {
    await admin.query(`SET lock_timeout = ${Math.ceil(waitMs)}`);
    await action(admin);
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw ProvisioningBlocked.with({ by: await holderOf(admin), waitMs }, { cause: error });
  } finally {
    await admin.end();
  }
}

/** Who has the lock of provisioning, for people. */
async function holderOf(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ holder: string }>(
    `SELECT format('the process %s of the role %s', a.pid, a.usename) AS holder
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid() AND l.classid = $1 AND l.objid = $2
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [LOCK_CLASS, PROVISION_LOCK],
  );
  return rows[0]?.holder ?? "another session";
}

function within(url: string, database: string): string {
  const place = new URL(url);
  place.pathname = `/${database}`;
  return place.href;
}
