/**
 * The registry in NATS KV: who answers for a service, known to all hosts within milliseconds. While NATS is away the last
 * list stays, and whoever starts meanwhile is entered when it is back.
 */
import type { Clock, Random } from "../../std/mod.ts";
import type { Instance, Lease, Registry, Snapshot } from "../../transport/mod.ts";
import { LEASE_MS } from "./bucket.ts";
import { Instances } from "./instances.ts";
import { NatsLease } from "./lease.ts";
import type { NatsLink } from "./link.ts";

/** What {@link natsRegistry} needs. The bucket is made beforehand, by `makeRegistryBucket`. */
export interface NatsRegistryOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an entry lasts that is not renewed, in milliseconds, as the bucket has it; 9,000 unless said. */
  readonly leaseMs?: number;
}

/** The registry over a link. Close it before the link. */
export function natsRegistry(options: NatsRegistryOptions): Registry {
  return new NatsRegistry(options);
}

class NatsRegistry implements Registry {
  readonly #parts: Required<NatsRegistryOptions>;
  readonly #leases = new Set<Lease>();
  readonly #watched = new Map<string, Instances>();

  constructor(options: NatsRegistryOptions) {
    this.#parts = { leaseMs: LEASE_MS, ...options };
  }

  async register(instance: Instance): Promise<Lease> {
    const lease = new NatsLease(this.#parts, instance);
    this.#leases.add(lease);
    await lease.begin();
    return lease;
  }

  watch(service: string, listener: (snapshot: Snapshot) => void): () => void {
    let instances = this.#watched.get(service);
    if (instances === undefined) {
      instances = new Instances({ ...this.#parts, service });
      this.#watched.set(service, instances);
    }
    const watched = instances;
    const end = watched.listen(listener);
    return () => {
      end();
      if (watched.isHeard || this.#watched.get(service) !== watched) return;
      this.#watched.delete(service);
      watched.close();
    };
  }

  async close(): Promise<void> {
    for (const instances of this.#watched.values()) instances.close();
    this.#watched.clear();
    const leases = [...this.#leases];
    this.#leases.clear();
    await Promise.all(leases.map((lease) => lease.release()));
  }
}
