/**
 * What the supervisor tells its processes: `fleet.json`, which all of them read and which holds no secret, and
 * `instances/<instance>.json`, which holds what one process signs in with. Both can be read by their owner only.
 *
 * Across a crash: the files are replaced as a whole, never written in place, so that a reader sees the old or the new.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Schema, type TypeOf, t, validator } from "../../schema/mod.ts";

const Port = t.integer({ minimum: 1, maximum: 65_535 });
const Endpoint = t.object({ host: t.text(), port: Port });

const FleetFileSchema = t.object({
  version: t.literal(1),
  /** The name of the system. */
  system: t.text(),
  trustDomain: t.text({ maxLength: 255 }),
  /** Where this fleet is, for balancing: processes of one zone prefer one another. */
  zone: t.text({ maxLength: 100 }),
  /** The addresses of the gateways, the first first. */
  gateways: t.array(t.text()),
  engines: t.object({
    postgres: t.optional(Endpoint),
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
const InstanceFileSchema = t.object({
  version: t.literal(1),
  instance: t.text(),
  group: t.text(),
  services: t.array(t.text()),
  /** The build that it runs, as the supervisor calls it. */
  label: t.text(),
  /** Where its SVIDs and the trust bundle are; files there are replaced when they are renewed. */
  identityFolder: t.text(),
  /** Where it may keep files of its own: the same for each process of the group's slot. */
  dataFolder: t.text(),
  gateway: t.optional(t.object({ host: t.text(), port: Port })),
  credentials: t.object({
    /** By service. */
    postgres: t.optional(t.record(DatabaseLogin)),
    /** By service; the gateway's under `gateway`. */
    nats: t.optional(t.record(Login)),
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
  data: (folder: string, group: string): string => join(folder, "groups", group),
  log: (folder: string, instance: string): string => join(folder, "logs", `${instance}.log`),
  pids: (folder: string): string => join(folder, "pids.json"),
  placement: (folder: string): string => join(folder, "placement.json"),
} as const;

/** Writes `fleet.json`. */
export function writeFleetFile(folder: string, file: FleetFile): void {
  replaceFile(fleetPaths.fleet(folder), JSON.stringify(fleetFile.parse(file), undefined, 2));
}

/** Reads `fleet.json`. @throws {Invalid} when another build wrote it in another form. */
export function readFleetFile(folder: string): FleetFile {
  return fleetFile.parse(JSON.parse(readFileSync(fleetPaths.fleet(folder), "utf8")));
}

/** Writes the file of one process. */
export function writeInstanceFile(folder: string, file: InstanceFile): void {
  replaceFile(fleetPaths.instance(folder, file.instance), JSON.stringify(instanceFile.parse(file), undefined, 2));
}

/** Reads the file of one process. @throws {Invalid} when another build wrote it in another form. */
export function readInstanceFile(folder: string, instance: string): InstanceFile {
  return instanceFile.parse(JSON.parse(readFileSync(fleetPaths.instance(folder, instance), "utf8")));
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
