/**
 * Runs one process of a fleet: the services that are placed in it, or a gateway. What it needs to know stands in the
 * fleet's folder; nothing of it is kept in memory over a restart, and nothing that was acknowledged is in memory only.
 */
import { parseArgs } from "node:util";
import { MemoryRevocations } from "../../guard/mod.ts";
import { Metrics, Tracer } from "../../observe/mod.ts";
import { Draining, Host, askOperator, operator } from "../../runtime/mod.ts";
import type { Logger } from "../../std/mod.ts";
import {
  BadCommand,
  type FleetFile,
  type InstanceFile,
  fleetPaths,
  readFleetFile,
  readInstanceFile,
} from "../fleet/mod.ts";
import { gatewayOf } from "../gateway-of.ts";
import { type Listening, listen } from "../http/mod.ts";
import { jsonLogger } from "../logger.ts";
import type { SharedByRedis } from "../redis/mod.ts";
import { OtlpExporter, otlpSettings } from "../telemetry-otlp.ts";
import { traceRate } from "../trace-rate.ts";
import { type OpenWorld, openWorld } from "../world.ts";
import { accessLog } from "./access-log.ts";
import type { FleetApp } from "./app.ts";
import { type NatsConnections, connectNats, databasesOf } from "./connections.ts";
import { type Discovery, discoveryOf } from "./discovery.ts";
import { type ExternalDoors, openDoors } from "./external-doors.ts";
import { ExternalLinks } from "./external-links.ts";
import { GATEWAY, LOOPBACK, type Listens, Mesh } from "./mesh.ts";
import { linkProcess, supervisorAsked } from "./process-link.ts";
import { openShared } from "./shared.ts";

/** The share of traces that are kept, unless the environment says another. */
const KEPT = 0.1;
/** How long a gateway may take to fill the databases before it takes requests all the same, in milliseconds. */
const PREPARED_MS = 120_000;
/** For how long a gateway that drains still answers on connections that are open, and how long the last answers may take. */
const NOTICE_MS = 4_000;
const GRACE_MS = 10_000;

/**
 * Runs a process until it is told to stop. `words` are what follows `run`; whoever starts it has written its files before.
 * @throws {BadCommand} when they name no process, or say something else than its file.
 */
export async function runFleetHost(app: FleetApp, words: readonly string[]): Promise<void> {
  const values = optionsOf(words);
  const { fleet: folder, instance: name } = values;
  if (folder === undefined || name === undefined) throw BadCommand.with({ detail: USE });
  const told = toldOf(folder, name);
  const other = contradiction(values, told.instance);
  if (other !== undefined)
    throw BadCommand.with({ detail: `${fleetPaths.instance(folder, name)} says otherwise: ${other}.` });
  const log = jsonLogger({ level: "info" }).with({ instance: name });
  const known = { folder, log, ...told };
  try {
    const parts = await openParts(known);
    await new FleetProcess(app, { ...known, log: parts.log }, parts).start();
  } catch (error) {
    log.error("This process could not start.", { error });
    // What it has open already would keep it alive, and its supervisor waiting.
    process.exit(1);
  }
}

const OPTIONS = {
  services: { type: "string" },
  gateway: { type: "boolean" },
  port: { type: "string" },
  instance: { type: "string" },
  fleet: { type: "string" },
  "version-label": { type: "string" },
} as const;
const USE =
  "run is how a fleet starts one process, and needs --fleet <folder> and --instance <name>: what the process may know " +
  'stands in that folder. "isomer fleet" starts all of them.';

// oxlint-disable-next-line typescript/explicit-function-return-type -- what the parser makes of the options
function optionsOf(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS }).values;
  } catch (cause) {
    throw BadCommand.with({ detail: `${cause instanceof Error ? cause.message : String(cause)}. ${USE}` }, { cause });
  }
}

function toldOf(folder: string, name: string): Pick<Told, "fleet" | "instance"> {
  try {
    return { fleet: readFleetFile(folder), instance: readInstanceFile(folder, name) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw BadCommand.with({ detail: `What ${name} is told in ${folder} cannot be read: ${why}` }, { cause });
  }
}

/** The words are for people, the file counts; who starts a process by hand with others would get what was not meant. */
function contradiction(
  { services, gateway, port }: { readonly services?: string; readonly gateway?: boolean; readonly port?: string },
  instance: InstanceFile,
): string | undefined {
  const placed = instance.services.toSorted().join(",");
  if (services !== undefined && services.split(",").toSorted().join(",") !== placed)
    return `its services are ${placed === "" ? "none" : placed}, not ${services}`;
  if (gateway === true && instance.gateway === undefined) return "it is no gateway";
  if (port !== undefined && Number(port) !== instance.gateway?.port) return `it does not listen on port ${port}`;
  return undefined;
}

interface Told {
  readonly folder: string;
  readonly fleet: FleetFile;
  readonly instance: InstanceFile;
  readonly log: Logger;
}

/** What the process has open from its first moment. */
interface Parts {
  readonly plain: OpenWorld;
  readonly metrics: Metrics;
  readonly redis: SharedByRedis | undefined;
  readonly otlp: OtlpExporter | undefined;
  /** Writes to the log, and to the collector when there is one. */
  readonly log: Logger;
}

async function openParts(told: Told): Promise<Parts> {
  const { fleet, instance } = told;
  const plain = openWorld({ dataFolder: instance.dataFolder, log: told.log });
  const { clock, random } = plain.world;
  const metrics = new Metrics();
  const otlp = otlpOf(told, plain, metrics);
  const log = otlp?.logger(told.log) ?? told.log;
  return { plain, metrics, otlp, log, redis: await openShared({ fleet, instance, clock, random, log, metrics }) };
}

class FleetProcess {
  readonly #app: FleetApp;
  readonly #told: Told;
  readonly #metrics: Metrics;
  readonly #tracer: Tracer;
  readonly #open: OpenWorld;
  readonly #nats: NatsConnections;
  readonly #redis: SharedByRedis | undefined;
  readonly #discovery: Discovery;
  readonly #mesh: Mesh;
  readonly #externals: ExternalLinks | undefined;
  readonly #otlp: OtlpExporter | undefined;
  #doors: ExternalDoors | undefined;
  #host: Host | undefined;
  #listening: Listening | undefined;
  #drained: Promise<void> | undefined;

  constructor(app: FleetApp, told: Told, { plain, metrics, otlp, redis }: Parts) {
    const { fleet, instance, log } = told;
    this.#app = app;
    this.#told = told;
    this.#metrics = metrics;
    this.#redis = redis;
    const { system, version } = app;
    const { clock, random } = plain.world;
    const connection = { system, fleet, instance, clock, random, log, metrics };
    this.#open = {
      close: plain.close,
      world: {
        ...plain.world,
        log,
        storage: databasesOf(connection),
        revocations: this.#redis?.revocations ?? new MemoryRevocations(clock),
        ...(this.#redis === undefined ? {} : { answersOf: this.#redis.answersOf }),
      },
    };
    this.#otlp = otlp;
    this.#tracer = new Tracer({
      ...{ clock, random, sampleRate: traceRate(process.env, KEPT) },
      // A collector has the same in its spans.
      exporter: accessLog(plain.world.log, otlp),
    });
    const isGateway = instance.gateway !== undefined;
    const workloads = [...instance.services, ...(isGateway ? [GATEWAY] : [])];
    this.#nats = connectNats(connection, workloads);
    const { linkOf } = this.#nats;
    this.#discovery = discoveryOf({ fleet, linkOf, clock, random, log });
    const { registryOf, isByDns } = this.#discovery;
    const listens = listensOf(instance, isByDns);
    const { trustDomain } = fleet;
    const zone = zoneOf(told);
    const { identityFolder, identityFiles, services } = instance;
    this.#mesh = new Mesh({
      ...{
        system,
        version,
        trustDomain,
        zone,
        instance: instance.instance,
        services,
        isGateway,
        identityFolder,
        identityFiles,
      },
      ...{ listens, registryOf, clock, random, ids: plain.world.ids, log, metrics: this.#metrics },
    });
    this.#externals = this.#hasExternals ? this.#externalLinks() : undefined;
  }

  /** Starts, and tells that it is ready. */
  async start(): Promise<void> {
    const { instance } = this.#told;
    const ready = linkProcess(this.#metrics, instance.gateway !== undefined, {
      drain: () => this.drain(),
      stop: () => this.stop(),
      ask: (operation, input) => this.#ask(operation, input),
    });
    // Where leases say who is there, nobody would find a process before.
    if (!this.#discovery.isByDns) await this.#nats.up();
    await this.#externals?.start();
    const host = await this.#startHost();
    this.#host = host;
    const wirePort = await this.#mesh.serve(host.transport);
    this.#doors = await this.#openDoors(host);
    const httpUrl = await this.#openGateway(host);
    ready({
      ...(wirePort === undefined ? {} : { wirePort }),
      ...(httpUrl === undefined ? {} : { httpUrl }),
      ...this.#doors?.ports,
    });
  }

  /** Whoever may ask the supervisor looks after everything; what was asked is in the log. */
  async #ask(operation: string, input: unknown): Promise<unknown> {
    if (this.#host === undefined) throw Draining.with(undefined);
    this.#told.log.info("asked by the fleet's operator", { operation, input });
    return askOperator(this.#host, operation, input);
  }

  /** Takes no new work, and ends what is under way; done once. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Drains, and ends. */
  async stop(): Promise<void> {
    await this.drain();
    await this.#host?.stop();
    await this.#externals?.close();
    await this.#mesh.stop();
    await this.#otlp?.close();
    await this.#discovery.close();
    await this.#nats.close();
    this.#redis?.close();
    this.#open.close();
  }

  async #drain(): Promise<void> {
    // Clients that keep connections are told to go on elsewhere before theirs are closed.
    await this.#listening?.close({ noticeMs: NOTICE_MS, graceMs: GRACE_MS });
    await Promise.all([this.#mesh.drain(), this.#doors?.close()]);
  }

  get #hasExternals(): boolean {
    return (this.#app.system.externals ?? []).length > 0;
  }

  #externalLinks(): ExternalLinks {
    const { folder, instance, log } = this.#told;
    const { clock, random } = this.#open.world;
    return new ExternalLinks({
      ...{ app: this.#app, folder, identity: this.#mesh.identity, clock, random, log, zone: zoneOf(this.#told) },
      ...{ metrics: this.#metrics, instance: instance.instance },
      userTokenOf: (envelope) => this.#mesh.userTokenOf(envelope),
    });
  }

  /** What external services use is served to them. */
  async #openDoors(host: Host): Promise<ExternalDoors | undefined> {
    if (!this.#hasExternals) return undefined;
    const { instance, log } = this.#told;
    const { clock } = this.#open.world;
    return openDoors({
      ...{ app: this.#app, placed: instance.services, identity: this.#mesh.identity, clock, log },
      metrics: this.#metrics,
      ...{ admission: () => this.#mesh.admission(), handle: (envelope) => host.transport.send(envelope) },
    });
  }

  #startHost(): Promise<Host> {
    const { system, settings } = this.#app;
    const { fleet, instance } = this.#told;
    const { broker, hints } = this.#nats;
    const askFleet = instance.services.includes(operator.name) ? supervisorAsked(this.#open.world.clock) : undefined;
    return Host.start({
      ...{ system, world: this.#open.world, metrics: this.#metrics, tracer: this.#tracer },
      ...{ place: instance.services, replica: instance.instance },
      elsewhere: { transport: this.#mesh.transport, broker, hints, ...(askFleet === undefined ? {} : { askFleet }) },
      ...(this.#externals === undefined ? {} : { externals: this.#externals.transport }),
      ...(settings === undefined
        ? {}
        : { settings: settings({ url: fleet.gateways[0] ?? "", secrets: instance.secrets ?? {} }) }),
      settingsFrom: `"settings" of defineFleet, in or below ${process.argv[1] ?? "the system's entry"}`,
    });
  }

  async #openGateway(host: Host): Promise<string | undefined> {
    const { gateway, instance } = this.#told.instance;
    if (gateway === undefined) return undefined;
    const { judges, system, version, rates } = this.#app;
    const made = gatewayOf(
      { system, version, judges, rates, limiter: this.#redis?.limiter, serveMetrics: true },
      this.#open.world,
      { metrics: this.#metrics, tracer: this.#tracer },
      { host },
    );
    if (instance.endsWith("-1")) await this.#prepare(host);
    this.#listening = await listen({ gateway: made, port: gateway.port, host: gateway.host });
    return this.#listening.url;
  }

  /** Fills the databases; a fleet whose services are not all up yet is not given up for that. */
  async #prepare(host: Host): Promise<void> {
    const { log, folder } = this.#told;
    const { clock } = this.#open.world;
    const givenUpAt = clock.monotonicMs() + PREPARED_MS;
    for (;;) {
      try {
        await this.#app.prepare?.(host, folder);
        return;
      } catch (error) {
        log.warn("The databases could not be filled; it is tried again.", { error });
        if (clock.monotonicMs() > givenUpAt) return;
      }
    }
  }
}

/** Where the process takes calls of others. @throws {TypeError} when nobody could tell them. */
function listensOf({ wire, instance }: InstanceFile, isByDns: boolean): Listens {
  if (wire === undefined) return LOOPBACK;
  const { host, port = 0, address = host } = wire;
  if (!isByDns && (address === "0.0.0.0" || address === "::"))
    throw new TypeError(
      `${instance} listens on all addresses: "wire" must name the "address" that others reach it by.`,
    );
  return { host, port, address };
}

/** Where the process is: the fleet's zone, unless its placement says another. */
function zoneOf({ fleet, instance }: Told): string {
  return instance.zone ?? fleet.zone;
}

/** Where spans, metrics and logs go when the environment says so, by OpenTelemetry's names. */
function otlpOf({ fleet, instance, log }: Told, { world }: OpenWorld, metrics: Metrics): OtlpExporter | undefined {
  const settings = otlpSettings(process.env, fleet.system);
  if (settings === undefined) return undefined;
  const resource = { ...settings.resource, "service.instance.id": instance.instance };
  const { clock, random } = world;
  return new OtlpExporter({ settings: { ...settings, resource }, clock, random, log, metrics });
}
