/**
 * How a process of a fleet reaches services in other languages: found in the fleet's `addresses.json`, chosen among their
 * processes as all instances are, called over HTTP with JSON or over gRPC with the calling service's own certificate.
 */
import { fileURLToPath } from "node:url";
import type { Metrics } from "../../observe/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";
import {
  type Channel,
  type ChannelFactory,
  type ChannelState,
  type Envelope,
  FleetTransport,
  type Instance,
  type Reply,
  type Transport,
  affinityBy,
} from "../../transport/mod.ts";
import { readLock } from "../contracts/mod.ts";
import { HttpTransport } from "../external/mod.ts";
import { AddressesRegistry } from "./addresses-registry.ts";
import type { FleetApp } from "./app.ts";

/** What links are made of. */
export interface ExternalLinksOptions {
  readonly app: FleetApp;
  /** The fleet's folder. */
  readonly folder: string;
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly zone: string;
  /** This process's name. */
  readonly instance: string;
  readonly userTokenOf: (envelope: Envelope) => string | undefined;
}

type Closing = Transport & { close(): void };

/** The links of a process to all services in other languages. */
export class ExternalLinks {
  readonly #options: ExternalLinksOptions;
  readonly #registry: AddressesRegistry;
  readonly #transport: FleetTransport;
  #toGrpc: ((instance: Instance) => Closing) | undefined;

  constructor(options: ExternalLinksOptions) {
    this.#options = options;
    const { app, folder, clock, random, log, metrics, zone, instance } = options;
    this.#registry = new AddressesRegistry({ folder, clock, protocolOf: (service) => protocolOf(app, service) });
    const channels: ChannelFactory = { connect: (to) => new TransportChannel(this.#connect(to)) };
    this.#transport = new FleetTransport({
      ...{ registry: this.#registry, channels, clock, random, log, zone, metrics, client: instance },
      affinityOf: affinityBy((app.system.externals ?? []).map(({ contract }) => contract)),
    });
  }

  /** Carries calls, each with the certificate of the service that makes it; those of clients with the gateway's. */
  get transport(): Transport {
    return this.#transport;
  }

  /** Loads what gRPC needs, if anybody speaks it. To be called before the first call. */
  async start(): Promise<void> {
    const { app, identity, clock, userTokenOf } = this.#options;
    const { protos, system } = app;
    const spoken = (system.externals ?? [])
      .map(({ contract }) => contract)
      .filter(({ name }) => protocolOf(app, name) === "grpc");
    if (spoken.length === 0) return;
    if (protos === undefined)
      throw new TypeError(
        `"${spoken[0]?.name}" is called over gRPC: the fleet needs "protos", the folder with the locks of its numbers.`,
      );
    const folder = fileURLToPath(protos);
    const { GrpcTransport } = await import("../grpc/mod.ts");
    this.#toGrpc = ({ service, address }) =>
      new GrpcTransport({
        ...{ identity, clock, userTokenOf, contracts: spoken.filter(({ name }) => name === service) },
        lockOf: (name) => readLock(folder, name),
        addresses: { [service]: `${address.host}:${address.port}` },
      });
  }

  /** Takes no new calls; resolves when those under way are over. */
  async close(): Promise<void> {
    await this.#transport.close();
    await this.#registry.close();
  }

  #connect(to: Instance): Closing {
    const { app, identity, clock, userTokenOf } = this.#options;
    const { service, address } = to;
    if (protocolOf(app, service) === "grpc" && this.#toGrpc !== undefined) return this.#toGrpc(to);
    const baseUrls = { [service]: `https://${address.host}:${address.port}` };
    return new HttpTransport({ identity, clock, baseUrls, userTokenOf });
  }
}

function protocolOf({ programs = {} }: FleetApp, service: string): "http" | "grpc" {
  return programs[service]?.protocol ?? "http";
}

/** A transport to one instance as a channel. It connects when it is called: until then nobody knows that it cannot. */
class TransportChannel implements Channel {
  readonly #transport: Closing;
  #state: ChannelState = "ready";
  #listener: ((state: ChannelState) => void) | undefined;
  readonly #calls = new Set<Promise<unknown>>();

  constructor(transport: Closing) {
    this.#transport = transport;
  }

  get state(): ChannelState {
    return this.#state;
  }

  send(envelope: Envelope): Promise<Reply> {
    const call = this.#transport.send(envelope);
    this.#calls.add(call);
    const ended = (): void => void this.#calls.delete(call);
    call.then(ended, ended);
    return call;
  }

  onState(listener: (state: ChannelState) => void): void {
    this.#listener = listener;
  }

  async drain(): Promise<void> {
    this.#becomes("draining");
    await Promise.allSettled(this.#calls);
    await this.close();
  }

  close(): Promise<void> {
    if (this.#state !== "broken") this.#transport.close();
    this.#becomes("broken");
    return Promise.resolve();
  }

  #becomes(state: ChannelState): void {
    if (this.#state === state || this.#state === "broken") return;
    this.#state = state;
    this.#listener?.(state);
  }
}
