/**
 * NATS of a local fleet: one server, or three that keep every stream together and go on when one of them is gone.
 *
 * Across a crash: what a server acknowledged is in its folder; one of a cluster gets what it missed from the others.
 */
import { join } from "node:path";
import type { System } from "../../runtime/mod.ts";
import { type Clock, type Logger, type Random, isFault, sleep } from "../../std/mod.ts";
import { type NatsServer, natsCluster, natsServer } from "../engines/mod.ts";
import type { Engine } from "../fleet/mod.ts";
import { heardBy } from "../fleet-host/mod.ts";
import {
  GATEWAY,
  type NatsLink,
  OPERATOR,
  makeRegistryBucket,
  makeStreams,
  openNats,
  usersConfiguration,
} from "../nats/mod.ts";
import type { Ports } from "./ports.ts";

/** What the servers are started for. */
export interface NatsEnginesOptions {
  /** Where all servers keep what they have. */
  readonly folder: string;
  readonly ports: Ports;
  readonly system: System;
  readonly passwordOf: (party: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** JetStream sets aside this much of the disk for each service's stream. */
const STREAM_BYTES_MAX = 64 * 1_024 ** 2;
/** How long servers of a cluster may take until they agree on who leads, in milliseconds, and how often it is tried. */
const AGREED_MS = 30_000;
const AGAIN_MS = 200;

/** The servers, in the order in which they are started: with the last one everything is there that services may not make. */
export function natsEngines(options: NatsEnginesOptions): readonly Engine[] {
  const { folder, ports, passwordOf } = options;
  const configuration = configurationOf(options);
  const { nats: clients, routes } = ports;
  const servers =
    clients.length === 1
      ? [natsServer({ folder: join(folder, "nats"), configuration }, clients[0] ?? 0)]
      : natsCluster({ folder, configuration }, { clients, routes, secret: passwordOf("nats/_route") });
  const prepare = (): Promise<void> => prepareStreams(options);
  return servers.map((server) => engineOf(server, servers, prepare));
}

function configurationOf({ system, passwordOf }: NatsEnginesOptions): string {
  const proofOf = (user: string) => ({ password: passwordOf(`nats/${user}`) });
  return usersConfiguration({
    operator: proofOf(OPERATOR),
    gateway: proofOf(GATEWAY),
    services: system.services.map((service) => {
      const { name } = service.contract;
      return { service: name, hears: heardBy(service), proof: proofOf(name) };
    }),
  });
}

function engineOf(server: NatsServer, all: readonly NatsServer[], prepare: () => Promise<void>): Engine {
  let isFirst = true;
  return {
    name: server.name,
    address: `127.0.0.1:${server.port}`,
    get isRunning() {
      return server.isRunning;
    },
    get pid() {
      return server.isRunning ? server.pid : undefined;
    },
    async start() {
      await server.start();
      // One of a cluster that comes back finds everything with the others; a single one may have lost what it had.
      if (all.length === 1 || (isFirst && server === all.at(-1))) await prepare();
      isFirst = false;
    },
    stop: () => server.stop(),
    kill: () => void server.stop("SIGKILL"),
  };
}

/** Makes what services may not make themselves. */
function prepareStreams(options: NatsEnginesOptions): Promise<void> {
  const { ports, clock, system } = options;
  const services = system.services.map(({ contract }) => contract.name);
  const replicas = ports.nats.length === 1 ? 1 : 3;
  return asNatsOperator(options, async (link) => {
    const make = async (): Promise<void> => {
      await makeStreams(link, services, { bytesMax: STREAM_BYTES_MAX, replicas });
      await makeRegistryBucket(link, { replicas });
    };
    if (replicas === 1) await make();
    else await onceAgreed(link, clock, make);
  });
}

/** Does what only the operator may, over a connection of its own. */
export async function asNatsOperator(
  { ports, clock, random, log, passwordOf }: NatsEnginesOptions,
  action: (link: NatsLink) => Promise<void>,
): Promise<void> {
  const link = openNats({
    servers: ports.nats.map((port) => `127.0.0.1:${port}`),
    name: OPERATOR,
    ...{ clock, random, log },
    credentials: { user: OPERATOR, password: passwordOf(`nats/${OPERATOR}`) },
  });
  try {
    await link.up();
    await action(link);
  } finally {
    await link.close();
  }
}

/** Servers of a cluster that start must first agree on who leads: until then they answer that it cannot be done. */
async function onceAgreed(link: NatsLink, clock: Clock, make: () => Promise<void>): Promise<void> {
  for (const givenUpAt = clock.monotonicMs() + AGREED_MS; ;) {
    try {
      await link.up();
      return await make();
    } catch (error) {
      if (!isFault(error) || error.kind !== "unavailable" || clock.monotonicMs() > givenUpAt) throw error;
      await sleep(clock, AGAIN_MS);
    }
  }
}
