/**
 * How the processes of a fleet reach one another: each service of this one shows its own certificate, is called as
 * itself, and finds others through the registry. What comes in is let in by who sent it, or not at all.
 */
import type { Metrics } from "../../observe/mod.ts";
import { TransactionIssuer, TransactionVerifier, type WorkloadIdentity } from "../../security/mod.ts";
import { type Clock, type Ids, type Logger, type Random, sleep } from "../../std/mod.ts";
import {
  type Envelope,
  FleetTransport,
  type InboundCall,
  type Lease,
  type Registry,
  type Reply,
  type Transport,
  UserTokens,
  affinityBy,
  inbound,
} from "../../transport/mod.ts";
import type { System } from "../../runtime/mod.ts";
import { FilesIdentity, type FilesLayout, certificateOpener, filesOf, workloadSigner } from "../identity/mod.ts";
import { WireServer, wireChannels } from "../wire/mod.ts";

/** Where a process takes calls of others. */
export interface Listens {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The name or address by which others reach it. */
  readonly address: string;
}

/** What a mesh is made of. */
export interface MeshOptions {
  readonly system: System;
  readonly version: string;
  readonly trustDomain: string;
  readonly zone: string;
  /** This process's name. */
  readonly instance: string;
  /** The workloads of this process: services, and `gateway`. */
  readonly services: readonly string[];
  readonly isGateway: boolean;
  readonly identityFolder: string;
  /** Who writes what is in it; a supervisor unless said. */
  readonly identityFiles?: FilesLayout | undefined;
  readonly listens: Listens;
  /** The registry, as one of the workloads asks it. */
  readonly registryOf: (workload: string) => Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The edge's workload. */
export const GATEWAY = "gateway";
/** A process that only those on this machine reach. */
export const LOOPBACK: Listens = { host: "127.0.0.1", port: 0, address: "127.0.0.1" };
/** How long the registry may take to hear of an end, in milliseconds. */
const TOLD_MS = 1_000;

/** One process's part in the mesh. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #identity: FilesIdentity;
  readonly #tokens: UserTokens;
  readonly #outbound = new Map<string, FleetTransport>();
  readonly #leases: Lease[] = [];
  #server: WireServer | undefined;

  constructor(options: MeshOptions) {
    const { trustDomain, identityFolder, identityFiles = "local", clock, log, ids, isGateway } = options;
    this.#options = options;
    const paths = this.#workloads.map(pathOf);
    const workloads = new Map(paths.map((path) => [path, filesOf(identityFolder, path, identityFiles)]));
    this.#identity = new FilesIdentity({ trustDomain, workloads, clock, log });
    const issuer = isGateway
      ? new TransactionIssuer({ trustDomain, clock, ids, signer: workloadSigner(this.#identity, GATEWAY) })
      : undefined;
    this.#tokens = new UserTokens({ clock, issuer });
    for (const workload of this.#workloads) {
      const transport = this.#transportOf(workload);
      transport.prepare(this.#calledBy(workload));
      this.#outbound.set(workload, transport);
    }
  }

  /** Carries calls to other processes, as the service that makes them; those of clients as the gateway. */
  readonly transport: Transport = {
    send: (envelope: Envelope): Promise<Reply> => {
      const own = this.#outbound.get(envelope.caller ?? GATEWAY);
      if (own !== undefined) return own.send(envelope);
      const who = envelope.caller ?? "a client";
      return Promise.reject(new TypeError(`${this.#options.instance} does not speak for ${who}.`));
    },
  };

  /** Who this process is. */
  get identity(): WorkloadIdentity {
    return this.#identity;
  }

  /** What proves for which user a call is made. */
  userTokenOf({ identity }: Envelope): string | undefined {
    return this.#tokens.of(identity);
  }

  /** Lets calls of other processes in. Only for processes with services. */
  admission(): (call: InboundCall, peerId: string) => Envelope {
    const { services, clock, log, metrics, trustDomain } = this.#options;
    const open = certificateOpener(this.#identity, pathOf(services[0] ?? ""), clock);
    const transactions = new TransactionVerifier({ trustDomain, clock, open });
    return inbound({ trustDomain, transactions, tokens: this.#tokens, clock, log, metrics });
  }

  /** Takes calls for the services of this process, and tells the registry. Resolves to the port. */
  async serve(host: Transport): Promise<number | undefined> {
    const { services, clock, log, metrics, version, zone, instance, listens } = this.#options;
    if (services.length === 0) return undefined;
    const admit = this.admission();
    const server = await WireServer.listen({
      ...{ identity: this.#identity, clock, log, metrics, host: listens.host, port: listens.port },
      handle: (call, peerId) => host.send(admit(call, peerId)),
    });
    this.#server = server;
    for (const service of services) {
      const lease = await this.#options.registryOf(service).register({
        ...{ id: `${instance}@${clock.now()}`, service, address: { host: listens.address, port: server.port } },
        ...{ zone, version, startedAt: clock.now(), health: "ready" },
      });
      this.#leases.push(lease);
    }
    return server.port;
  }

  /** Takes itself off the registry, and takes no further calls; resolves when those under way are over. */
  async drain(): Promise<void> {
    await this.#tellRegistry((lease) => lease.update("draining"));
    await this.#server?.drain();
  }

  /** Ends what goes out, too. */
  async stop(): Promise<void> {
    await this.#tellRegistry((lease) => lease.release());
    await this.#server?.close();
    await Promise.all([...this.#outbound.values()].map((transport) => transport.close()));
    this.#identity.close();
  }

  /** A registry that is down is no reason to wait: callers hear of a drain by their connections, and leases run out. */
  async #tellRegistry(tell: (lease: Lease) => Promise<void>): Promise<void> {
    const told = new AbortController();
    const telling = this.#leases.map((lease) => tell(lease).catch(() => undefined));
    await Promise.race([Promise.all(telling), sleep(this.#options.clock, TOLD_MS, told.signal)]);
    told.abort();
  }

  get #workloads(): readonly string[] {
    const { services, isGateway } = this.#options;
    return isGateway ? [...services, GATEWAY] : services;
  }

  /** What a workload will call: found and connected to before the first call. */
  #calledBy(workload: string): readonly string[] {
    const { system, services } = this.#options;
    const called =
      workload === GATEWAY
        ? system.contracts
        : (system.services.find(({ contract }) => contract.name === workload)?.uses ?? []);
    const elsewhere = new Set(system.services.map(({ contract }) => contract.name));
    return called.map(({ name }) => name).filter((name) => elsewhere.has(name) && !services.includes(name));
  }

  #transportOf(workload: string): FleetTransport {
    const { system, clock, random, log, zone, metrics, registryOf, instance } = this.#options;
    const own = pathOf(workload);
    const channels = wireChannels({
      ...{ own, identity: this.#identity, clock, random, log },
    });
    return new FleetTransport({
      ...{ registry: registryOf(workload), channels, clock, random, log, zone, metrics, client: instance },
      userTokenOf: (envelope) => this.userTokenOf(envelope),
      affinityOf: affinityBy(system.contracts),
    });
  }
}

/** A workload's path in its SPIFFE id. */
export function pathOf(workload: string): string {
  return workload === GATEWAY ? GATEWAY : `service/${workload}`;
}
