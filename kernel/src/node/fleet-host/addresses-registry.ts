/**
 * The registry of services in other languages: the fleet's `addresses.json`, read again when it changes. Its supervisor
 * keeps it; a process that starts again reads it. While the file cannot be read, what it said last holds.
 */
import type { Clock, Timer } from "../../std/mod.ts";
import { type Instance, type Lease, type Registry, type Snapshot, StaticRegistry } from "../../transport/mod.ts";
import { type Address, type ProgramProtocol, readAddresses } from "../fleet/mod.ts";

/** What the registry is made of. */
export interface AddressesRegistryOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly protocolOf: (service: string) => ProgramProtocol;
}

/** How often the file is looked at, in milliseconds. */
const LOOK_MS = 250;

/** Knows the processes of services in other languages. */
export class AddressesRegistry implements Registry {
  readonly #options: AddressesRegistryOptions;
  readonly #known = new StaticRegistry();
  readonly #leases = new Map<string, Lease>();
  #timer: Timer | undefined;

  constructor(options: AddressesRegistryOptions) {
    this.#options = options;
    this.#look();
  }

  /** Nobody registers here: the supervisor does. */
  register(instance: Instance): Promise<Lease> {
    return Promise.reject(new TypeError(`The fleet's supervisor says where ${instance.service} is.`));
  }

  watch(service: string, listener: (snapshot: Snapshot) => void): () => void {
    return this.#known.watch(service, listener);
  }

  close(): Promise<void> {
    this.#timer?.cancel();
    return this.#known.close();
  }

  #look(): void {
    const { folder, clock } = this.#options;
    const read = readAddresses(folder);
    if (read !== undefined) this.#take(Object.entries(read.services));
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }

  #take(services: readonly (readonly [service: string, addresses: readonly Address[]])[]): void {
    const listed = new Map<string, Instance>();
    for (const [service, addresses] of services) {
      for (const address of addresses) {
        const instance = this.#instanceOf(service, address);
        if (instance !== undefined) listed.set(`${service}/${instance.id}`, instance);
      }
    }
    for (const [name, instance] of listed) {
      if (this.#leases.has(name)) continue;
      // This registry's leases are there at once, and are taken away in the same way.
      void this.#known.register(instance).then((lease) => this.#leases.set(name, lease));
    }
    for (const [name, lease] of this.#leases) {
      if (listed.has(name)) continue;
      this.#leases.delete(name);
      void lease.release();
    }
  }

  #instanceOf(service: string, { instance, startedAt, http, grpc }: Address): Instance | undefined {
    const text = this.#options.protocolOf(service) === "http" ? http : grpc && `https://${grpc}`;
    if (text === undefined || !URL.canParse(text)) return undefined;
    const { hostname: host, port } = new URL(text);
    const address = { host, port: Number(port) };
    return { id: `${instance}@${startedAt}`, service, address, startedAt, health: "ready" };
  }
}
