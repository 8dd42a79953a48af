/**
 * The registry as a process of the simulated fleet has it. It holds what the real one does (`node/nats/registry.ts`):
 * nobody is forgotten because the registry does not answer, and who was not heard of for as long as an entry lasts is
 * taken out only when the registry was asked just then.
 */
import { type Clock, type Random, type Timer, sleep } from "../../std/mod.ts";
import type { Instance, InstanceHealth, Lease, Registry, Snapshot } from "../../transport/mod.ts";
import type { Machine } from "../machine.ts";
import type { Asker, Network } from "../network.ts";
import {
  ENTRY_MS,
  type Entering,
  type Entry,
  REGISTRY,
  REGISTRY_PORT,
  type RegistryAsk,
  type RegistryNews,
  type RegistryServer,
} from "./registry-server.ts";

/** What {@link SimRegistry} needs. */
export interface SimRegistryParts {
  readonly server: RegistryServer;
  readonly network: Network;
  readonly asker: Asker;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly random: Random;
  /** Tells the lives of processes apart. */
  readonly life: string;
}

const TIMEOUT_MS = 800;
const RENEW_MS = ENTRY_MS / 3;
const LOOK_MS = 1_000;
const RETRY_MS = 150;

interface Known {
  readonly entry: Entry;
  /** When it was heard of last, by the monotonic clock. */
  heardMs: number;
}

interface Watch {
  readonly listener: (snapshot: Snapshot) => void;
  /** What it was told last. */
  told: string | undefined;
}

interface Held {
  instance: Instance;
  readonly life: string;
  isEntered: boolean;
  readonly ended: AbortController;
}

/** Who answers for which service, as far as one process knows. */
export class SimRegistry implements Registry {
  readonly #parts: SimRegistryParts;
  readonly #held = new Set<Held>();
  readonly #watches = new Map<string, Set<Watch>>();
  readonly #known = new Map<string, Known>();
  /** The last change that was heard of each, of those who went too: what comes later and is older is let be. */
  readonly #sequences = new Map<string, number>();
  readonly #timers = new Set<Timer>();
  #isCurrent = false;
  #isLooking = false;
  #isClosed = false;
  #lives = 0;
  #deaf: (() => void) | undefined;

  constructor(parts: SimRegistryParts) {
    this.#parts = parts;
    const { server, machine } = parts;
    this.#deaf = server.listen(machine.name, (news) => this.#heard(news));
    machine.incarnation?.onDeath(() => this.#deaf?.());
  }

  async register(instance: Instance): Promise<Lease> {
    this.#lives += 1;
    const life = `${this.#parts.life}/${this.#lives}`;
    const held: Held = { instance, life, isEntered: false, ended: new AbortController() };
    this.#held.add(held);
    if (this.#held.size === 1) this.#renewLater();
    await this.#enter([held]).catch(() => {});
    return {
      update: (health) => this.#update(held, health),
      release: () => this.#release(held),
    };
  }

  watch(service: string, listener: (snapshot: Snapshot) => void): () => void {
    const watches = this.#watches.get(service) ?? new Set<Watch>();
    const watch: Watch = { listener, told: undefined };
    const isFirst = this.#watches.size === 0;
    this.#watches.set(service, watches.add(watch));
    // What it knows of other services says nothing about this one.
    void this.#list([service]).then(
      () => this.#tell(service),
      () => this.#lose(),
    );
    if (isFirst) this.#lookLater();
    return () => {
      watches.delete(watch);
      if (watches.size === 0 && this.#watches.get(service) === watches) this.#watches.delete(service);
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watches.clear();
    for (const timer of this.#timers) timer.cancel();
    await Promise.all([...this.#held].map((held) => this.#release(held)));
    this.#deaf?.();
  }

  async #update(held: Held, health: InstanceHealth): Promise<void> {
    const { clock, random } = this.#parts;
    held.instance = { ...held.instance, health };
    while (!held.ended.signal.aborted) {
      const isDone = await this.#enter([held]).then(
        () => true,
        () => false,
      );
      if (isDone) return;
      await sleep(clock, RETRY_MS * (0.5 + random.next()), held.ended.signal);
    }
  }

  async #release(held: Held): Promise<void> {
    if (!this.#held.delete(held)) return;
    held.ended.abort();
    const { service, id } = held.instance;
    await this.#ask("leave", `${service} ${id}`, { op: "leave", service, id, life: held.life }).catch(() => {});
  }

  async #enter(all: readonly Held[]): Promise<void> {
    const living = all.filter(({ ended }) => !ended.signal.aborted);
    if (living.length === 0) return;
    const entries = living.map(({ instance, life, isEntered }): Entering => ({ instance, life, isFirst: !isEntered }));
    const refused = await this.#ask<readonly string[]>("enter", living[0]?.instance.service ?? "", {
      op: "enter",
      entries,
    });
    for (const held of living) {
      if (!refused.includes(held.life)) held.isEntered = true;
      else {
        // Another life has its place.
        this.#held.delete(held);
        held.ended.abort();
      }
    }
  }

  #renewLater(): void {
    this.#after(RENEW_MS * (0.75 + this.#parts.random.next() / 4), async () => {
      await this.#enter([...this.#held]).catch(() => {});
      if (this.#held.size > 0) this.#renewLater();
    });
  }

  #lookLater(): void {
    this.#after(LOOK_MS * (0.75 + this.#parts.random.next() / 2), async () => {
      await this.#look();
      if (!this.#isClosed) this.#lookLater();
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#watches.size === 0) return;
    this.#isLooking = true;
    try {
      await this.#list([...this.#watches.keys()]);
      for (const service of this.#watches.keys()) this.#tell(service);
    } catch {
      this.#lose();
    } finally {
      this.#isLooking = false;
    }
  }

  async #list(services: readonly string[]): Promise<void> {
    const entries = await this.#ask<readonly Entry[]>("list", services.length === 1 ? (services[0] ?? "") : "all", {
      op: "list",
      services,
    });
    const nowMs = this.#parts.clock.monotonicMs();
    for (const entry of entries) this.#take(entry);
    // After an outage everybody has the time of an entry to enter again.
    if (!this.#isCurrent) for (const known of this.#known.values()) known.heardMs = nowMs;
    this.#isCurrent = true;
    const asked = new Set(services);
    for (const [name, { entry, heardMs }] of this.#known)
      if (asked.has(entry.instance.service) && heardMs < nowMs - ENTRY_MS) this.#known.delete(name);
  }

  #heard(news: RegistryNews): void {
    if (this.#isClosed) return;
    if ("gone" in news) {
      const name = `${news.gone.service}/${news.gone.id}`;
      if (!this.#isNewer(name, news.sequence)) return;
      this.#known.delete(name);
    } else this.#take(news);
    if (this.#isCurrent) this.#tell("gone" in news ? news.gone.service : news.instance.service);
  }

  #take(entry: Entry): void {
    const { service, id } = entry.instance;
    const name = `${service}/${id}`;
    if (!this.#isNewer(name, entry.sequence)) return;
    this.#known.set(name, { entry, heardMs: this.#parts.clock.monotonicMs() });
  }

  #isNewer(name: string, sequence: number): boolean {
    if (sequence < (this.#sequences.get(name) ?? 0)) return false;
    this.#sequences.set(name, sequence);
    return true;
  }

  #lose(): void {
    this.#isCurrent = false;
    for (const service of this.#watches.keys()) this.#tell(service);
  }

  #tell(service: string): void {
    const watches = this.#watches.get(service);
    if (this.#isClosed || watches === undefined) return;
    const instances = [...this.#known.values()]
      .map(({ entry }) => entry.instance)
      .filter((instance) => instance.service === service)
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
    const snapshot: Snapshot = { service, instances, isCurrent: this.#isCurrent };
    const text = JSON.stringify(snapshot);
    for (const watch of watches) {
      if (watch.told === text || (watch.told === undefined && !this.#isCurrent)) continue;
      watch.told = text;
      watch.listener(snapshot);
    }
  }

  #after(ms: number, action: () => Promise<void>): void {
    if (this.#isClosed) return;
    const timer = this.#parts.clock.after(ms, () => {
      this.#timers.delete(timer);
      void action();
    });
    this.#timers.add(timer);
  }

  async #ask<T>(op: string, about: string, ask: RegistryAsk): Promise<T> {
    const { network, asker } = this.#parts;
    const text = await network.ask(asker, {
      ...{ to: REGISTRY, port: REGISTRY_PORT, what: `${op} ${about}`, about: "", timeoutMs: TIMEOUT_MS },
      body: JSON.stringify(ask),
    });
    return JSON.parse(text) as T;
  }
}
