/**
 * Where the shop in one process keeps what it knows, when not in files: in PostgreSQL, if the environment says so. What
 * is needed for that is loaded only then.
 */
import { join } from "node:path";
import { systemClock, systemRandom } from "@isomer/kernel/node";
import { isFault } from "@isomer/kernel/std";
import type { Storage } from "@isomer/kernel/store";
import { shop } from "../system.ts";
import { BadSetting } from "./faults.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type UrlOf = (service: string) => string;

/**
 * The databases that the environment names: `DATABASE_URL_ORDERS` (and `MIGRATION_URL_ORDERS`) for a service whose database is
 * there, and `DATABASE_URL` as a role that may make the others. Undefined when it names none: files then.
 * @throws when it names some and not all, or they cannot be made.
 */
export async function databasesOf(
  dataFolder: string,
  environment: Environment = process.env,
): Promise<Storage | undefined> {
  const services = shop.services.map(({ contract }) => contract.name);
  const given = (name: string): string | undefined => environment[name] || undefined;
  const own = (kind: string, service: string): string | undefined => given(`${kind}_${service.toUpperCase()}`);
  const adminUrl = given("DATABASE_URL");
  const others = services.filter((service) => own("DATABASE_URL", service) === undefined);
  if (adminUrl === undefined && others.length === services.length) return undefined;
  const made = others.length === 0 ? undefined : await provisioned(dataFolder, adminUrl, others);
  const { postgresStorage } = await import("@isomer/kernel/node/postgres");
  const urlOf: UrlOf = (service) => own("DATABASE_URL", service) ?? made?.urlOf(service) ?? "";
  const copyUrl = given("DATABASE_COPY_URL");
  return postgresStorage({
    urlOf,
    migrationUrlOf: (service) =>
      own("MIGRATION_URL", service) ?? own("DATABASE_URL", service) ?? made?.migrationUrlOf(service) ?? "",
    ...(copyUrl === undefined ? {} : { replicaUrlOf: (service) => at(copyUrl, urlOf(service)) }),
    clock: systemClock(),
    random: systemRandom(),
  });
}

async function provisioned(dataFolder: string, adminUrl: string | undefined, services: readonly string[]) {
  if (adminUrl === undefined) {
    const names = services.map((service) => `DATABASE_URL_${service.toUpperCase()}`).join(", ");
    const detail = `Some databases are given and others are not. Set ${names}; or DATABASE_URL, to have them made.`;
    throw BadSetting.with({ detail });
  }
  const [{ provisionDatabases }, { passwordsOf }] = await Promise.all([
    import("@isomer/kernel/node/postgres"),
    import("@isomer/kernel/node/local-fleet"),
  ]);
  if (!/^postgres(?:ql)?:\/\//.test(adminUrl))
    throw BadSetting.with({
      detail: "DATABASE_URL is no address of PostgreSQL: postgres://user:password@host:5432/postgres",
    });
  const passwordOf = passwordsOf(join(dataFolder, "postgres"));
  try {
    return await provisionDatabases({ adminUrl, services, passwordOf });
  } catch (cause) {
    if (isFault(cause) || !(cause instanceof Error)) throw cause;
    const detail = `The databases cannot be made where DATABASE_URL says: ${cause.message}`;
    throw BadSetting.with({ detail }, { cause });
  }
}

/** The same database and role on another server. */
function at(server: string, database: string): string {
  const url = new URL(database);
  const { hostname, port } = new URL(server);
  url.hostname = hostname;
  url.port = port;
  return url.href;
}
