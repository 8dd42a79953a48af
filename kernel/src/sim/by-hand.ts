/**
 * A simulated fleet without faults that is used from outside: a test written for a system in one process, or for a real
 * fleet, asks this one the same. Virtual time moves while somebody waits for an answer, and when told to.
 */
import { FAULT_KINDS, Faults } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { History } from "./history.ts";
import { type HttpAsk, type SimResponse, askGateway } from "./http.ts";
import { drawPlacement } from "./placement.ts";
import { type SimState, stateOf } from "./properties.ts";
import { forkedRandom } from "./random.ts";
import { kernelUnderWay } from "./rest.ts";
import { BEGIN_MS } from "./run-seed.ts";
import { Scheduler } from "./scheduler.ts";
import type { Simulation } from "./simulation.ts";
import { Disks } from "./storage.ts";
import { drawRates } from "./swarm.ts";
import { prepared } from "./template.ts";

const STARTED_MS = 60_000;
const LONGEST_MS = 120_000;
const REST_MS = 300_000;
const LOOK_MS = 100;

/** A simulated fleet to be used from outside. */
export interface SimulatedFleet {
  /** Asks a gateway over simulated HTTP. Rejects when there is no answer. */
  ask(request: HttpAsk): Promise<SimResponse>;
  /** Lets virtual time pass, in milliseconds. */
  pause(ms: number): Promise<void>;
  /** Lets time pass until no event is unheard and no saga runs. @throws when it does not come to rest. */
  rest(): Promise<void>;
  /** Kills all processes of services and gateways at once; what they committed stays. They start again after a while. */
  kill(): void;
  /** Lets time pass until every process runs. @throws when one does not start. */
  up(): Promise<void>;
  /** The databases as they are now. */
  state(): SimState;
  /** Errors that hosts logged. */
  complaints(): readonly string[];
  /** Frees the databases. */
  close(): void;
}

/** Starts a simulation's system as a fleet, placed as the seed says; nothing goes wrong in it. */
export async function openSimulatedFleet(simulation: Simulation, seed = 1): Promise<SimulatedFleet> {
  const images = await prepared(simulation);
  const scheduler = new Scheduler(forkedRandom(seed, "scheduler"));
  scheduler.spend(BEGIN_MS);
  const now = (): number => scheduler.now;
  const history = new History(now);
  const none = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  const faults = new Faults({ seed, rates: drawRates(forkedRandom(seed, "swarm"), none), now, onFault: () => {} });
  const disks = new Disks(images);
  const names = simulation.system.services.map(({ contract }) => contract.name);
  const places = drawPlacement(names, forkedRandom(seed, "placement"), simulation.placement);
  const fleet = new Fleet({ seed, simulation, places, scheduler, faults, history, disks });
  fleet.start();
  if (!(await scheduler.run(scheduler.now + STARTED_MS, () => fleet.isUp)))
    throw new Error(`The simulated system does not start: ${complaintsIn(history).join("; ")}`);
  const state = (): SimState => stateOf(disks, { now: scheduler.now, reports: [], services: names });
  const asker = { name: "somebody", enter: (action: () => void) => action() };
  const time = new Time(scheduler);
  const pause = (ms: number): Promise<void> =>
    time.during(new Promise<void>((resolve) => void scheduler.after(ms, resolve)));
  return {
    ask: (request) => time.during(askGateway(fleet.httpOf(asker), request)),
    pause,
    async rest() {
      for (const givenUpAt = scheduler.now + REST_MS; ;) {
        const left = disks.isQuiet ? kernelUnderWay(state(), simulation.system) : ["transactions"];
        if (left.length === 0) return;
        if (scheduler.now > givenUpAt) throw new Error(`It does not come to rest: ${left.join("; ")}.`);
        await pause(LOOK_MS);
      }
    },
    kill() {
      for (const name of fleet.hostNames) fleet.crash(name, "all are killed", false);
    },
    async up() {
      for (const givenUpAt = scheduler.now + STARTED_MS; !fleet.isUp; await pause(LOOK_MS)) {
        if (scheduler.now > givenUpAt) throw new Error("Not all processes of the simulated system start again.");
      }
    },
    state,
    complaints: () => complaintsIn(history),
    close: () => disks.close(),
  };
}

function complaintsIn(history: History): readonly string[] {
  return history.events.filter(({ kind, what }) => kind === "log" && what.startsWith("error")).map(({ what }) => what);
}

/** Moves virtual time as long as somebody waits. Several may wait at once: one of them turns the wheel for all. */
class Time {
  readonly #scheduler: Scheduler;
  #waiting = 0;
  #turning: Promise<void> | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.#waiting += 1;
    const over = (): void => void (this.#waiting -= 1);
    work.then(over, over);
    let isOver = false;
    const ended = (): void => void (isOver = true);
    work.then(ended, ended);
    while (!isOver) {
      this.#turning ??= this.#turn().finally(() => (this.#turning = undefined));
      await this.#turning;
    }
    return work;
  }

  async #turn(): Promise<void> {
    const scheduler = this.#scheduler;
    const before = this.#waiting;
    // Each answer is told before time moves on: whoever asked may ask more.
    if (await scheduler.run(scheduler.now + LONGEST_MS, () => this.#waiting < before || this.#waiting === 0)) return;
    throw new Error(`Nothing was answered in ${LONGEST_MS} ms of virtual time.`);
  }
}
