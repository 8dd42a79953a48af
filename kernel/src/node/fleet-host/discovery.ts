/**
 * How the processes of a fleet find one another: by leases in NATS, or, where something else than a supervisor runs them, by
 * DNS. A Kubernetes cluster knows by itself which of its processes are ready.
 */
import type { Clock, Logger, Random } from "../../std/mod.ts";
import type { Registry } from "../../transport/mod.ts";
import { DnsRegistry, type Lookup } from "../discovery/mod.ts";
import type { FleetFile } from "../fleet/mod.ts";
import { type NatsLink, natsRegistry } from "../nats/mod.ts";

/** What registries are made from. */
export interface DiscoveryOptions {
  readonly fleet: Pick<FleetFile, "dns">;
  /** The link of a workload of this process to NATS. */
  readonly linkOf: (workload: string) => NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The registries of a process. */
export interface Discovery {
  /** Whether processes are entered and found without NATS. */
  readonly isByDns: boolean;
  /** The registry, as one of the workloads asks it. */
  registryOf(workload: string): Registry;
  close(): Promise<void>;
}

/** Makes registries as they are asked for. With leases each workload has its own, by its own rights. */
export function discoveryOf({ fleet, linkOf, clock, random, log }: DiscoveryOptions): Discovery {
  const { dns } = fleet;
  const registries = new Map<string, Registry>();
  const make = (workload: string): Registry => {
    if (dns === undefined) return natsRegistry({ link: linkOf(workload), clock, random });
    const { servers } = dns;
    const lookup = lookupBy(dns);
    return new DnsRegistry({ clock, random, log, lookup, ...(servers === undefined ? {} : { servers }) });
  };
  return {
    isByDns: dns !== undefined,
    registryOf(workload) {
      const whose = dns === undefined ? workload : "";
      const known = registries.get(whose) ?? make(workload);
      registries.set(whose, known);
      return known;
    },
    async close() {
      for (const registry of registries.values()) await registry.close();
    },
  };
}

function lookupBy({ name, port }: NonNullable<FleetFile["dns"]>): (service: string) => Lookup {
  return (service) => {
    const its = name.replaceAll("{service}", service);
    return port === undefined ? { kind: "srv", name: its } : { kind: "addresses", name: its, port };
  };
}
