/**
 * Runs one process of a fleet: the services that are placed in it, or a gateway. What it needs to know stands in the
 * fleet's folder; nothing of it is kept in memory over a restart, and nothing that was acknowledged is in memory only.
 */
import { parseArgs } from "node:util";
import { MemoryRevocations } from "../../guard/mod.ts";
import { Metrics, Tracer } from "../../observe/mod.ts";
import { Host } from "../../runtime/mod.ts";
import type { Logger } from "../../std/mod.ts";
import type { Registry } from "../../transport/mod.ts";
import { type FleetFile, type InstanceFile, readFleetFile, readInstanceFile } from "../fleet/mod.ts";
import { gatewayOf } from "../gateway-of.ts";
import { type Listening, listen } from "../http/mod.ts";
import { jsonLogger } from "../logger.ts";
import { natsRegistry } from "../nats/mod.ts";
import { type SharedByRedis, openRedis } from "../redis/mod.ts";
import { type OpenWorld, openWorld } from "../world.ts";
import type { FleetApp } from "./app.ts";
import { type NatsConnections, connectNats, databasesOf } from "./connections.ts";
import { GATEWAY, Mesh } from "./mesh.ts";
import { linkProcess } from "./process-link.ts";

/** How long a gateway may take to fill the databases before it takes requests all the same, in milliseconds. */
const PREPARED_MS = 120_000;
/** For how long a gateway that drains still answers on connections that are open, and how long the last answers may take. */
const NOTICE_MS = 4_000;
const GRACE_MS = 10_000;

/** Runs a process until it is told to stop. `words` are what follows `run`. */
export async function runFleetHost(app: FleetApp, words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      services: { type: "string" },
      gateway: { type: "boolean" },
      port: { type: "string" },
      instance: { type: "string" },
      fleet: { type: "string" },
      "version-label": { type: "string" },
    },
  });
  const { fleet: folder, instance: name } = values;
  if (folder === undefined || name === undefined)
    throw new TypeError("run needs --fleet <folder> and --instance <name>.");
  const log = jsonLogger({ level: "info" }).with({ instance: name });
  const process = new FleetProcess(app, {
    folder,
    log,
    fleet: readFleetFile(folder),
    instance: readInstanceFile(folder, name),
  });
  await process.start();
}

interface Told {
  readonly folder: string;
  readonly fleet: FleetFile;
  readonly instance: InstanceFile;
  readonly log: Logger;
}

class FleetProcess {
  readonly #app: FleetApp;
  readonly #told: Told;
  readonly #metrics = new Metrics();
  readonly #tracer: Tracer;
  readonly #open: OpenWorld;
  readonly #nats: NatsConnections;
  readonly #redis: SharedByRedis | undefined;
  readonly #registries = new Map<string, Registry>();
  readonly #mesh: Mesh;
  #host: Host | undefined;
  #listening: Listening | undefined;
  #drained: Promise<void> | undefined;

  constructor(app: FleetApp, told: Told) {
    const { fleet, instance, log } = told;
    this.#app = app;
    this.#told = told;
    const { system, version } = app;
    const plain = openWorld({ dataFolder: instance.dataFolder, log });
    const { clock, random } = plain.world;
    const connection = { system, fleet, instance, clock, random, log };
    this.#redis = redisOf(told, plain);
    this.#open = {
      close: plain.close,
      world: {
        ...plain.world,
        storage: databasesOf(connection),
        revocations: this.#redis?.revocations ?? new MemoryRevocations(clock),
        ...(this.#redis === undefined ? {} : { answers: this.#redis.answers }),
      },
    };
    this.#tracer = new Tracer({ clock, random, sampleRate: 0.1 });
    const isGateway = instance.gateway !== undefined;
    const workloads = [...instance.services, ...(isGateway ? [GATEWAY] : [])];
    this.#nats = connectNats(connection, workloads);
    const registryOf = (workload: string): Registry => {
      const known = this.#registries.get(workload);
      if (known !== undefined) return known;
      const registry = natsRegistry({ link: this.#nats.linkOf(workload), clock, random });
      this.#registries.set(workload, registry);
      return registry;
    };
    const { trustDomain, zone } = fleet;
    const { identityFolder, services } = instance;
    this.#mesh = new Mesh({
      ...{ system, version, trustDomain, zone, instance: instance.instance, services, isGateway, identityFolder },
      ...{ registryOf, clock, random, ids: plain.world.ids, log, metrics: this.#metrics },
    });
  }

  /** Starts, and tells that it is ready. */
  async start(): Promise<void> {
    const { instance } = this.#told;
    const ready = linkProcess(this.#metrics, instance.gateway !== undefined, {
      drain: () => this.drain(),
      stop: () => this.stop(),
    });
    await this.#nats.up();
    const host = await this.#startHost();
    this.#host = host;
    const wirePort = await this.#mesh.serve(host.transport);
    const httpUrl = await this.#openGateway(host);
    ready({ ...(wirePort === undefined ? {} : { wirePort }), ...(httpUrl === undefined ? {} : { httpUrl }) });
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
    await this.#mesh.stop();
    for (const registry of this.#registries.values()) await registry.close();
    await this.#nats.close();
    this.#redis?.close();
    this.#open.close();
  }

  async #drain(): Promise<void> {
    // Clients that keep connections are told to go on elsewhere before theirs are closed.
    await this.#listening?.close({ noticeMs: NOTICE_MS, graceMs: GRACE_MS });
    await this.#mesh.drain();
  }

  #startHost(): Promise<Host> {
    const { system, settings } = this.#app;
    const { fleet, instance } = this.#told;
    const { broker, hints } = this.#nats;
    return Host.start({
      ...{ system, world: this.#open.world, metrics: this.#metrics, tracer: this.#tracer },
      ...{ place: instance.services, replica: instance.instance },
      elsewhere: { transport: this.#mesh.transport, broker, hints },
      ...(settings === undefined
        ? {}
        : { settings: settings({ url: fleet.gateways[0] ?? "", secrets: instance.secrets ?? {} }) }),
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

function redisOf({ fleet, instance, log }: Told, { world }: OpenWorld): SharedByRedis | undefined {
  const { redis } = fleet.engines;
  const { redis: login } = instance.credentials;
  if (redis === undefined || login === undefined) return undefined;
  const url = new URL(redis.url);
  url.password = login.password;
  const { clock, random } = world;
  return openRedis({ url: url.href, system: fleet.system, secret: login.password, clock, random, log });
}
