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
}

/** How long a machine is down after its process died, in milliseconds: at least, and what is added at most. */
const DOWN_MS = 40;
const DOWN_JITTER_MS = 1_500;
/** How soon a start that failed is tried again. */
const RETRY_MS = 300;

/** The machines of a run. */
export class Fleet {
  readonly network: Network;
  readonly broker: SimBroker;
  readonly machines = new Map<string, Machine>();
  readonly #parts: FleetParts;
  readonly #hosts = new Map<string, Host>();
  readonly #placeOf = new Map<string, string>();
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
      for (const service of services) this.#placeOf.set(service, machine);
    }
    const brokerMachine = new Machine(BROKER, scheduler);
    this.machines.set(BROKER, brokerMachine);
    this.#gateways = places.filter(({ isGateway }) => isGateway).map(({ machine }) => machine);
    this.network = new Network({
      ...{ scheduler, faults, history, machines: this.machines },
      crash: (machine, why) => this.crash(machine.name, why, false),
    });
    this.broker = new SimBroker({ machine: brokerMachine, scheduler, network: this.network, faults, history });
  }

  /** The machines that run hosts. */
  get hostNames(): readonly string[] {
    return this.#parts.places.map(({ machine }) => machine);
  }

  /** How many processes died. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Whether every process runs. */
  get isUp(): boolean {
    return (
      this.hostNames.every((name) => this.#hosts.has(name)) && this.machines.get(BROKER)?.incarnation !== undefined
    );
  }

  /** The hosts that run, by machine. */
  get hosts(): ReadonlyMap<string, Host> {
    return this.#hosts;
  }

  /** Starts everything. */
  start(): void {
    this.broker.start();
    for (const name of this.hostNames) this.#start(name);
  }

  /** A machine's process dies, and starts again after a while. */
  crash(name: string, why: string, isPowerCut: boolean, system?: System): void {
    if (name === BROKER) return this.crashBroker(false);
    const machine = this.machines.get(name);
    const { incarnation } = machine ?? {};
    if (system !== undefined) this.#systems.set(name, system);
    if (machine === undefined || incarnation === undefined) return;
    const { history, disks, faults } = this.#parts;
    this.#crashes += 1;
    history.record("crash", name, why);
    machine.dies();
    this.#hosts.delete(name);
    disks.abandon(incarnation, isPowerCut);
    this.#startAfter(name, DOWN_MS + DOWN_JITTER_MS * faults.amount("down", faults.occasion(`${name} down`)));
  }

  /** The broker dies, with what it had not written down or with everything, and starts again. */
  crashBroker(wiped: boolean): void {
    const { history, faults, scheduler } = this.#parts;
    if (this.machines.get(BROKER)?.incarnation === undefined) return;
    this.#crashes += 1;
    history.record("crash", BROKER, wiped ? "and everything on it is gone" : "with what it had not written down");
    this.broker.dies(wiped);
    const downMs = DOWN_MS + DOWN_JITTER_MS * faults.amount("down", faults.occasion("broker down"));
    scheduler.after(downMs, () => {
      history.record("start", BROKER, "again");
      this.broker.start();
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
    const host = this.#hosts.get(this.#placeOf.get(call.service) ?? "");
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
    const transport = simulatedTransport({
      ...{ network: this.network, asker, clock },
      placeOf: (service) => this.#placeOf.get(service) ?? "",
    });
    const broker = this.broker.clientOf(machine, incarnation, forkedRandom(seed, `poll/${name}#${incarnation.number}`));
    const system = this.#systems.get(name) ?? simulation.system;
    const host = await Host.start({
      ...{ system, world, metrics, tracer, place: place.services, elsewhere: { transport, broker } },
      ...(simulation.settings === undefined ? {} : { settings: simulation.settings(SIM_URL) }),
    });
    const occasion = (what: string): string => faults.occasion(what);
    machine.ports.set(CALLS, callListener(host.transport, clock, faults));
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
        ...{ clock, tracer, metrics, log: world.log },
      });
      machine.ports.set(HTTP, httpListener(gateway, occasion));
    }
    this.#hosts.set(name, host);
  }
}
