/** A bare simulated stage for tests of the simulator's parts: time, faults and machines, without hosts on them. */
import { FAULT_KINDS, type FaultKind, type FaultRates, Faults } from "../faults.ts";
import { History } from "../history.ts";
import { type Incarnation, Machine } from "../machine.ts";
import { Network } from "../network.ts";
import { forkedRandom } from "../random.ts";
import { Scheduler } from "../scheduler.ts";
import { Disks, simulatedStorage } from "../storage.ts";

/** The rates of a run in which only these faults happen. */
export function onlyRates(rates: Partial<FaultRates> = {}): FaultRates {
  const none = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  return { ...none, ...rates };
}

/** What {@link Stage} takes. */
export interface StageOptions {
  readonly seed?: number;
  /** Zero unless said. */
  readonly rates?: Partial<FaultRates>;
  /** Ids of faults; all that the rates give unless said. */
  readonly only?: ReadonlySet<string>;
}

/** Time, faults, machines and a network between them. */
export class Stage {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly faults: Faults;
  readonly disks = new Disks();
  readonly machines = new Map<string, Machine>();
  readonly network: Network;

  constructor({ seed = 1, rates = {}, only }: StageOptions = {}) {
    this.seed = seed;
    const scheduler = new Scheduler(forkedRandom(seed, "scheduler"));
    this.scheduler = scheduler;
    const now = (): number => scheduler.now;
    const history = new History(now);
    this.history = history;
    this.faults = new Faults({ seed, rates: onlyRates(rates), only, now, onFault: () => {} });
    this.network = new Network({
      ...{ scheduler, faults: this.faults, history, machines: this.machines },
      crash: (machine, why) => this.crash(machine, why),
    });
  }

  /** A new machine. */
  machine(name: string): Machine {
    const machine = new Machine(name, this.scheduler);
    this.machines.set(name, machine);
    return machine;
  }

  /** A machine's process dies, or the machine itself. It stays down. */
  crash(machine: Machine, why: string, isPowerCut = false): void {
    const { incarnation } = machine;
    if (incarnation === undefined) return;
    this.history.record("crash", machine.name, why);
    machine.dies(isPowerCut);
    this.disks.abandon(incarnation, isPowerCut);
  }

  /** The storage of a process. */
  storage(machine: Machine, incarnation: Incarnation, more: { readonly queuedMax?: number } = {}) {
    const { disks, faults, history } = this;
    const crash = (why: string): void => this.crash(machine, why);
    return simulatedStorage({ ...{ disks, machine, incarnation, faults, history, crash }, ...more });
  }

  /** Runs what is due until a promise is settled, and gives what it resolves to. */
  async settle<T>(promise: Promise<T>, longestMs = 600_000): Promise<T> {
    const state = { done: false };
    const done = (): void => void (state.done = true);
    promise.then(done, done);
    if (!(await this.scheduler.run(this.scheduler.now + longestMs, () => state.done)))
      throw new Error(`Nothing came of it in ${longestMs} ms of virtual time.`);
    return promise;
  }

  /** Runs what is due for a while. */
  async pass(ms: number): Promise<void> {
    await this.scheduler.run(this.scheduler.now + ms);
  }

  /** Lets virtual time pass for as long as a test awaits, a millisecond a turn, until it is told to stop. */
  pump(): { stop(): Promise<void> } {
    const state = { going: true };
    const pumping = (async () => {
      while (state.going) await this.pass(1);
    })();
    return {
      async stop() {
        state.going = false;
        await pumping;
      },
    };
  }
}

/** Whether a promise is settled, and how, after everything that is ready has run. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<"waits" | { readonly value: T } | { error: unknown }> {
  const waits = new Promise<"waits">((resolve) => void setImmediate(() => resolve("waits")));
  return Promise.race([
    promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    waits,
  ]);
}
