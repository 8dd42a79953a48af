/**
 * What the supervisor tells its processes: `fleet.json`, which all of them read and which holds no secret, and
 * `instances/<instance>.json`, which holds what one process signs in with. Both can be read by their owner only.
 *
 * A supervisor and its processes may be of different builds (`isomer roll --entry`): what a reader does not know it leaves out.
 *
 * Across a crash: the files are replaced as a whole, never written in place, so that a reader sees the old or the new.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Schema, type TypeOf, pruner, t, validator } from "../../schema/mod.ts";

const Port = t.integer({ minimum: 1, maximum: 65_535 });
const Endpoint = t.object({ host: t.text(), port: Port });

/** Names of DNS by which processes are found; `{service}` in it stands for the service. */
const Dns = t.object({
  /** Of a host with an address for each process, all on `port`; without a port, of SRV records. */
  name: t.text({ maxLength: 255, pattern: "\\{service\\}" }),
  port: t.optional(Port),
  /** Name servers, `address` or `address:port`; those of the machine unless said. */
  servers: t.optional(t.array(t.text({ maxLength: 100 }), { minItems: 1 })),
});

const FleetFileSchema = t.object({
  version: t.literal(1),
  /** The name of the system. */
  system: t.text(),
  trustDomain: t.text({ maxLength: 255 }),
  /** Where this fleet is, for balancing: processes of one zone prefer one another. One may be told another. */
  zone: t.text({ maxLength: 100 }),
  /** How processes find one another where something else than a supervisor runs them; by leases in NATS unless said. */
  dns: t.optional(Dns),
  /** The addresses of the gateways, the first first. */
  gateways: t.array(t.text()),
  engines: t.object({
    postgres: t.optional(Endpoint),
    /** A streaming copy of it, for queries that may be answered from a state that is a little old. */
    postgresCopy: t.optional(Endpoint),
    nats: t.optional(t.object({ servers: t.array(t.text()) })),
    redis: t.optional(t.object({ url: t.text() })),
  }),
});
const fleetFile = validator(FleetFileSchema, "fleet.json");

const Login = t.object({ user: t.text(), password: t.secret(t.text()) });
const DatabaseLogin = t.object({
  user: t.text(),
  password: t.secret(t.text()),
  database: t.text(),
  /** Who may make and change tables; the same unless said. */
  migration: t.optional(Login),
});
const RedisLogin = t.object({
  user: t.text(),
  password: t.secret(t.text()),
  /** With what names and seals are made, for what the workload shares; none for what it has nothing to do with. */
  secrets: t.object({
    answers: t.optional(t.secret(t.text())),
    revocations: t.optional(t.secret(t.text())),
    rates: t.optional(t.secret(t.text())),
  }),
});
const InstanceFileSchema = t.object({
  version: t.literal(1),
  instance: t.text(),
  group: t.text(),
  services: t.array(t.text()),
  /** The build that it runs, as the supervisor calls it. */
  label: t.text(),
  /** Where it is, when that is not the fleet's zone. */
  zone: t.optional(t.text({ maxLength: 100 })),
  /** Where its SVIDs and the trust bundle are; files there are replaced when they are renewed. */
  identityFolder: t.text(),
  /** Who writes them: a supervisor unless said. */
  identityFiles: t.optional(t.oneOf(["local", "secret", "spiffe-helper", "spire-agent"])),
  /** Where it may keep files of its own: the same for each process of the group's slot. */
  dataFolder: t.text(),
  gateway: t.optional(t.object({ host: t.text(), port: Port })),
  /** Where it takes calls of other processes: a free port of the loopback address unless said. */
  wire: t.optional(
    t.object({
      host: t.text({ maxLength: 255 }),
      port: t.optional(Port),
      /** Where others reach it, when that is not `host`; needed when it listens on all addresses, and leases name it. */
      address: t.optional(t.text({ maxLength: 255 })),
    }),
  ),
  credentials: t.object({
    /** By service. */
    postgres: t.optional(t.record(DatabaseLogin)),
    /** By service; the gateway's under `gateway`. */
    nats: t.optional(t.record(Login)),
    /** By service; the gateway's under `gateway`. Who has nothing to do in Redis has none. */
    redisUsers: t.optional(t.record(RedisLogin)),
    /** What supervisors told before there was a user for each: one login for everything. */
    redis: t.optional(Login),
  }),
  /** The system's own, such as keys that services share with providers. By service. */
  secrets: t.optional(t.record(t.record(t.secret(t.text())))),
});
const instanceFile = validator(InstanceFileSchema, "instance file");

/** What every process of a fleet may know. */
export type FleetFile = TypeOf<typeof FleetFileSchema>;
/** What one process may know. */
export type InstanceFile = TypeOf<typeof InstanceFileSchema>;
/** The schemas, for documents. */
export const FLEET_FILE_SCHEMAS: { readonly fleet: Schema; readonly instance: Schema } = {
  fleet: FleetFileSchema,
  instance: InstanceFileSchema,
};

/** Where things are in a fleet's folder. */
export const fleetPaths = {
  fleet: (folder: string): string => join(folder, "fleet.json"),
  instance: (folder: string, instance: string): string => join(folder, "instances", `${instance}.json`),
  identity: (folder: string, instance: string): string => join(folder, "instances", instance),
  /** The contract of a service in another language, beside its certificates. */
  contract: (folder: string, instance: string): string => join(folder, "instances", instance, "contract.json"),
  addresses: (folder: string): string => join(folder, "addresses.json"),
  data: (folder: string, group: string): string => join(folder, "groups", group),
  log: (folder: string, instance: string): string => join(folder, "logs", `${instance}.log`),
  pids: (folder: string): string => join(folder, "pids.json"),
  placement: (folder: string): string => join(folder, "placement.json"),
} as const;

/** Writes `fleet.json`. */
export function writeFleetFile(folder: string, file: FleetFile): void {
  replaceFile(fleetPaths.fleet(folder), JSON.stringify(fleetFile.parse(file), undefined, 2));
}

/** Reads `fleet.json`. @throws {Invalid} when it lacks what this build needs. */
export function readFleetFile(folder: string): FleetFile {
  return fleetFile.parse(pruner(FleetFileSchema)(JSON.parse(readFileSync(fleetPaths.fleet(folder), "utf8"))));
}

/** Writes the file of one process. */
export function writeInstanceFile(folder: string, file: InstanceFile): void {
  replaceFile(fleetPaths.instance(folder, file.instance), JSON.stringify(instanceFile.parse(file), undefined, 2));
}

/** Reads the file of one process. @throws {Invalid} when it lacks what this build needs. */
export function readInstanceFile(folder: string, instance: string): InstanceFile {
  const told: unknown = JSON.parse(readFileSync(fleetPaths.instance(folder, instance), "utf8"));
  return instanceFile.parse(pruner(InstanceFileSchema)(told));
}

/** Takes away what a process was told, after its end. */
export function removeInstanceFiles(folder: string, instance: string): void {
  rmSync(fleetPaths.instance(folder, instance), { force: true });
  rmSync(fleetPaths.identity(folder, instance), { recursive: true, force: true });
}

/** Replaces a file as a whole; only its owner can read it. */
export function replaceFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
