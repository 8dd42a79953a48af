/** One run: a pure function of a simulation and a seed. */
import { type Actor, perform } from "./actors.ts";
import { Faults } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { History } from "./history.ts";
import { drawPlacement, replicated } from "./placement.ts";
import { type Check, type SimState, stateOf } from "./properties.ts";
import { forkedRandom } from "./random.ts";
import { kernelUnderWay } from "./rest.ts";
import { sagaTraces } from "./saga-traces.ts";
import { Scheduler } from "./scheduler.ts";
import {
  type RunResult,
  type SeedOptions,
  type SimViolation,
  type Simulation,
  actorsOf,
  hasReplicasIn,
} from "./simulation.ts";
import { Disks, type Images } from "./storage.ts";
import { drawRates } from "./swarm.ts";
import { prepared } from "./template.ts";
import { armTripwires } from "./tripwires/arm.ts";
import { plan } from "./weather.ts";

/** When runs begin: after all that the preparation may have taken, in virtual milliseconds. */
export const BEGIN_MS = 600_000;
const FAULTS_MS = 5_000;
const SETTLE_MS = 300_000;
const STARTED_MS = 60_000;
/** How often it is looked at whether the system rests; whether `always` properties hold, unless a simulation says. */
const LOOK_MS = 500;
const LOOK_AGAIN_MS = 2_000;

/** Runs of one process take turns: the tripwires are the process's own. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a seed. Never rejects for what the system does: that is a violation, and so is a use of anything that the seed
 * does not decide. Meanwhile nothing else in the process may use such a thing either: see {@link armTripwires}.
 */
export function runSeed(simulation: Simulation, options: SeedOptions): Promise<RunResult> {
  const run = last.then(() => runAlone(simulation, options));
  last = run.catch(() => {});
  return run;
}

async function runAlone(simulation: Simulation, options: SeedOptions): Promise<RunResult> {
  const images = await prepared(simulation);
  const wires = armTripwires();
  const run = new Run(simulation, options, images);
  try {
    return await run.result(() => wires.trips.map(({ source, stack }) => `${source} was used:\n${stack}`));
  } finally {
    run.close();
    wires.disarm();
  }
}

class Run {
  readonly #simulation: Simulation;
  readonly #seed: number;
  readonly #scheduler: Scheduler;
  readonly #history: History;
  readonly #faults: Faults;
  readonly #disks: Disks;
  readonly #fleet: Fleet;
  readonly #violations: SimViolation[] = [];
  readonly #seen = new Set<string>();
  readonly #notes = new Map<string, number>();
  readonly #reports: unknown[] = [];
  readonly #placement: readonly string[];
  readonly #actors: readonly Actor[];
  /** How soon it is looked again for a moment without a transaction: those of replicas take longer. */
  readonly #quietMs: number;
  #acting = 0;

  constructor(simulation: Simulation, { seed, only, onlyActors, keepsBodies }: SeedOptions, images: Images) {
    this.#simulation = simulation;
    this.#seed = seed;
    const scheduler = new Scheduler(forkedRandom(seed, "scheduler"));
    scheduler.spend(BEGIN_MS);
    const now = (): number => scheduler.now;
    const history = new History(now, keepsBodies);
    const hasReplicas = hasReplicasIn(simulation, seed);
    const rates = drawRates(forkedRandom(seed, "swarm"), simulation.rates, hasReplicas);
    this.#faults = new Faults({
      ...{ seed, rates, only, now },
      onFault: ({ kind, name }) => history.record("fault", kind, name),
    });
    this.#faults.healed = true;
    this.#scheduler = scheduler;
    this.#history = history;
    this.#disks = new Disks(images);
    this.#actors = actorsOf(simulation, seed).filter(({ name }) => onlyActors?.has(name) ?? true);
    const { services } = simulation.system;
    const names = services.map(({ contract }) => contract.name);
    const drawn = drawPlacement(names, forkedRandom(seed, "placement"), simulation.placement);
    const places = hasReplicas ? replicated(drawn, forkedRandom(seed, "replicas")) : drawn;
    this.#placement = places.map(({ machine, services: placed }) => `${machine}: ${placed.join(" ")}`);
    const [faults, disks] = [this.#faults, this.#disks];
    const onNote = (what: string): void => this.#note(what);
    this.#fleet = new Fleet({ seed, simulation, places, scheduler, faults, history, disks, hasReplicas, onNote });
    this.#quietMs = hasReplicas ? 1 : 0.1;
  }

  close(): void {
    this.#disks.close();
  }

  /** `escapes` gives what was used that the seed does not decide. */
  async result(escapes: () => readonly string[]): Promise<RunResult> {
    const { faultsMs = FAULTS_MS, settleMs = SETTLE_MS, next } = this.#simulation;
    const [scheduler, fleet, faults] = [this.#scheduler, this.#fleet, this.#faults];
    fleet.start();
    if (!(await scheduler.run(scheduler.now + STARTED_MS, () => fleet.isUp)))
      this.#violate("start", "it does not start");
    faults.healed = false;
    plan({ scheduler, faults, fleet, forMs: faultsMs, next });
    for (const actor of this.#actors) this.#send(actor);
    this.#lookOften();
    await scheduler.run(scheduler.now + faultsMs);
    faults.healed = true;
    fleet.heal();
    this.#history.record("note", "simulation", "faults are over");
    await this.#settle(scheduler.now + settleMs);
    await this.#look("eventually");
    await this.#look("always");
    this.#noteReached();
    for (const escape of escapes()) this.#violate("everything is decided by the seed", escape);
    return this.#told();
  }

  #send(actor: Actor): void {
    this.#acting += 1;
    const [seed, scheduler, history, fleet] = [this.#seed, this.#scheduler, this.#history, this.#fleet];
    const parts = {
      ...{ seed, scheduler, history, fleet, reports: this.#reports },
      isHealed: () => this.#faults.healed,
      onNote: (what: string) => this.#note(what),
    };
    const ended = (): void => void (this.#acting -= 1);
    perform(parts, actor).then(ended, (error: unknown) => {
      ended();
      this.#violate(`actor ${actor.name}`, String(error));
    });
  }

  async #settle(untilMs: number): Promise<void> {
    const [scheduler, fleet] = [this.#scheduler, this.#fleet];
    for (let left: readonly string[] = []; ;) {
      const isThrough = (): boolean => this.#acting === 0 && fleet.isUp && this.#disks.isQuiet;
      if (!(await scheduler.run(untilMs, isThrough))) left = [...left, `${this.#acting} actors wait`];
      else left = await this.#underWay();
      if (left.length === 0) return;
      if (scheduler.now >= untilMs) return this.#violate("comes to rest", left.join("; "));
      await scheduler.run(Math.min(untilMs, scheduler.now + LOOK_MS));
    }
  }

  async #underWay(): Promise<readonly string[]> {
    const { system, underWay } = this.#simulation;
    const state = this.#state();
    const own = (await underWay?.(state)) ?? [];
    // What costs more is asked when the rest is quiet.
    return own.length > 0 ? own : kernelUnderWay(state, system);
  }

  #lookOften(): void {
    const { lookMs = LOOK_AGAIN_MS } = this.#simulation;
    if (!this.#simulation.properties.some(({ kind }) => kind === "always")) return;
    let seen = 0;
    const look = (): void => {
      const { commits } = this.#history;
      const isNews = commits > seen;
      // What is read must be committed: between two transactions.
      const isQuiet = this.#disks.isQuiet;
      if (isQuiet && isNews) {
        seen = commits;
        void this.#look("always");
      }
      this.#scheduler.after(isQuiet ? lookMs : this.#quietMs, look);
    };
    this.#scheduler.after(lookMs, look);
  }

  async #look(kind: "always" | "eventually"): Promise<void> {
    for (const property of this.#simulation.properties) {
      if (property.kind !== kind) continue;
      for (const what of await found(property.check, this.#state())) this.#violate(property.name, what);
    }
  }

  #noteReached(): void {
    for (const property of this.#simulation.properties) {
      if (property.kind === "sometimes" && property.isReached?.(this.#state()) === true) this.#note(property.name);
    }
  }

  #note(what: string): void {
    this.#notes.set(what, (this.#notes.get(what) ?? 0) + 1);
  }

  #violate(property: string, what: string): void {
    if (this.#seen.has(`${property} ${what}`)) return;
    this.#seen.add(`${property} ${what}`);
    this.#history.record("violation", property, what);
    this.#violations.push({ property, what, at: this.#scheduler.now });
  }

  #state(): SimState {
    const services = this.#simulation.system.services.map(({ contract }) => contract.name);
    return stateOf(this.#disks, { now: this.#scheduler.now, reports: this.#reports, services });
  }

  #told(): RunResult {
    const history = this.#history;
    return {
      seed: this.#seed,
      violations: this.#violations,
      faults: this.#faults.happened,
      digest: history.digest(),
      events: history.events,
      eventCount: history.length,
      transactions: history.commits,
      crashes: this.#fleet.crashes,
      virtualMs: this.#scheduler.now - BEGIN_MS,
      notes: this.#notes,
      sagas: sagaTraces(this.#state(), this.#simulation.system),
      rates: this.#faults.rates,
      placement: this.#placement,
      actors: this.#actors.map(({ name }) => name),
    };
  }
}

/** What a check finds. One that throws has found something, too: perhaps in itself. */
async function found(check: Check, state: SimState): Promise<readonly string[]> {
  try {
    return await check(state);
  } catch (error) {
    return [`the check threw ${String(error)}`];
  }
}
