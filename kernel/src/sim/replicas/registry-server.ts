/**
 * The simulated registry's machine: entries that last as long as they are renewed. It tells of changes those who look,
 * each once and perhaps never; who looks again sees how it is. What a restart leaves of it, its fault says.
 */
import type { Instance } from "../../transport/mod.ts";
import type { Faults } from "../faults.ts";
import type { Incarnation, Machine } from "../machine.ts";
import type { Network } from "../network.ts";
import type { Scheduler } from "../scheduler.ts";

/** The name of the registry's machine. */
export const REGISTRY = "registry";
/** The port on which it is asked. */
export const REGISTRY_PORT = "registry";
/** How long an entry lasts that is not renewed, in milliseconds. */
export const ENTRY_MS = 3_000;
const SWEEP_MS = 500;

/** An entry as it is stored. `life` tells one registration from another, `sequence` one change from the next. */
export interface Entry {
  readonly instance: Instance;
  readonly life: string;
  readonly sequence: number;
}

/** What is asked of the registry. */
export type RegistryAsk =
  | { readonly op: "enter"; readonly entries: readonly Entering[] }
  | { readonly op: "leave"; readonly service: string; readonly id: string; readonly life: string }
  | { readonly op: "list"; readonly services: readonly string[] };

/** An instance to be entered; `isFirst` replaces whatever is there, otherwise its own entry is renewed. */
export interface Entering {
  readonly instance: Instance;
  readonly life: string;
  readonly isFirst: boolean;
}

/** A change: who came or is known otherwise, or who went. */
export type RegistryNews =
  | Entry
  | { readonly gone: { readonly service: string; readonly id: string }; readonly sequence: number };

interface Stored extends Entry {
  untilMs: number;
}

/** What the registry is made of. */
export interface RegistryServerParts {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly faults: Faults;
}

/** The registry and what it knows. */
export class RegistryServer {
  readonly #parts: RegistryServerParts;
  readonly #entries = new Map<string, Stored>();
  readonly #listeners = new Map<string, (news: RegistryNews) => void>();
  #sequence = 0;

  constructor(parts: RegistryServerParts) {
    this.#parts = parts;
  }

  /** Whether its process runs. */
  get isUp(): boolean {
    return this.#parts.machine.incarnation !== undefined;
  }

  /** Starts its process. */
  start(): void {
    const { machine, scheduler } = this.#parts;
    const life = machine.born();
    machine.ports.set(REGISTRY_PORT, async (body) => JSON.stringify(this.#answer(JSON.parse(body) as RegistryAsk)));
    // While it was away nobody could renew.
    for (const stored of this.#entries.values()) stored.untilMs = scheduler.now + ENTRY_MS;
    this.#sweepSoon(life);
  }

  /** Its process dies; if `wiped`, all entries are gone. */
  dies(wiped: boolean): void {
    this.#parts.machine.dies();
    if (wiped) this.#entries.clear();
  }

  /** Tells a machine of changes from now on, when it can. Returns what ends that. */
  listen(machine: string, listener: (news: RegistryNews) => void): () => void {
    this.#listeners.set(machine, listener);
    return () => {
      if (this.#listeners.get(machine) === listener) this.#listeners.delete(machine);
    };
  }

  #answer(ask: RegistryAsk): unknown {
    switch (ask.op) {
      case "enter":
        return ask.entries.filter((entering) => !this.#enter(entering)).map(({ life }) => life);
      case "leave": {
        const name = `${ask.service}/${ask.id}`;
        if (this.#entries.get(name)?.life === ask.life) this.#remove(name);
        return true;
      }
      case "list": {
        const wanted = new Set(ask.services);
        return [...this.#entries.values()].filter(({ instance }) => wanted.has(instance.service));
      }
    }
  }

  /** Returns false when the entry is another life's. */
  #enter({ instance, life, isFirst }: Entering): boolean {
    const name = `${instance.service}/${instance.id}`;
    const before = this.#entries.get(name);
    if (before !== undefined && before.life !== life && !isFirst) return false;
    const isNews = before?.life !== life || JSON.stringify(before.instance) !== JSON.stringify(instance);
    const sequence = isNews ? (this.#sequence += 1) : before.sequence;
    const stored: Stored = { instance, life, sequence, untilMs: this.#parts.scheduler.now + ENTRY_MS };
    this.#entries.set(name, stored);
    if (isNews) this.#tell(stored);
    return true;
  }

  #remove(name: string): void {
    const stored = this.#entries.get(name);
    if (stored === undefined) return;
    this.#entries.delete(name);
    const { service, id } = stored.instance;
    this.#tell({ gone: { service, id }, sequence: (this.#sequence += 1) });
  }

  #tell(news: RegistryNews): void {
    const { network, faults } = this.#parts;
    const about =
      "gone" in news ? `${news.gone.service} ${news.gone.id} gone` : `${news.instance.service} ${news.instance.id}`;
    for (const [machine, listener] of this.#listeners) {
      const what = `news of ${about}`;
      if (faults.strikes("news late", faults.occasion(`${REGISTRY}>${machine} ${what}`))) continue;
      network.tell(REGISTRY, machine, what, () => listener(news));
    }
  }

  #sweepSoon(life: Incarnation): void {
    const { machine, scheduler } = this.#parts;
    machine.later(life, SWEEP_MS, () => {
      for (const [name, { untilMs }] of this.#entries) if (untilMs < scheduler.now) this.#remove(name);
      this.#sweepSoon(life);
    });
  }
}
