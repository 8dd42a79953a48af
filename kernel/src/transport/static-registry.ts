/** A registry that is a list in this process: for tests, and for a fleet whose addresses are given. */
import type { Instance, InstanceHealth, Lease, Registry, Snapshot } from "./registry.ts";

interface Watch {
  readonly service: string;
  readonly listener: (snapshot: Snapshot) => void;
  isTold: boolean;
}

/** Knows the instances that it was given, and those that register with it. Nothing survives its process. */
export class StaticRegistry implements Registry {
  readonly #instances = new Map<string, Instance>();
  readonly #watches = new Set<Watch>();
  #isCurrent = true;

  constructor(instances: readonly Instance[] = []) {
    for (const instance of instances) this.#instances.set(nameOf(instance), instance);
  }

  register(instance: Instance): Promise<Lease> {
    const name = nameOf(instance);
    let entry = instance;
    this.#instances.set(name, entry);
    this.#tell(instance.service);
    const isMine = (): boolean => this.#instances.get(name) === entry;
    return Promise.resolve({
      update: (health: InstanceHealth) => {
        if (isMine()) {
          entry = { ...entry, health };
          this.#instances.set(name, entry);
          this.#tell(instance.service);
        }
        return Promise.resolve();
      },
      release: () => {
        if (isMine()) {
          this.#instances.delete(name);
          this.#tell(instance.service);
        }
        return Promise.resolve();
      },
    });
  }

  watch(service: string, listener: (snapshot: Snapshot) => void): () => void {
    const watch: Watch = { service, listener, isTold: false };
    this.#watches.add(watch);
    queueMicrotask(() => {
      if (!watch.isTold) this.#tellOne(watch);
    });
    return () => {
      this.#watches.delete(watch);
    };
  }

  /** Takes itself for lost, or found again: watchers are told that what they know may be old. For tests. */
  setCurrent(isCurrent: boolean): void {
    this.#isCurrent = isCurrent;
    for (const watch of this.#watches) this.#tellOne(watch);
  }

  close(): Promise<void> {
    this.#watches.clear();
    this.#instances.clear();
    return Promise.resolve();
  }

  #tell(service: string): void {
    if (!this.#isCurrent) return;
    for (const watch of this.#watches) if (watch.service === service) this.#tellOne(watch);
  }

  #tellOne(watch: Watch): void {
    if (!this.#watches.has(watch)) return;
    watch.isTold = true;
    const instances = [...this.#instances.values()]
      .filter(({ service }) => service === watch.service)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    watch.listener({ service: watch.service, instances, isCurrent: this.#isCurrent });
  }
}

function nameOf({ service, id }: Instance): string {
  return `${service}/${id}`;
}
