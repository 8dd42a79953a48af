/**
 * The registry: which instances of a service there are, and where.
 *
 * A registry is only asked when something changes. Calls go on by what it said last: it may be down for as long as it
 * likes, and then says so (`isCurrent`), and nobody who answers is forgotten. One conformance suite holds implementations to
 * that (`transport/testing/registry-conformance.ts`).
 */

/** Whether an instance takes new calls: one that drains finishes what it has and takes no more. */
export type InstanceHealth = "ready" | "draining";

/** Where a process listens. */
export interface InstanceAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** One process that answers for a service. */
export interface Instance {
  /** Unlike that of any other instance of the service, and of an earlier life of the same one. */
  readonly id: string;
  readonly service: string;
  readonly address: InstanceAddress;
  /** The place that fails as a whole: a zone of a cloud, a rack. Calls stay in their zone while that is well. */
  readonly zone?: string | undefined;
  /** The contract's version that it serves. */
  readonly version?: string | undefined;
  /** When it started, milliseconds since 1970 by its own clock; 0 when nobody knows. */
  readonly startedAt: number;
  readonly health: InstanceHealth;
  /** How many calls it is to have beside others; 1 unless said. */
  readonly weight?: number | undefined;
}

/** The instances of a service, as the registry knows them. */
export interface Snapshot {
  readonly service: string;
  /** By id, ascending. */
  readonly instances: readonly Instance[];
  /** Whether the registry answers: otherwise these are those that it named last, and who is missing may be well. */
  readonly isCurrent: boolean;
}

/** An entry that lasts as long as its process renews it: a registry takes it out some seconds after that ends. */
export interface Lease {
  /** Tells the others. Resolves when the registry has it; while it is down, when it is back. */
  update(health: InstanceHealth): Promise<void>;
  /** Takes the entry out; doing it twice does nothing. Resolves also when the registry is down: then the lease runs out. */
  release(): Promise<void>;
}

/** Knows the instances of services. */
export interface Registry {
  /**
   * Enters an instance, or replaces the one with the same service and id. The implementation renews the lease by itself,
   * and enters the instance again when the registry lost it.
   */
  register(instance: Instance): Promise<Lease>;
  /**
   * Tells the listener of the instances of a service: once when they are known, then at each change. Never before it
   * has returned. Returns what ends it; nothing is told after that.
   */
  watch(service: string, listener: (snapshot: Snapshot) => void): () => void;
  /** Ends all watches and leases. Doing it twice does nothing. */
  close(): Promise<void>;
}
