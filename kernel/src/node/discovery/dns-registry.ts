/**
 * The registry of a deployment that others keep: DNS. In Kubernetes a headless service has an address for each pod that is
 * ready; names are asked again and again, and what was answered last holds while nobody answers.
 *
 * Nothing is kept across a crash, and nothing is written: who is ready, the deployment decides.
 */
import { Resolver } from "node:dns/promises";
import type { Clock, Logger, Random, Timer } from "../../std/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import type { Instance, Lease, Registry, Snapshot } from "../../transport/mod.ts";
import { type Found, type Lookup, lookUp } from "./dns-lookup.ts";

/** What a registry by DNS needs. */
export interface DnsRegistryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where a service's instances are found. `srv` names hold the port; with `addresses` all listen on the same one. */
  readonly lookup: (service: string) => Lookup;
  /** Name servers, `address` or `address:port`; those of the machine unless said. */
  readonly servers?: readonly string[];
  /** How often a name is asked, in milliseconds; 5,000 unless said: as long as Kubernetes' answers may be kept. */
  readonly intervalMs?: number;
  /** How long one question may take, in milliseconds; 2,000 unless said. */
  readonly timeoutMs?: number;
  readonly log?: Logger;
}

/** After a failure a name is asked again after this, then twice this, up to the interval. In milliseconds. */
const RETRY_MS = 250;
const NOTHING: Lease = { update: () => Promise.resolve(), release: () => Promise.resolve() };

type Listener = (snapshot: Snapshot) => void;

/** Finds instances by DNS. */
export class DnsRegistry implements Registry {
  readonly #options: DnsRegistryOptions;
  readonly #resolver: Resolver;
  readonly #names = new Map<string, Name>();
  #isClosed = false;

  constructor(options: DnsRegistryOptions) {
    this.#options = options;
    this.#resolver = new Resolver({ timeout: options.timeoutMs ?? 2_000, tries: 2 });
    if (options.servers !== undefined) this.#resolver.setServers([...options.servers]);
  }

  /** Does nothing: the deployment enters a process in DNS when its readiness probe says so. */
  register(_instance: Instance): Promise<Lease> {
    return Promise.resolve(NOTHING);
  }

  watch(service: string, listener: Listener): () => void {
    if (this.#isClosed) return () => {};
    let name = this.#names.get(service);
    if (name === undefined) {
      name = new Name(service, this.#options, this.#resolver);
      this.#names.set(service, name);
    }
    const end = name.add(listener);
    return () => {
      if (end() === 0 && this.#names.get(service) === name) this.#names.delete(service);
    };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const name of this.#names.values()) name.close();
    this.#names.clear();
    this.#resolver.cancel();
    return Promise.resolve();
  }
}

/** One service's name, asked while somebody listens. */
class Name {
  readonly #service: string;
  readonly #options: DnsRegistryOptions;
  readonly #resolver: Resolver;
  readonly #lookup: Lookup;
  readonly #listeners = new Set<Listener>();
  #timer: Timer | undefined;
  #last: Snapshot | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(service: string, options: DnsRegistryOptions, resolver: Resolver) {
    this.#service = service;
    this.#options = options;
    this.#resolver = resolver;
    this.#lookup = options.lookup(service);
    this.#timer = options.clock.after(0, () => void this.#ask());
  }

  /** Adds a listener. What it returns takes it out again, and tells how many are left. */
  add(listener: Listener): () => number {
    // One of its own, so that whoever listens twice may end one of both.
    const one: Listener = (snapshot) => listener(snapshot);
    this.#listeners.add(one);
    if (this.#last !== undefined) {
      this.#options.clock.soon(() => {
        if (this.#last !== undefined && this.#listeners.has(one)) one(this.#last);
      });
    }
    return () => {
      this.#listeners.delete(one);
      if (this.#listeners.size === 0) this.close();
      return this.#listeners.size;
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { clock, random, log = silentLogger, intervalMs = 5_000 } = this.#options;
    let delayMs = intervalMs;
    try {
      const found = await lookUp(this.#resolver, this.#lookup);
      this.#failures = 0;
      this.#tell({ service: this.#service, instances: found.map((one) => this.#instance(one)), isCurrent: true });
    } catch (error) {
      delayMs = Math.min(intervalMs, RETRY_MS * 2 ** Math.min(this.#failures, 20));
      this.#failures += 1;
      const { name } = this.#lookup;
      if (this.#failures === 1 && !this.#isClosed)
        log.warn("a name cannot be looked up", { name, error: String(error) });
      this.#tell({ service: this.#service, instances: this.#last?.instances ?? [], isCurrent: false });
    }
    if (this.#isClosed) return;
    // Spread over two fifths, so that a fleet that started together does not ask together.
    this.#timer = clock.after(delayMs * (0.8 + 0.4 * random.next()), () => void this.#ask());
  }

  #tell(snapshot: Snapshot): void {
    if (this.#isClosed || isSame(this.#last, snapshot)) return;
    this.#last = snapshot;
    for (const listener of this.#listeners) listener(snapshot);
  }

  #instance({ host, port, weight }: Found): Instance {
    const id = `${host}:${port}`;
    const more = weight === undefined ? {} : { weight };
    return { id, service: this.#service, address: { host, port }, startedAt: 0, health: "ready", ...more };
  }
}

function isSame(last: Snapshot | undefined, next: Snapshot): boolean {
  const names = ({ instances }: Snapshot): string => instances.map(({ id, weight }) => `${id}=${weight}`).join();
  return last !== undefined && last.isCurrent === next.isCurrent && names(last) === names(next);
}
