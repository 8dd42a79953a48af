/**
 * Changes of a fleet that runs: rolls, restarts, scaling, moving a service. One at a time; each is complete, or is
 * undone. The placement is kept when a change is complete, so a crash in the middle leaves the one from before.
 */
import { ChangeUnderWay, UnknownName } from "./faults.ts";
import type { Group, GroupWish } from "./group.ts";
import type { Build } from "./host-process.ts";
import { GATEWAY, type Placement, groupOf, placeService, placementDiff, scaleGroup } from "./placement.ts";

/** What changes are made to. */
export interface ChangesOptions {
  /** The groups that run; changes add and take away. */
  readonly groups: Map<string, Group>;
  readonly placement: Placement;
  readonly build: Build;
  /** The services that are programs of their own. */
  readonly programs?: readonly string[];
  readonly addGroup: (name: string, wish: GroupWish) => Group;
  /** Why nothing can be changed now; undefined when it can. */
  readonly refusal: () => string | undefined;
  /** Keeps a placement over the end of the fleet. */
  readonly keep: (placement: Placement) => void;
  readonly say: (text: string) => void;
}

/** Changes a fleet. */
export class Changes {
  readonly #options: ChangesOptions;
  #placement: Placement;
  #build: Build;
  #underWay: string | undefined;
  #generation = 0;
  #rolls = 0;

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#placement = options.placement;
    this.#build = options.build;
  }

  /** Where everything runs now. */
  get placement(): Placement {
    return this.#placement;
  }

  /** The change that is under way, in words. */
  get underWay(): string | undefined {
    return this.#underWay;
  }

  /**
   * Replaces the processes of a group, or `all`, one after another, by ones of a build: its entry as it is and a label
   * that counts, unless said. @throws {NotReady} when a new one is not ready; the old ones of its group go on.
   */
  roll(name: string, build: Partial<Build> = {}): Promise<void> {
    return this.#exclusively(
      `roll of ${name}`,
      () => this.#named(name),
      async (groups) => {
        this.#rolls += 1;
        const label = build.label ?? `${this.#build.label.replace(/\+\d+$/, "")}+${this.#rolls}`;
        const next = { entry: build.entry ?? this.#build.entry, label };
        for (const group of groups) await this.#replace(group, { build: next });
        if (name === "all") this.#build = next;
      },
    );
  }

  /** Replaces the processes of a group, or `all`, by ones of the same build; one that waits is started at once. */
  restart(name: string): Promise<void> {
    return this.#exclusively(
      `restart of ${name}`,
      () => this.#named(name),
      async (groups) => {
        for (const group of groups) {
          for (const instance of group.instances) instance.retryNow();
          await this.#replace(group, {});
        }
      },
    );
  }

  /** Sets how many processes a group has. @throws {PlacementInvalid | UnknownName | NotReady} */
  scale(name: string, replicas: number): Promise<void> {
    const planned = (): Placement => scaleGroup(this.#placement, name, replicas);
    return this.#exclusively(`scaling ${name} to ${replicas}`, planned, async (placement) => {
      for (const group of this.#named(name)) await group.become({ ...group.wish, replicas });
      this.#keep(placement);
    });
  }

  /** Moves a service to another group; it is in a ready process at every moment. */
  place(service: string, to: string): Promise<void> {
    const planned = (): Placement => placeService(this.#placement, service, to, this.#options.programs);
    return this.#exclusively(`moving ${service} to ${to}`, planned, async (placement) => {
      await this.#move(placement);
      this.#keep(placement);
    });
  }

  async #move(to: Placement): Promise<void> {
    const { groups, addGroup } = this.#options;
    const done: { group: Group; before: GroupWish }[] = [];
    try {
      for (const { group: name, isOther, ...placed } of placementDiff(this.#placement, to)) {
        const { services, replicas } = placed;
        const wish = { ...placed, build: this.#buildOf(placed.services), generation: this.#generation };
        const group = groups.get(name) ?? addGroup(name, { ...wish, replicas: 0 });
        const before = group.wish;
        if (isOther) await this.#replace(group, { services, replicas });
        else await group.become({ ...before, replicas });
        done.unshift({ group, before });
        if (replicas === 0) groups.delete(name);
      }
    } catch (error) {
      // Back, the last one first: a group that lost a service has it again before another loses it.
      for (const { group, before } of done) {
        groups.set(group.name, group);
        await this.#replace(group, before);
      }
      throw error;
    } finally {
      for (const [name, { wish }] of groups) if (wish.replicas === 0) groups.delete(name);
    }
  }

  /** That of the group where they are now: whoever moves must not go back to the build from before its roll. */
  #buildOf(services: readonly string[]): Build {
    const from = [...this.#options.groups.values()].find(({ wish }) =>
      wish.services.some((name) => services.includes(name)),
    );
    return from?.wish.build ?? this.#build;
  }

  #replace(group: Group, change: Partial<GroupWish>): Promise<void> {
    this.#generation += 1;
    return group.become({ ...group.wish, ...change, generation: this.#generation });
  }

  /**
   * One change at a time: two that interleave would leave a placement that nobody asked for. What the plan refuses has not
   * begun, and is told to nobody but who asked.
   */
  async #exclusively<P>(change: string, plan: () => P, action: (planned: P) => Promise<void>): Promise<void> {
    const { refusal, say } = this.#options;
    const other = refusal() ?? this.#underWay;
    if (other !== undefined) throw ChangeUnderWay.with({ change: other });
    const planned = plan();
    this.#underWay = change;
    say(`${change} begins`);
    try {
      await action(planned);
      say(`${change} is done`);
    } catch (error) {
      say(`${change} failed: ${error instanceof Error ? error.message : "unknown"}`);
      throw error;
    } finally {
      this.#underWay = undefined;
    }
  }

  #named(name: string): readonly Group[] {
    const { groups } = this.#options;
    if (name === "all") return [...groups.values()];
    const group = groups.get(name === GATEWAY ? GATEWAY : groupOf(this.#placement, name));
    if (group === undefined) throw UnknownName.with({ name, known: [...groups.keys()] });
    return [group];
  }

  #keep(placement: Placement): void {
    this.#placement = placement;
    this.#options.keep(placement);
  }
}
