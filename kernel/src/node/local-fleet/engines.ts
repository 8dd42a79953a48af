/**
 * The servers of a local fleet: PostgreSQL, NATS and Redis, each on a free port that it keeps, with its data in the
 * fleet's folder. Every service gets its own role, user and database; the gateways get theirs.
 *
 * Across a crash: what the servers acknowledged is in their folders. Roles, databases, users and streams are made again at
 * each start, which changes nothing where they are there.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { System } from "../../runtime/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";
import { findPostgres, findProgram, freePort, hasNats, startNats, startPostgres, startRedis } from "../engines/mod.ts";
import type { NatsServer, RunningPostgres, RunningRedis } from "../engines/mod.ts";
import { type Engine, type FleetEngines, type InstanceFile, ProgramMissing, replaceFile } from "../fleet/mod.ts";
import { heardBy } from "../fleet-host/mod.ts";
import { GATEWAY, OPERATOR, makeRegistryBucket, makeStreams, openNats, usersConfiguration } from "../nats/mod.ts";
import { provisionDatabases } from "../postgres/mod.ts";
import { passwordsOf } from "./passwords.ts";

/** What servers are started for. */
export interface LocalEnginesOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Connections that PostgreSQL takes: each process has up to eight per service. */
const CONNECTIONS_MAX = 400;
/** JetStream sets aside this much of the disk for each service's stream. */
const STREAM_BYTES_MAX = 64 * 1_024 ** 2;

interface Ports {
  readonly postgres: number;
  readonly nats: number;
  readonly redis: number;
}

/** The servers of a fleet over a folder. @throws {ProgramMissing} when one is not installed. */
export async function localEngines(options: LocalEnginesOptions): Promise<FleetEngines> {
  const folder = join(options.folder, "engines");
  if (findPostgres() === undefined) throw ProgramMissing.with({ program: "PostgreSQL", debianPackage: "postgresql" });
  if (!hasNats()) throw ProgramMissing.with({ program: "nats-server", debianPackage: "nats-server" });
  if (findProgram("redis-server") === undefined)
    throw ProgramMissing.with({ program: "redis-server", debianPackage: "redis-server" });
  makePassable([options.folder, folder]);
  const passwordOf = passwordsOf(folder);
  const ports = await portsOf(folder);
  const services = options.system.services.map(({ contract }) => contract.name);
  const parts = { ...options, folder, ports, passwordOf, services };
  return {
    all: [postgresEngine(parts), natsEngine(parts), redisEngine(parts)],
    describe: () => ({
      postgres: { host: "127.0.0.1", port: ports.postgres },
      nats: { servers: [`127.0.0.1:${ports.nats}`] },
      redis: { url: `redis://127.0.0.1:${ports.redis}` },
    }),
    credentialsOf: (placed, isGateway) => credentialsOf(passwordOf, placed, isGateway),
  };
}

interface Parts extends LocalEnginesOptions {
  readonly ports: Ports;
  readonly passwordOf: (party: string) => string;
  readonly services: readonly string[];
}

function credentialsOf(
  passwordOf: Parts["passwordOf"],
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
    redis: { user: "default", password: passwordOf("redis") },
  };
}

/**
 * PostgreSQL refuses to run as root, so as root it is run by a user of its own, who must get to its folder: may pass, that
 * is, and not look around. Every file on the way is readable by its owner only.
 */
function makePassable(folders: readonly string[]): void {
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) chmodSync(folder, 0o711);
  }
}

/** The ports of the last start where there was one: what is in use elsewhere is chosen anew. */
async function portsOf(folder: string): Promise<Ports> {
  const path = join(folder, "ports.json");
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as Ports;
  const [postgres, nats, redis] = [await freePort(), await freePort(), await freePort()];
  replaceFile(path, JSON.stringify({ postgres, nats, redis }));
  return { postgres, nats, redis };
}

function postgresEngine({ folder, ports, passwordOf, services }: Parts): Engine {
  let running: RunningPostgres | undefined;
  return {
    name: "postgres",
    address: `127.0.0.1:${ports.postgres}`,
    get isRunning() {
      return running?.program.isRunning ?? false;
    },
    get pid() {
      return running?.program.pid;
    },
    async start() {
      if (running === undefined) {
        running = await startPostgres({
          folder: join(folder, "postgres"),
          port: ports.postgres,
          password: passwordOf("postgres"),
          settings: { max_connections: CONNECTIONS_MAX },
        });
      } else await running.start();
      await provisionDatabases({ adminUrl: running.adminUrl, services, passwordOf });
    },
    stop: async () => running?.stop(),
    kill: () => void running?.stop("SIGKILL"),
  };
}

function natsEngine(parts: Parts): Engine {
  const { folder, ports, passwordOf, system } = parts;
  let running: NatsServer | undefined;
  const proofOf = (user: string) => ({ password: passwordOf(`nats/${user}`) });
  const configuration = usersConfiguration({
    operator: proofOf(OPERATOR),
    gateway: proofOf(GATEWAY),
    services: system.services.map((service) => {
      const { name } = service.contract;
      return { service: name, hears: heardBy(service), proof: proofOf(name) };
    }),
  });
  return {
    name: "nats",
    address: `127.0.0.1:${ports.nats}`,
    get isRunning() {
      return running?.isRunning ?? false;
    },
    get pid() {
      return running?.pid;
    },
    async start() {
      if (running === undefined)
        running = await startNats({ folder: join(folder, "nats"), port: ports.nats, configuration });
      else await running.start();
      await prepareStreams(parts);
    },
    stop: async () => running?.stop(),
    kill: () => void running?.stop("SIGKILL"),
  };
}

/** Makes what services may not make themselves. */
async function prepareStreams({ ports, clock, random, log, passwordOf, services }: Parts): Promise<void> {
  const link = openNats({
    servers: [`127.0.0.1:${ports.nats}`],
    name: OPERATOR,
    ...{ clock, random, log },
    credentials: { user: OPERATOR, password: passwordOf(`nats/${OPERATOR}`) },
  });
  try {
    await link.up();
    await makeStreams(link, services, { bytesMax: STREAM_BYTES_MAX });
    await makeRegistryBucket(link);
  } finally {
    await link.close();
  }
}

function redisEngine({ folder, ports, passwordOf }: Parts): Engine {
  let running: RunningRedis | undefined;
  return {
    name: "redis",
    address: `127.0.0.1:${ports.redis}`,
    get isRunning() {
      return running?.program.isRunning ?? false;
    },
    get pid() {
      return running?.program.pid;
    },
    async start() {
      if (running !== undefined) return running.restart();
      running = await startRedis({
        folder: join(folder, "redis"),
        port: ports.redis,
        password: passwordOf("redis"),
      });
    },
    stop: async () => running?.stop(),
    kill: () => void running?.kill(),
  };
}
