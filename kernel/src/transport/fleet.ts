/**
 * The transport of a fleet: finds the instances of a service in the registry, chooses one for each call, and sends it there.
 * Calls do not need the registry: it is heard when something changes, and what it said last holds until then.
 *
 * Across a crash nothing is kept, and nothing needs to be.
 */
import type { BalancerOptions, Endpoint } from "../guard/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import { type Clock, type Logger, type Random, silentLogger } from "../std/mod.ts";
import type { AffinityOf } from "./affinity.ts";
import type { ChannelFactory } from "./channel.ts";
import type { Envelope, Reply, Transport } from "./envelope.ts";
import { Unreachable } from "./faults.ts";
import { poolCounts } from "./fleet-metrics.ts";
import { Pool } from "./fleet-pool.ts";
import type { Registry } from "./registry.ts";

/** What the transport of a fleet is made of. */
export interface FleetTransportOptions {
  readonly registry: Registry;
  readonly channels: ChannelFactory;
  readonly clock: Clock;
  readonly random: Random;
  /** Tells this process from others; needed only where a service has very many instances. */
  readonly client?: string;
  /** Where this process is. */
  readonly zone?: string | undefined;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  /** The token that proves for which user a call is made. */
  readonly userTokenOf?: (envelope: Envelope) => string | undefined;
  /** The key by which a call keeps to one instance: {@link affinityBy} the contracts. */
  readonly affinityOf?: AffinityOf;
  /** The bounds of balancing. */
  readonly balance?: Omit<BalancerOptions, "random" | "zone">;
}

/** How many services one process calls at the most: a bound on what a caller's mistake can cost. */
const SERVICES_MAX = 1_000;

/** Carries calls to the instances of services. */
export class FleetTransport implements Transport {
  readonly #options: FleetTransportOptions;
  readonly #pools = new Map<string, Pool>();
  #isClosed = false;

  constructor(options: FleetTransportOptions) {
    this.#options = options;
  }

  send(envelope: Envelope): Promise<Reply> {
    const pool = this.#pool(envelope.service);
    if (pool === undefined) {
      const reason = this.#isClosed ? "this host stops" : "there are too many services";
      return Promise.reject(Unreachable.with({ service: envelope.service, reason }));
    }
    const { userTokenOf, affinityOf } = this.#options;
    return pool.send(envelope, userTokenOf?.(envelope), affinityOf?.(envelope));
  }

  /** Begins to connect to services that will be called, so that the first call does not wait. */
  prepare(services: readonly string[]): void {
    for (const service of services) this.#pool(service);
  }

  /** The instances of a service as they look from here, for operators. */
  instances(service: string): readonly Endpoint[] {
    return [...(this.#pools.get(service)?.balancer.endpoints.values() ?? [])];
  }

  /** Whether the registry answers, as far as the services that are called can tell. */
  get isRegistryCurrent(): boolean {
    return [...this.#pools.values()].every(({ isCurrent }) => isCurrent);
  }

  /** Takes no new calls. Resolves when those under way are over, or, `atOnce`, when they are given up. */
  async close(atOnce = false): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.close(atOnce)));
  }

  #pool(service: string): Pool | undefined {
    const known = this.#pools.get(service);
    if (known !== undefined) return known;
    if (this.#isClosed || this.#pools.size >= SERVICES_MAX) return undefined;
    const {
      registry,
      channels,
      clock,
      random,
      client = "",
      zone,
      metrics,
      log = silentLogger,
      balance,
    } = this.#options;
    const counts = metrics === undefined ? undefined : poolCounts(metrics, service);
    const pool = new Pool({ service, client, registry, channels, clock, random, log, zone, balance, counts });
    this.#pools.set(service, pool);
    return pool;
  }
}
