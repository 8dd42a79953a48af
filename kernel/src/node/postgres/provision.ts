/**
 * Makes the databases and roles of a system's services, for clusters that are ours to manage. Each service gets a database,
 * a role that owns its tables and changes them, and one for every day that only reads and writes rows. No other role
 * of the system can connect to it.
 */
import pg from "pg";
import { LOCK_CLASS } from "./migrate.ts";

const PROVISION_LOCK = 2;
/** PostgreSQL silently cuts longer names off, and then two may be one. */
const NAME = /^[a-z][a-z0-9_-]{0,50}$/;

/** What {@link provisionDatabases} is to make. */
export interface Provisioning {
  /** As a role that may make databases and roles. */
  readonly adminUrl: string;
  readonly services: readonly string[];
  /** The password of a role, the same at each call; it is set anew each time. */
  readonly passwordOf: (role: string) => string;
  /** Goes before each name: two systems may share a cluster. `isomer_` unless said. */
  readonly prefix?: string;
}

/** Where the databases of the services are. */
export interface ProvisionedDatabases {
  /** With the role that reads and writes. */
  urlOf(service: string): string;
  /** With the role that makes and changes tables. */
  migrationUrlOf(service: string): string;
}

/** Makes what is missing. Doing it again, or twice at a time, does no harm. */
export async function provisionDatabases(options: Provisioning): Promise<ProvisionedDatabases> {
  const { adminUrl, services, prefix = "isomer_", passwordOf } = options;
  for (const service of services) {
    if (!NAME.test(prefix + service)) throw new TypeError(`"${prefix}${service}" is no name for a database.`);
  }
  await asAdmin(adminUrl, async (admin) => {
    await admin.query(`SELECT pg_advisory_lock(${LOCK_CLASS}, ${PROVISION_LOCK})`);
    for (const service of services) await makeDatabase(admin, prefix + service, passwordOf);
  });
  for (const service of services) {
    await asAdmin(within(adminUrl, prefix + service), (admin) => grant(admin, prefix + service));
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

async function makeDatabase(admin: pg.Client, name: string, passwordOf: (role: string) => string): Promise<void> {
  const owner = ownerOf(name);
  for (const role of [owner, name]) {
    const found = await admin.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
    await carryOut(admin, found.rowCount === 0 ? "CREATE ROLE %I" : "ALTER ROLE %I", role);
    const login = "ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %L";
    await carryOut(admin, login, role, passwordOf(role));
  }
  const found = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
  // Texts sort by their bytes, as in SQLite; in a language's order, ranges over them would mean something else.
  const making = "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
  if (found.rowCount === 0) await carryOut(admin, making, name, owner);
  await carryOut(admin, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name);
  await carryOut(admin, "GRANT CONNECT ON DATABASE %I TO %I", name, name);
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

async function asAdmin(url: string, action: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: url, application_name: "isomer provision" });
  admin.on("error", () => {});
  await admin.connect();
  try {
    await action(admin);
  } finally {
    await admin.end();
  }
}

function within(url: string, database: string): string {
  const place = new URL(url);
  place.pathname = `/${database}`;
  return place.href;
}
