/**
 * What a simulated fleet with replicas has besides its hosts: a server with the databases that replicas share, a registry,
 * channels, hints. Its hosts find and call one another by the same code as those of a real fleet (`transport/fleet.ts`).
 */
import type { Hints } from "../../events/mod.ts";
import type { Metrics } from "../../observe/mod.ts";
import type { Host, System } from "../../runtime/mod.ts";
import { type Clock, type Logger, silentLogger } from "../../std/mod.ts";
import type { Storage } from "../../store/mod.ts";
import { FleetTransport, type Lease, affinityBy } from "../../transport/mod.ts";
import { CALLS, callListener } from "../calls.ts";
import type { Faults } from "../faults.ts";
import type { History } from "../history.ts";
import type { Machine } from "../machine.ts";
import { type Network, askerOf } from "../network.ts";
import type { Place } from "../placement.ts";
import { forkedRandom } from "../random.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Disks } from "../storage.ts";
import { CallPort, simulatedChannels } from "./channel.ts";
import { HintBoard } from "./hints.ts";
import { SimRegistry } from "./registry.ts";
import { RegistryServer } from "./registry-server.ts";
import { DatabaseServer } from "./server.ts";
import type { Client } from "./session.ts";
import { SharedDatabase } from "./shared-database.ts";

/** How long a leader may be silent in a simulated fleet, in milliseconds: short, for faults last seconds only. */
export const SIM_LEASE_MS = 1_500;
/** The port of all hosts: there is one process on a machine. */
const PORT = 7_000;
/** What was learnt of an instance is forgotten sooner than in life, for a run is short. */
const BALANCE = { decayMs: 3_000, rampMs: 2_000, outlier: { failuresInRow: 3, ejectionMs: 1_500, windowMs: 5_000 } };

/** What it is made of. */
export interface ReplicasParts {
  readonly seed: number;
  readonly places: readonly Place[];
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly history: History;
  readonly disks: Disks;
  readonly network: Network;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly server: Machine;
  readonly registry: Machine;
  /** Hears what was reached. */
  readonly note: (what: string) => void;
}

/** A process that begins. */
export interface Beginning extends Client {
  readonly place: Place;
  readonly system: System;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly crash: (why: string) => void;
}

/** The shared parts of a fleet with replicas. */
export class Replicas {
  readonly server: DatabaseServer;
  readonly registry: RegistryServer;
  readonly #parts: ReplicasParts;
  readonly #hints: HintBoard;
  readonly #ports = new Map<string, CallPort>();
  /** The services whose database is on the server. */
  readonly #shared: ReadonlySet<string>;
  /** To which machine a call of a key went last. */
  readonly #sent = new Map<string, string>();

  constructor(parts: ReplicasParts) {
    this.#parts = parts;
    const { scheduler, network, faults, history, disks, note, places } = parts;
    this.server = new DatabaseServer({ machine: parts.server, scheduler, network, faults, history, disks, note });
    this.registry = new RegistryServer({ machine: parts.registry, scheduler, network, faults });
    this.#hints = new HintBoard(network, faults);
    this.#shared = new Set(places.flatMap(({ services, isReplica }) => (isReplica === true ? services : [])));
  }

  /** Whether the server and the registry run. */
  get isUp(): boolean {
    return this.server.isUp && this.registry.isUp;
  }

  start(): void {
    this.server.start();
    this.registry.start();
  }

  /** What a process needs of the fleet. */
  join(beginning: Beginning): Member {
    const { machine, incarnation, clock, metrics, system } = beginning;
    const { seed, network, scheduler, faults, machines } = this.#parts;
    const life = `${machine.name}#${incarnation.number}`;
    const registry = new SimRegistry({
      ...{ server: this.registry, network, asker: askerOf(machine, incarnation), machine, clock, life },
      random: forkedRandom(seed, `registry/${life}`),
    });
    const channels = simulatedChannels({
      ...{ machine, incarnation, network, scheduler, faults, clock },
      portOf: (name) => this.#portAt(name),
      machineOf: (name) => machines.get(name),
      onSend: ({ service, operation, key }, to) => this.#noteCall(`${service}.${operation}`, key, to),
    });
    const transport = new FleetTransport({
      ...{ registry, channels, clock, metrics, client: machine.name, balance: BALANCE },
      random: forkedRandom(seed, `balance/${life}`),
      log: this.#balanceLog(),
      affinityOf: affinityBy(system.contracts),
    });
    const { services } = beginning.place;
    transport.prepare(system.contracts.map(({ name }) => name).filter((name) => !services.includes(name)));
    const port = new CallPort(incarnation);
    this.#ports.set(machine.name, port);
    return new Member({ beginning, registry, transport, port, faults, hints: this.#hints.of(beginning) });
  }

  /** The storage of a process: what replicas share is on the server, the rest on disks of its own. */
  storageOf(own: Storage, { machine, incarnation, clock, crash }: Beginning): Storage {
    const { faults, disks, scheduler, note } = this.#parts;
    return {
      open: (service) => {
        if (!this.#shared.has(service)) return own.open(service);
        if (!incarnation.alive) return new Promise(() => {});
        const { server } = this;
        const stall = (forMs: number, stopsClock: boolean): Promise<void> => {
          if (stopsClock) machine.sleep(forMs);
          else machine.pausedUntil = Math.max(machine.pausedUntil, scheduler.now + forMs);
          return new Promise((resolve) => machine.enter(incarnation, resolve));
        };
        const options = { name: service, machine, incarnation, clock, server, faults, crash, stall, note };
        return Promise.resolve(new SharedDatabase({ ...options, backups: disks.backups }));
      },
    };
  }

  #portAt(name: string): CallPort | undefined {
    const port = this.#ports.get(name);
    return port?.life.alive === true && this.#parts.machines.get(name)?.ports.has(CALLS) === true ? port : undefined;
  }

  #noteCall(what: string, key: string | undefined, to: string): void {
    const { note } = this.#parts;
    if (!this.registry.isUp) note("a call is made while the registry is lost");
    if (key === undefined) return;
    const before = this.#sent.get(`${what} ${key}`);
    this.#sent.set(`${what} ${key}`, to);
    if (before !== undefined && before !== to) note("a call is repeated at another replica");
  }

  /** What the balancer tells of is what a batch must reach. */
  #balanceLog(): Logger {
    const { note } = this.#parts;
    return {
      ...silentLogger,
      warn: (message) => note(message),
      info: (message) => note(message),
    };
  }
}

interface MemberParts {
  readonly beginning: Beginning;
  readonly registry: SimRegistry;
  readonly transport: FleetTransport;
  readonly port: CallPort;
  readonly faults: Faults;
  readonly hints: Hints;
}

/** One process's part in the fleet: what `node/fleet-host` is in a real one. */
export class Member {
  readonly transport: FleetTransport;
  readonly hints: Hints;
  readonly #parts: MemberParts;
  #leases: readonly Lease[] = [];

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.transport = parts.transport;
    this.hints = parts.hints;
  }

  /** Takes calls, and tells the registry. */
  async serve(host: Host): Promise<void> {
    const { beginning, port, registry, faults } = this.#parts;
    const { machine, incarnation, clock, place } = beginning;
    machine.ports.set(CALLS, port.listener(callListener(host.transport, clock, faults)));
    const startedAt = clock.now();
    this.#leases = await Promise.all(
      place.services.map((service) =>
        registry.register({
          ...{ id: `${machine.name}#${incarnation.number}`, service, startedAt, health: "ready" },
          address: { host: machine.name, port: PORT },
        }),
      ),
    );
  }

  /** Ends in good order: takes no further calls, finishes what is under way, gives back what it holds. */
  async drain(host: Host): Promise<void> {
    const { port, registry, transport } = this.#parts;
    // A registry that does not answer holds nobody up.
    for (const lease of this.#leases) void lease.update("draining");
    await port.drain();
    await host.stop();
    await registry.close();
    await transport.close();
  }
}
