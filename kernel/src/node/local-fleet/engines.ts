/**
 * The servers of a local fleet: PostgreSQL, NATS and Redis, each on a free port that it keeps, with its data in the
 * fleet's folder. Every service gets its own role, user and database; the gateways get theirs.
 *
 * Across a crash: what the servers acknowledged is in their folders. Roles, databases, users and streams are made again at
 * each start, which changes nothing where they are there.
 */
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { System } from "../../runtime/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";
import { findPostgres, findProgram, hasNats } from "../engines/mod.ts";
import { type FleetEngines, FolderClosed, type InstanceFile, ProgramMissing } from "../fleet/mod.ts";
import { GATEWAY, rewindStream } from "../nats/mod.ts";
import { asNatsOperator, natsEngines } from "./nats-engines.ts";
import { passwordsOf } from "./passwords.ts";
import { portsOf } from "./ports.ts";
import { postgresEngines } from "./postgres-engines.ts";
import { redisEngine, redisLogins, redisMissing } from "./redis-engine.ts";

/** What servers are started for. */
export interface LocalEnginesOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** On how many servers NATS runs: 1 unless said. With 3, every event is kept by all of them, and one may be lost. */
  readonly natsServers?: 1 | 3;
  /** Whether PostgreSQL has a copy beside it, for queries that may be answered from a state that is a little old. */
  readonly postgresCopy?: boolean;
}

/** Its owner may do all, others get through to what they know the name of. */
const PASSABLE = 0o711;

/** The servers of a fleet over a folder. @throws {ProgramMissing} when one is not installed; {FolderClosed}. */
export async function localEngines(options: LocalEnginesOptions): Promise<FleetEngines> {
  const folder = join(resolve(options.folder), "engines");
  if (findPostgres() === undefined) throw ProgramMissing.with({ program: "PostgreSQL", debianPackage: "postgresql" });
  if (!hasNats()) throw ProgramMissing.with({ program: "nats-server", debianPackage: "nats-server" });
  if (findProgram("redis-server") === undefined) throw redisMissing();
  makePassable(folder);
  const passwordOf = passwordsOf(folder);
  // Made apart from the passwords: whoever has all that anybody signs in with can still seal nothing.
  const sealOf = passwordsOf(join(folder, "seals"));
  const ports = await portsOf(folder, options);
  const services = options.system.services.map(({ contract }) => contract.name);
  const parts = { ...options, folder, ports, passwordOf, services };
  return {
    all: [...postgresEngines(parts), ...natsEngines(parts), redisEngine(parts)],
    describe: () => ({
      postgres: { host: "127.0.0.1", port: ports.postgres },
      ...(ports.postgresCopy === undefined ? {} : { postgresCopy: { host: "127.0.0.1", port: ports.postgresCopy } }),
      nats: { servers: ports.nats.map((port) => `127.0.0.1:${port}`) },
      redis: { url: `redis://127.0.0.1:${ports.redis}` },
    }),
    credentialsOf: (placed, isGateway) => ({
      ...credentialsOf(passwordOf, placed, isGateway),
      redisUsers: redisLogins({ system: options.system, passwordOf, sealOf }, placed, isGateway),
    }),
    rewind: (service, position) => asNatsOperator(parts, (link) => rewindStream(link, service, position)),
  };
}

function credentialsOf(
  passwordOf: (party: string) => string,
  services: readonly string[],
  isGateway: boolean,
): InstanceFile["credentials"] {
  const databaseOf = (service: string) => {
    const database = `isomer_${service}`;
    const migration = { user: `${database}_owner`, password: passwordOf(`${database}_owner`) };
    return { user: database, password: passwordOf(database), database, migration };
  };
  const users = [...services, ...(isGateway ? [GATEWAY] : [])];
  return {
    postgres: Object.fromEntries(services.map((service) => [service, databaseOf(service)])),
    nats: Object.fromEntries(users.map((user) => [user, { user, password: passwordOf(`nats/${user}`) }])),
  };
}

/**
 * PostgreSQL refuses to run as root, so as root it is run by a user of its own, who must get to its folder: may pass, that
 * is, and not look around. Every file on the way is readable by its owner only. Folders that were there are left as they are.
 * @throws {FolderClosed} naming the one that lets nobody pass.
 */
function makePassable(folder: string): void {
  const isRoot = process.getuid?.() === 0;
  for (let at = dirname(dirname(folder)); isRoot; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) throw FolderClosed.with({ folder: at });
    if (at === dirname(at)) break;
  }
  mkdirSync(folder, { recursive: true, mode: isRoot ? PASSABLE : 0o700 });
  if (isRoot) for (const own of [dirname(folder), folder]) chmodSync(own, PASSABLE);
}
