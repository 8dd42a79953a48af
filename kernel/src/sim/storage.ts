/** Databases of simulated machines: each service has a disk, which outlives the processes that open it. */
import type { Storage } from "../store/mod.ts";
import { SimDatabase } from "./database.ts";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import type { Incarnation, Machine } from "./machine.ts";
import { type Engine, image, openEngine } from "./real/engine.ts";

/** What is on the disks at the beginning, by service. */
export type Images = ReadonlyMap<string, Uint8Array>;

/** The disks of a fleet. */
export class Disks {
  readonly #engines = new Map<string, Engine>();
  readonly #open = new Map<string, SimDatabase>();
  /** Copies that hosts made of their databases, by path. */
  readonly backups = new Map<string, Uint8Array>();
  readonly #images: Images;

  constructor(images: Images = new Map()) {
    this.#images = images;
  }

  /** The disk of a service; empty, or as it was at the beginning. */
  of(service: string): Engine {
    let engine = this.#engines.get(service);
    if (engine === undefined) {
      engine = openEngine(service, this.#images.get(service));
      this.#engines.set(service, engine);
    }
    return engine;
  }

  /** Everything that is on them. */
  images(): Images {
    return new Map([...this.#engines].map(([service, engine]) => [service, image(engine)]));
  }

  /** Services that have a disk. */
  get services(): readonly string[] {
    return [...this.#engines.keys()];
  }

  /** Whether no transaction is open anywhere: then what is read is committed. */
  get isQuiet(): boolean {
    return [...this.#engines.values()].every(({ session }) => !session.inTransaction);
  }

  /** A process has opened a service's database. @throws {TypeError} when one has it open already. */
  opened(service: string, database: SimDatabase): void {
    if (this.#open.get(service)?.isOver === false) throw new TypeError(`"${service}" is open already.`);
    this.#open.set(service, database);
  }

  /** Whoever had these open is dead. `isPowerCut`: what was committed and not yet synced is gone too. */
  abandon(incarnation: Incarnation, isPowerCut: boolean): void {
    for (const [service, database] of this.#open) {
      if (database.incarnation !== incarnation) continue;
      database.abandon(isPowerCut);
      this.#open.delete(service);
    }
  }

  close(): void {
    for (const { session } of this.#engines.values()) session.close();
    this.#engines.clear();
  }
}

/** What the storage of a process is made of. */
export interface StorageParts {
  readonly disks: Disks;
  readonly machine: Machine;
  readonly incarnation: Incarnation;
  readonly faults: Faults;
  readonly history: History;
  readonly crash: (why: string) => void;
  readonly queuedMax?: number;
}

/** The databases that a process opens. */
export function simulatedStorage(parts: StorageParts): Storage {
  const { disks, machine, incarnation } = parts;
  return {
    async open(service) {
      if (!incarnation.alive) return new Promise(() => {});
      const [clock, engine, { backups }] = [machine.clockOf(incarnation), disks.of(service), disks];
      const opened = new SimDatabase({ ...parts, name: service, clock, engine, backups });
      disks.opened(service, opened);
      return opened;
    },
  };
}
