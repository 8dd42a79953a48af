/** A simulation: a system, those who use it, what goes wrong, and what must hold all the same. */
import type { Authenticate } from "../gateway/mod.ts";
import type { Host, Settings, System } from "../runtime/mod.ts";
import type { Actor } from "./actors.ts";
import type { FaultRates, FaultRecord } from "./faults.ts";
import type { SimEvent } from "./history.ts";
import type { PlacementStyle } from "./placement.ts";
import type { Check, Property } from "./properties.ts";
import type { SagaTrace } from "./saga-traces.ts";

/** What {@link simulation} takes. */
export interface Simulation {
  readonly name: string;
  readonly system: System;
  /** The version into which rolling restarts go; the same unless said. */
  readonly next?: System;
  /** Settings of the services, told where the gateway is reached. */
  readonly settings?: (url: string) => Settings;
  /** Judges of tokens and API keys, for systems that are used over HTTP. */
  readonly judges?: (host: Host) => { readonly authenticate: Authenticate; readonly apiKey: Authenticate };
  /** Fills the databases with what every run begins with. Done once for all runs, without faults. */
  readonly prepare?: (host: Host) => Promise<void>;
  /** Who uses the system. Asked once for each run. */
  readonly actors: (run: { readonly seed: number }) => readonly Actor[];
  readonly properties: readonly Property[];
  /** What is still under way; nothing, when the system has come to rest. The kernel's own work is known without it. */
  readonly underWay?: Check;
  /** For how long faults happen, in virtual milliseconds; 5,000 unless said. */
  readonly faultsMs?: number;
  /** For how long the system may take to come to rest after that; 300,000 unless said. */
  readonly settleMs?: number;
  /** How often `always` properties are looked at, in virtual milliseconds; 2,000 unless said. */
  readonly lookMs?: number;
  /** How services are placed; drawn for each seed unless said. */
  readonly placement?: PlacementStyle;
  /**
   * Every which seed runs with replicas: some services on two or three machines each, which share a database on a server,
   * choose one that leads, and are found through a registry. None unless said.
   */
  readonly replicasEvery?: number;
  /** Rates of faults that are not to be drawn. */
  readonly rates?: Partial<FaultRates>;
}

/** A seed, and what of it is to be run. */
export interface SeedOptions {
  readonly seed: number;
  /** Lets only these faults happen, by their ids: for shrinking and replaying. */
  readonly only?: ReadonlySet<string>;
  /** Lets only these actors act, by their names. */
  readonly onlyActors?: ReadonlySet<string>;
  /** Keeps with the events what was sent: for telling a run. It makes no other difference. */
  readonly keepsBodies?: boolean;
}

/** Something that did not hold. */
export interface SimViolation {
  readonly property: string;
  readonly what: string;
  /** When it was seen, in virtual milliseconds. */
  readonly at: number;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly violations: readonly SimViolation[];
  readonly faults: readonly FaultRecord[];
  /** The history's digest: equal for equal histories. */
  readonly digest: string;
  readonly events: readonly SimEvent[];
  /** How many events there were; more than are kept, perhaps. */
  readonly eventCount: number;
  readonly transactions: number;
  readonly crashes: number;
  /** How long it took in virtual time, in milliseconds. */
  readonly virtualMs: number;
  /** Notes of actors and how often each came. */
  readonly notes: ReadonlyMap<string, number>;
  /** The sagas that ran, as their journals tell in the end. */
  readonly sagas: readonly SagaTrace[];
  readonly rates: FaultRates;
  readonly placement: readonly string[];
  /** The actors that acted. */
  readonly actors: readonly string[];
}

/** Whether a seed runs with replicas. */
export function hasReplicasIn({ replicasEvery }: Simulation, seed: number): boolean {
  return replicasEvery !== undefined && seed % replicasEvery === 0;
}

/** Defines a simulation. @throws {TypeError} when it has no properties, or two of one name. */
export function simulation(options: Simulation): Simulation {
  const { name, properties } = options;
  if (properties.length === 0) throw new TypeError(`The simulation "${name}" has no properties: it could not fail.`);
  const twice = twiceIn(properties.map((property) => property.name));
  if (twice !== undefined) throw new TypeError(`The simulation "${name}" has two properties "${twice}".`);
  return options;
}

/** The actors of a run. @throws {TypeError} when there are none, or two of one name. */
export function actorsOf({ name, actors }: Simulation, seed: number): readonly Actor[] {
  const all = actors({ seed });
  if (all.length === 0) throw new TypeError(`The simulation "${name}" has no actors: nothing would happen.`);
  const twice = twiceIn(all.map((actor) => actor.name));
  // Randomness and faults are named after actors.
  if (twice !== undefined) throw new TypeError(`The simulation "${name}" has two actors "${twice}".`);
  return all;
}

function twiceIn(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}
