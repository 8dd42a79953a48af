/** A simulated fleet: machines with hosts on them, which start, die and start again. */
import type { Call, Identity } from "../contract/mod.ts";
import { Gateway } from "../gateway/mod.ts";
import { Metrics, Tracer } from "../observe/mod.ts";
import { Host, type Invocation, type System } from "../runtime/mod.ts";
import { BROKER, SimBroker } from "./broker.ts";
import { CALLS, EDGE, callEdge, callListener, edgeListener, simulatedTransport } from "./calls.ts";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import { HTTP, type HttpParts, SIM_URL, httpListener } from "./http.ts";
import { type Incarnation, Machine } from "./machine.ts";
import { type Asker, Network, askerOf } from "./network.ts";
import type { Place } from "./placement.ts";
import { forkedRandom } from "./random.ts";
import { REGISTRY } from "./replicas/registry-server.ts";
import { type Member, Replicas, SIM_LEASE_MS } from "./replicas/replicas.ts";
import { DATABASE } from "./replicas/server.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Simulation } from "./simulation.ts";
import { type Disks } from "./storage.ts";
import { simulatedWorld } from "./world.ts";

/** What a fleet is made of. */
export interface FleetParts {
  readonly seed: number;
  readonly simulation: Simulation;
  readonly places: readonly Place[];
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly history: History;
  readonly disks: Disks;
  /** Whether hosts find one another as those of a real fleet do; needed where places are replicas. */
  readonly hasReplicas?: boolean;
  /** Hears what was reached. */
  readonly onNote?: (what: string) => void;
}

/** How long a machine is down after its process died, in milliseconds: at least, and what is added at most. */
const DOWN_MS = 40;
const DOWN_JITTER_MS = 1_500;
/** How soon a start that failed is tried again. */
const RETRY_MS = 300;
/** How long a host that drains may take before it is killed, in milliseconds, and how soon it starts again. */
const GRACE_MS = 8_000;
const DRAINED_MS = 100;

/** The machines of a run. */
export class Fleet {
  readonly network: Network;
  readonly broker: SimBroker;
  readonly machines = new Map<string, Machine>();
  readonly #parts: FleetParts;
  readonly #hosts = new Map<string, Host>();
  /** The machines that have a service. */
  readonly #placesOf = new Map<string, string[]>();
  readonly #replicas: Replicas | undefined;
  readonly #members = new Map<string, Member>();
  readonly #gateways: readonly string[];
  /** Which system each machine runs from its next start on. */
  readonly #systems = new Map<string, System>();
  #crashes = 0;
  readonly #starting = new Set<string>();

  constructor(parts: FleetParts) {
    this.#parts = parts;
    const { scheduler, faults, history, places } = parts;
    for (const { machine, services } of places) {
      this.machines.set(machine, new Machine(machine, scheduler));
      for (const service of services) this.#placesOf.set(service, [...(this.#placesOf.get(service) ?? []), machine]);
    }
    const brokerMachine = new Machine(BROKER, scheduler);
    this.machines.set(BROKER, brokerMachine);
    this.#gateways = places.filter(({ isGateway }) => isGateway).map(({ machine }) => machine);
    this.network = new Network({
      ...{ scheduler, faults, history, machines: this.machines },
      crash: (machine, why) => this.crash(machine.name, why, false),
    });
    this.broker = new SimBroker({ machine: brokerMachine, scheduler, network: this.network, faults, history });
    this.#replicas = parts.hasReplicas === true ? this.#makeReplicas() : undefined;
  }

  /** The machines that run hosts. */
  get hostNames(): readonly string[] {
    return this.#parts.places.map(({ machine }) => machine);
  }

  /** The machines that hosts need and that run none. */
  get serverNames(): readonly string[] {
    return this.#replicas === undefined ? [BROKER] : [BROKER, DATABASE, REGISTRY];
  }

  /** How many processes died. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Whether every process runs. */
  get isUp(): boolean {
    return (
      this.hostNames.every((name) => this.#hosts.has(name)) &&
      this.serverNames.every((name) => this.machines.get(name)?.incarnation !== undefined)
    );
  }

  /** The hosts that run, by machine. */
  get hosts(): ReadonlyMap<string, Host> {
    return this.#hosts;
  }

  /** Starts everything. */
  start(): void {
    this.broker.start();
    this.#replicas?.start();
    for (const name of this.hostNames) this.#start(name);
  }

  /** A machine's process dies, and starts again after a while. */
  crash(name: string, why: string, isPowerCut: boolean, system?: System): void {
    if (name === BROKER) return this.crashBroker(false);
    if (name === DATABASE || name === REGISTRY) return this.restartServer(name, this.#downMs(name));
    const machine = this.machines.get(name);
    const { incarnation } = machine ?? {};
    if (system !== undefined) this.#systems.set(name, system);
    if (machine === undefined || incarnation === undefined) return;
    const { history, disks } = this.#parts;
    this.#crashes += 1;
    history.record("crash", name, why);
    machine.dies(isPowerCut);
    this.#hosts.delete(name);
    disks.abandon(incarnation, isPowerCut);
    this.#startAfter(name, this.#downMs(name));
  }

  /** The broker dies, with what it had not written down or with everything, and starts again. */
  crashBroker(wiped: boolean): void {
    const { history, scheduler } = this.#parts;
    if (this.machines.get(BROKER)?.incarnation === undefined) return;
    this.#crashes += 1;
    history.record("crash", BROKER, wiped ? "and everything on it is gone" : "with what it had not written down");
    this.broker.dies(wiped);
    scheduler.after(this.#downMs(BROKER), () => {
      history.record("start", BROKER, "again");
      this.broker.start();
    });
  }

  /** The database server that replicas share dies, and starts again; so does the registry, perhaps with nothing in it. */
  restartServer(name: typeof DATABASE | typeof REGISTRY, downMs: number, wiped = false): void {
    const { history, scheduler } = this.#parts;
    const replicas = this.#replicas;
    if (replicas === undefined || this.machines.get(name)?.incarnation === undefined) return;
    this.#crashes += 1;
    history.record("crash", name, wiped ? "and everything on it is gone" : "it is restarted");
    const server = name === DATABASE ? replicas.server : replicas.registry;
    server.dies(wiped);
    scheduler.after(downMs, () => {
      history.record("start", name, "again");
      server.start();
    });
  }

  /**
   * A host is told to end: it takes no further calls, finishes what is under way and starts again, in another version
   * perhaps. One that takes too long is killed. Without a registry there is nobody to tell, and it is restarted at once.
   */
  drain(name: string, system?: System): void {
    const [machine, host, member] = [this.machines.get(name), this.#hosts.get(name), this.#members.get(name)];
    const life = machine?.incarnation;
    if (this.#replicas === undefined) return this.crash(name, "it is restarted", false, system);
    // One that is down just now starts in the other version, too.
    if (system !== undefined) this.#systems.set(name, system);
    if (machine === undefined || host === undefined || life === undefined || member === undefined) return;
    const { history, disks, scheduler, onNote } = this.#parts;
    history.record("note", name, "is told to end");
    for (const port of [HTTP, EDGE]) machine.ports.delete(port);
    const ended = (): void => {
      if (!life.alive) return;
      history.record("note", name, "has ended");
      onNote?.("a host ended in good order");
      machine.dies();
      this.#hosts.delete(name);
      disks.abandon(life, false);
      this.#startAfter(name, DRAINED_MS);
    };
    machine.enter(life, () => void member.drain(host).then(ended, ended));
    scheduler.after(GRACE_MS, () => {
      if (life.alive) this.crash(name, "it took too long to end", false);
    });
  }

  /** Nothing is cut, slow, paused or off any more. */
  heal(): void {
    this.network.heal();
    for (const machine of this.machines.values()) {
      machine.slowness = 1;
      machine.pausedUntil = 0;
      machine.drift = 0;
    }
  }

  /** Makes a call as an operator would, at whatever machine has the service. */
  async invoke(call: Invocation): Promise<unknown> {
    const [host] = (this.#placesOf.get(call.service) ?? []).flatMap((name) => this.#hosts.get(name) ?? []);
    if (host === undefined) throw new Error(`The host of ${call.service} does not run.`);
    return (await host.invoke(call)).output;
  }

  /** Makes a call as an actor, through a gateway, once. @throws its fault, or `transport/unreachable`. */
  invokeAs(
    asker: Asker,
    { service, operation, input }: Call,
    { key, identity }: { readonly key: string; readonly identity?: Identity },
  ): Promise<unknown> {
    const to = this.httpOf(asker).gatewayFor(this.#parts.faults.occasion(`edge ${asker.name} ${key}`));
    const call = { service, operation, input, key, ...(identity === undefined ? {} : { identity }) };
    return callEdge(this.network, asker, to, call);
  }

  /** Asks gateways as somebody outside: each request goes to one that its occasion decides. */
  httpOf(asker: HttpParts["asker"]): HttpParts {
    const { faults } = this.#parts;
    return {
      network: this.network,
      asker,
      occasion: (name) => faults.occasion(name),
      gatewayFor: (occasion) =>
        this.#gateways[Math.floor(faults.amount("gateway", occasion) * this.#gateways.length)] ?? "",
    };
  }

  #downMs(name: string): number {
    const { faults } = this.#parts;
    return DOWN_MS + DOWN_JITTER_MS * faults.amount("down", faults.occasion(`${name} down`));
  }

  #makeReplicas(): Replicas {
    const { seed, places, scheduler, faults, history, disks, onNote = () => {} } = this.#parts;
    const [server, registry] = [new Machine(DATABASE, scheduler), new Machine(REGISTRY, scheduler)];
    this.machines.set(DATABASE, server);
    this.machines.set(REGISTRY, registry);
    const { network, machines } = this;
    return new Replicas({
      ...{ seed, places, scheduler, faults, history, disks, network, machines, server, registry, note: onNote },
    });
  }

  #startAfter(name: string, delayMs: number): void {
    if (this.#starting.has(name)) return;
    this.#starting.add(name);
    this.#parts.scheduler.after(delayMs, () => {
      this.#starting.delete(name);
      this.#start(name);
    });
  }

  #start(name: string): void {
    const machine = this.machines.get(name);
    const place = this.#parts.places.find((one) => one.machine === name);
    if (machine === undefined || place === undefined || machine.incarnation !== undefined) return;
    const incarnation = machine.born();
    this.#parts.history.record("start", name, `life ${incarnation.number}`);
    this.#boot(machine, incarnation, place).catch((error: unknown) => {
      if (!incarnation.alive) return;
      this.#parts.history.record("log", name, `error: it could not start: ${String(error)}`);
      machine.dies();
      this.#parts.disks.abandon(incarnation, false);
      this.#startAfter(name, RETRY_MS);
    });
  }

  async #boot(machine: Machine, incarnation: Incarnation, place: Place): Promise<void> {
    const { seed, simulation, faults, history, disks } = this.#parts;
    const { name } = machine;
    const asker = askerOf(machine, incarnation);
    const crash = (why: string): void => this.crash(name, why, false);
    const world = simulatedWorld({
      ...{ seed, machine, incarnation, faults, history, disks, crash },
      http: this.httpOf(asker),
    });
    const { clock, random } = world;
    const metrics = new Metrics();
    const tracer = new Tracer({ clock, random, sampleRate: 0 });
    const broker = this.broker.clientOf(machine, incarnation, forkedRandom(seed, `poll/${name}#${incarnation.number}`));
    const system = this.#systems.get(name) ?? simulation.system;
    const beginning = { machine, incarnation, place, system, clock, metrics, crash };
    const member = this.#replicas?.join(beginning);
    const placeOf = (service: string): string => this.#placesOf.get(service)?.[0] ?? "";
    const transport = member?.transport ?? simulatedTransport({ network: this.network, asker, clock, placeOf });
    const storage = this.#replicas?.storageOf(world.storage, beginning) ?? world.storage;
    const host = await Host.start({
      ...{ system, world: { ...world, storage }, metrics, tracer, place: place.services, replica: name },
      ...(member === undefined
        ? { elsewhere: { transport, broker } }
        : { elsewhere: { transport, broker, hints: member.hints }, leaseMs: SIM_LEASE_MS }),
      ...(simulation.settings === undefined ? {} : { settings: simulation.settings(SIM_URL) }),
      settingsFrom: '"settings" of the simulation',
    });
    const occasion = (what: string): string => faults.occasion(what);
    if (member === undefined) machine.ports.set(CALLS, callListener(host.transport, clock, faults));
    else {
      await member.serve(host);
      this.#members.set(name, member);
    }
    if (place.isGateway) {
      machine.ports.set(EDGE, edgeListener(host, occasion));
      const gateway = new Gateway({
        contracts: system.contracts,
        info: { title: system.name, version: "sim" },
        invoke: ({ key, identity, signal, ...rest }) =>
          host.invoke({
            ...rest,
            ...(key === undefined ? {} : { key }),
            ...(identity === undefined ? {} : { identity }),
            ...(signal === undefined ? {} : { signal }),
          }),
        ...simulation.judges?.(host),
        ...{ clock, tracer, metrics, log: world.log, random: world.random, eventLoop: world.eventLoop },
      });
      machine.ports.set(HTTP, httpListener(gateway, occasion));
    }
    this.#hosts.set(name, host);
  }
}
