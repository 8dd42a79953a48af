/**
 * How the processes of a fleet reach one another: each service of this one shows its own certificate, is called as
 * itself, and finds others through the registry. What comes in is let in by who sent it, or not at all.
 */
import type { Metrics } from "../../observe/mod.ts";
import { TransactionIssuer, TransactionVerifier } from "../../security/mod.ts";
import type { Clock, Ids, Logger, Random } from "../../std/mod.ts";
import {
  type Envelope,
  FleetTransport,
  type Lease,
  type Registry,
  type Reply,
  type Transport,
  UserTokens,
  affinityBy,
  inbound,
} from "../../transport/mod.ts";
import type { System } from "../../runtime/mod.ts";
import { FilesIdentity, certificateOpener, localFiles, verifyPeer, workloadSigner } from "../identity/mod.ts";
import { WireServer, wireChannels } from "../wire/mod.ts";

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
const HOST = "127.0.0.1";

/** One process's part in the mesh. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #identity: FilesIdentity;
  readonly #tokens: UserTokens;
  readonly #outbound = new Map<string, FleetTransport>();
  readonly #leases: Lease[] = [];
  #server: WireServer | undefined;

  constructor(options: MeshOptions) {
    const { trustDomain, identityFolder, clock, log, ids, isGateway } = options;
    this.#options = options;
    const paths = this.#workloads.map(pathOf);
    const workloads = new Map(paths.map((path) => [path, localFiles(identityFolder, path)]));
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

  /** Takes calls for the services of this process, and tells the registry. Resolves to the port. */
  async serve(host: Transport): Promise<number | undefined> {
    const { services, clock, log, metrics, trustDomain, version, zone, instance } = this.#options;
    if (services.length === 0) return undefined;
    const [first = ""] = services;
    const open = certificateOpener(this.#identity, pathOf(first), clock);
    const transactions = new TransactionVerifier({ trustDomain, clock, open });
    const admit = inbound({ trustDomain, transactions, tokens: this.#tokens, clock, log, metrics });
    const server = await WireServer.listen({
      ...{ identity: this.#identity, verifyPeer: this.#verifyPeer, clock, log, host: HOST },
      handle: (call, peerId) => host.send(admit(call, peerId)),
    });
    this.#server = server;
    for (const service of services) {
      const lease = await this.#options.registryOf(service).register({
        ...{ id: `${instance}@${clock.now()}`, service, address: { host: HOST, port: server.port } },
        ...{ zone, version, startedAt: clock.now(), health: "ready" },
      });
      this.#leases.push(lease);
    }
    return server.port;
  }

  /** Takes itself off the registry, and takes no further calls; resolves when those under way are over. */
  async drain(): Promise<void> {
    await Promise.all(this.#leases.map((lease) => lease.update("draining").catch(() => undefined)));
    await this.#server?.drain();
  }

  /** Ends what goes out, too. */
  async stop(): Promise<void> {
    await Promise.all(this.#leases.map((lease) => lease.release()));
    await this.#server?.close();
    await Promise.all([...this.#outbound.values()].map((transport) => transport.close()));
    this.#identity.close();
  }

  get #workloads(): readonly string[] {
    const { services, isGateway } = this.#options;
    return isGateway ? [...services, GATEWAY] : services;
  }

  readonly #verifyPeer = (chain: readonly Buffer[], trustBundle: string): string => {
    const { trustDomain, clock } = this.#options;
    return verifyPeer(chain, { trustDomain, trustBundle, now: clock.now() }).id;
  };

  /** What a workload will call: found and connected to before the first call. */
  #calledBy(workload: string): readonly string[] {
    const { system, services } = this.#options;
    const called =
      workload === GATEWAY
        ? system.contracts
        : (system.services.find(({ contract }) => contract.name === workload)?.uses ?? []);
    return called.map(({ name }) => name).filter((name) => !services.includes(name));
  }

  #transportOf(workload: string): FleetTransport {
    const { system, clock, random, log, zone, metrics, registryOf, instance } = this.#options;
    const own = pathOf(workload);
    const channels = wireChannels({
      ...{ own, identity: this.#identity, verifyPeer: this.#verifyPeer, clock, random, log },
    });
    return new FleetTransport({
      ...{ registry: registryOf(workload), channels, clock, random, log, zone, metrics, client: instance },
      userTokenOf: ({ identity }) => this.#tokens.of(identity),
      affinityOf: affinityBy(system.contracts),
    });
  }
}

function pathOf(workload: string): string {
  return workload === GATEWAY ? GATEWAY : `service/${workload}`;
}
