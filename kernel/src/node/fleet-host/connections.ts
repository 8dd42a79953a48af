/**
 * What a process of a fleet has open to the servers beside it: for each of its services a database and a connection to
 * NATS, with that service's own credentials. One that is in another process shares nothing with it but the servers.
 */
import type { Broker, Hints, LogRun } from "../../events/mod.ts";
import type { Metrics } from "../../observe/mod.ts";
import type { System } from "../../runtime/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";
import type { Storage } from "../../store/mod.ts";
import type { FleetFile, InstanceFile } from "../fleet/mod.ts";
import { type JetStreamBroker, type NatsLink, inboxOf, jetStreamBroker, natsHints, openNats } from "../nats/mod.ts";
import { postgresStorage } from "../postgres/mod.ts";

/** What connections are made from. */
export interface ConnectionOptions {
  readonly system: System;
  readonly fleet: FleetFile;
  readonly instance: InstanceFile;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Databases of PostgreSQL, each with its service's own role. */
export function databasesOf({ fleet, instance, clock, random }: ConnectionOptions): Storage {
  const { postgres, postgresCopy } = fleet.engines;
  const urlOf = (service: string, whose: "serves" | "migrates", at = postgres): string => {
    const login = instance.credentials.postgres?.[service];
    if (at === undefined || login === undefined)
      throw new TypeError(`${instance.instance} was told of no database for "${service}".`);
    const { user, password } = whose === "migrates" ? (login.migration ?? login) : login;
    const url = new URL(`postgres://${at.host}:${at.port}/${login.database}`);
    url.username = user;
    url.password = password;
    return url.href;
  };
  return postgresStorage({
    urlOf: (service) => urlOf(service, "serves"),
    migrationUrlOf: (service) => urlOf(service, "migrates"),
    replicaUrlOf: (service) => (postgresCopy === undefined ? undefined : urlOf(service, "serves", postgresCopy)),
    clock,
    random,
  });
}

/** Events and hints over NATS, and the link by which the registry is reached. */
export interface NatsConnections {
  readonly broker: Broker;
  readonly hints: Hints;
  /** The link of a workload of this process: a service, or `gateway`. */
  linkOf(workload: string): NatsLink;
  /** Resolves when every link is up. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Connects each of these workloads with its own credentials. */
export function connectNats(options: ConnectionOptions, workloads: readonly string[]): NatsConnections {
  const { fleet, instance, clock, random, log, metrics, system } = options;
  const { servers = [] } = fleet.engines.nats ?? {};
  const links = new Map<string, NatsLink>();
  const brokers = new Map<string, JetStreamBroker>();
  const hints = new Map<string, Hints>();
  for (const workload of workloads) {
    const login = instance.credentials.nats?.[workload];
    const name = `${instance.instance}/${workload}`;
    const link = openNats({
      ...{ servers, name, clock, random, log, metrics, inboxPrefix: inboxOf(workload) },
      ...(login === undefined ? {} : { credentials: login }),
    });
    links.set(workload, link);
    brokers.set(workload, jetStreamBroker({ link, clock, random }));
    hints.set(workload, natsHints(link, random));
  }
  const hearers = hearersOf(system, workloads);
  const brokerOf = (service: string): JetStreamBroker => {
    const found = brokers.get(brokers.has(service) ? service : (hearers.get(service) ?? ""));
    if (found === undefined) throw new TypeError(`No service of ${instance.instance} may hear "${service}".`);
    return found;
  };
  const linkOf = (workload: string): NatsLink =>
    links.get(workload) ??
    (() => {
      throw new TypeError(`${instance.instance} is not "${workload}".`);
    })();
  const hintsOf = (topic: string): Hints | undefined => hints.get(topic.split(".")[0] ?? "");
  return {
    broker: {
      append: (run: LogRun) => brokerOf(run.service).append(run),
      head: (service) => brokerOf(service).head(service),
      source: (service) => brokerOf(service).source(service),
    },
    hints: {
      tell: (topic) => hintsOf(topic)?.tell(topic),
      onTold: (topic, listener) => hintsOf(topic)?.onTold(topic, listener) ?? (() => {}),
    },
    linkOf,
    async up() {
      await Promise.all([...links.values()].map((link) => link.up()));
    },
    async close() {
      for (const broker of brokers.values()) broker.close();
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}

/** Of each service that is heard by some of these: one that hears it, and so may read its stream. */
function hearersOf(system: System, workloads: readonly string[]): ReadonlyMap<string, string> {
  const hearers = new Map<string, string>();
  for (const service of system.services) {
    const { name } = service.contract;
    if (!workloads.includes(name)) continue;
    for (const heard of heardBy(service)) hearers.set(heard, name);
  }
  return hearers;
}

/** The services whose events a service hears. */
export function heardBy({ on, projections }: System["services"][number]): readonly string[] {
  const subscriptions = [...on, ...projections.flatMap((projection) => projection.on)];
  return [...new Set(subscriptions.map(({ event }) => event.service))];
}
