/**
 * The processes of one group: brought to the number, the build and the services that are wanted, by the steps of
 * `roll-plan.ts`.
 */
import { ChangeUnderWay, NotReady } from "./faults.ts";
import { fleetPaths } from "./fleet-file.ts";
import type { Build } from "./host-process.ts";
import type { Instance } from "./instance.ts";
import { nextStep } from "./roll-plan.ts";

/** What a group should be. */
export interface GroupWish {
  readonly services: readonly string[];
  readonly replicas: number;
  /** The zones that its processes are spread over; the fleet's one zone unless said. */
  readonly zones?: readonly string[];
  readonly build: Build;
  /** Processes of another generation are replaced. */
  readonly generation: number;
}

/** Where one process of a group is. */
export interface Place {
  /** A gateway's. */
  readonly port?: number;
  readonly zone?: string;
}

/** Makes an instance with a name of its own. */
export type MakeInstance = (name: string, wish: GroupWish, place: Place) => Instance;

/** What a group takes. */
export interface GroupOptions {
  readonly name: string;
  readonly wish: GroupWish;
  /** The ports of gateways: the first one's. */
  readonly firstPort?: number;
  readonly make: MakeInstance;
  /** Names that others have. */
  readonly isTaken: (instance: string) => boolean;
  readonly say: (text: string) => void;
  /** The set of processes changed. */
  readonly changed: () => void;
  /** Whether the fleet comes to its end: then nothing is started any more, whatever change is under way. */
  readonly isEnding: () => boolean;
}

interface Member {
  readonly instance: Instance;
  readonly generation: number;
}

/** The processes of a group. */
export class Group {
  readonly name: string;
  readonly #options: GroupOptions;
  #wish: GroupWish;
  #members: readonly Member[] = [];

  constructor(options: GroupOptions) {
    this.name = options.name;
    this.#options = options;
    this.#wish = options.wish;
  }

  get wish(): GroupWish {
    return this.#wish;
  }

  get instances(): readonly Instance[] {
    return this.#members.map(({ instance }) => instance);
  }

  /** Starts what is missing, without waiting until it is ready: what fails is tried again for as long as it takes. */
  begin(): readonly Instance[] {
    while (this.#members.length < this.#wish.replicas) this.#start();
    return this.instances;
  }

  /**
   * Brings the group to what it should be now. No process is taken away before its successor is ready.
   * @throws {NotReady} when a new process is not; then the group is what it was before. {ChangeUnderWay} when the fleet is
   *   being stopped meanwhile.
   */
  async become(wish: GroupWish): Promise<void> {
    const before = this.#wish;
    this.#wish = wish;
    try {
      await this.#settle(before);
    } catch (error) {
      const undone = this.#members.filter((member) => this.#isNew(member, before));
      this.#wish = before;
      await Promise.all(undone.map((member) => this.#retire(member)));
      while (this.#members.length < before.replicas && !this.#options.isEnding()) this.#start();
      throw error;
    }
  }

  /** Gives all places up; resolves when no process is left. */
  async retireAll(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#retire(member)));
  }

  /** Whether a member came with the change that is under way; when only the number changes, the new ones are the last. */
  #isNew(member: Member, before: GroupWish): boolean {
    const { generation } = this.#wish;
    if (before.generation === generation) return this.#members.indexOf(member) >= before.replicas;
    return member.generation === generation;
  }

  async #settle(before: GroupWish): Promise<void> {
    for (;;) {
      if (this.#options.isEnding()) throw ChangeUnderWay.with({ change: "stopping" });
      const planned = this.#members.map(({ instance, generation }) => ({
        name: instance.name,
        isCurrent: generation === this.#wish.generation,
        isReady: instance.state.is === "ready",
      }));
      const step = nextStep(planned, this.#wish.replicas);
      if (step.do === "nothing") return;
      if (step.do === "start") this.#start();
      else if (step.do === "retire") await this.#retire(this.#member(step.name));
      else await this.#untilReady(this.#member(step.name), before);
    }
  }

  async #untilReady(member: Member, before: GroupWish): Promise<void> {
    const { instance } = member;
    const { name, spec } = instance;
    try {
      // Those from before are not given up with the change: they are tried again.
      await instance.ready({ isOnce: this.#isNew(member, before) });
    } catch (error) {
      const detail = error instanceof Error ? error.message : "ended";
      throw NotReady.with({ instance: name, detail, logFile: fleetPaths.log(spec.folder, name) });
    }
  }

  #start(): Instance {
    const { firstPort, make, isTaken } = this.#options;
    const wish = this.#wish;
    const name = firstFree((n) => `${this.name}-${n}`, isTaken);
    const zone = this.#zone();
    const instance = make(name, wish, {
      ...(firstPort === undefined ? {} : { port: this.#portFrom(firstPort) }),
      ...(zone === undefined ? {} : { zone }),
    });
    this.#members = [...this.#members, { instance, generation: wish.generation }];
    instance.start();
    this.#options.changed();
    return instance;
  }

  /** The zone in which the fewest of the wanted ones are: a roll leaves no zone without a process that has one. */
  #zone(): string | undefined {
    const { zones = [], generation } = this.#wish;
    const current = this.#members.filter((member) => member.generation === generation);
    const countIn = (zone: string): number => current.filter(({ instance }) => instance.spec.zone === zone).length;
    return zones.toSorted((one, other) => countIn(one) - countIn(other))[0];
  }

  /** The port that the fewest of the wanted ones have: a new process takes over from the old one on the same port. */
  #portFrom(first: number): number {
    const current = this.#members.filter(({ generation }) => generation === this.#wish.generation);
    const taken = new Set(current.map(({ instance }) => instance.spec.gatewayPort));
    let port = first;
    while (taken.has(port)) port += 1;
    return port;
  }

  async #retire(member: Member): Promise<void> {
    await member.instance.retire();
    this.#members = this.#members.filter((other) => other !== member);
    this.#options.changed();
  }

  #member(name: string): Member {
    const found = this.#members.find(({ instance }) => instance.name === name);
    if (found === undefined) throw new Error(`The group ${this.name} has no ${name}.`);
    return found;
  }
}

function firstFree(name: (n: number) => string, isTaken: (name: string) => boolean): string {
  let n = 1;
  while (isTaken(name(n))) n += 1;
  return name(n);
}
