/**
 * The supervisor of a local fleet: servers, then services, then gateways; restarts, rolls, scaling, moving; and the way
 * down in the opposite order.
 *
 * Across a crash: the placement file and what the servers kept. Processes end themselves when their supervisor is gone;
 * the next start ends what did not, and starts everything anew. A change that was under way is forgotten: the placement
 * file is written when a change is complete.
 */
import { mkdirSync } from "node:fs";
import type { Clock, Timer } from "../../std/mod.ts";
import { type FolderLock, lockFolder } from "../sqlite/folder-lock.ts";
import type { CredentialsWriter, FleetEngines } from "./engine.ts";
import { EngineKeeper } from "./engine-keeper.ts";
import { ChangeUnderWay, UnknownName } from "./faults.ts";
import { fleetPaths, replaceFile, writeFleetFile } from "./fleet-file.ts";
import { Group, type GroupWish } from "./group.ts";
import type { Build } from "./host-process.ts";
import { Instance, type InstanceLimits } from "./instance.ts";
import { InstanceFiles } from "./instance-files.ts";
import { instanceRow } from "./instance-row.ts";
import { cleanUp, keepPids, loggedInstances } from "./leftovers.ts";
import { rotateLog } from "./log-files.ts";
import {
  GATEWAY,
  type Placement,
  groupOf,
  placeService,
  placementDiff,
  placementText,
  scaleGroup,
} from "./placement.ts";
import { RESTART_LIMITS } from "./restart-policy.ts";
import type { FleetSnapshot } from "./rows.ts";

/** A start may take 60 s, a drain 30 s, an end 10 s; a process that is silent for 60 s is killed. */
export const INSTANCE_LIMITS: InstanceLimits = {
  startMs: 60_000,
  drainMs: 30_000,
  stopMs: 10_000,
  silentMs: 60_000,
  restart: RESTART_LIMITS,
};

const WATCH_MS = 1_000;
/** How many processes start at the same time: more would only make each of them slower. */
const STARTING_MAX = 3;
const LEFTOVER_MS = 10_000;

/** What a supervisor takes. */
export interface SupervisorOptions {
  /** The fleet's folder: everything of it is in there. */
  readonly folder: string;
  readonly system: { readonly name: string; readonly services: readonly string[] };
  readonly placement: Placement;
  readonly build: Build;
  readonly engines: FleetEngines;
  readonly clock: Clock;
  /** Without it processes get no identity. */
  readonly credentials?: CredentialsWriter;
  /** The trust domain while there is no {@link CredentialsWriter}; `isomer.local` unless said. */
  readonly trustDomain?: string;
  /** `local` unless said. */
  readonly zone?: string;
  /** Secrets of the system's own for a process with these services. By service. */
  readonly secrets?: (services: readonly string[]) => Readonly<Record<string, Record<string, string>>>;
  /** More of the environment of all processes. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: Partial<InstanceLimits>;
  /** How long processes of a supervisor that was killed may take to end by themselves, in milliseconds; 10,000 unless said. */
  readonly leftoverMs?: number;
  /** Something happened that its operator may want to read: a sentence. */
  readonly say: (text: string) => void;
}

type Phase = "starting" | "running" | "stopping" | "stopped";

/** A local fleet. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #keepers: readonly EngineKeeper[];
  readonly #groups = new Map<string, Group>();
  readonly #files: InstanceFiles;
  readonly #stopped = Promise.withResolvers<void>();
  #placement: Placement;
  #phase: Phase = "starting";
  #change: string | undefined;
  #build: Build;
  #generation = 0;
  #rolls = 0;
  #lock: FolderLock | undefined;
  #watch: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#placement = options.placement;
    this.#build = options.build;
    this.#files = new InstanceFiles(options);
    const { clock, say } = options;
    const changed = (): void => this.#keepPids();
    const limits = this.#limits.restart;
    this.#keepers = options.engines.all.map((engine) => new EngineKeeper({ engine, clock, limits, say, changed }));
  }

  /** Resolves when the fleet has stopped, whoever stopped it. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  get folder(): string {
    return this.#options.folder;
  }

  get placement(): Placement {
    return this.#placement;
  }

  /**
   * Starts everything, and resolves when each process is ready or has failed once; what failed is tried again.
   * @throws {FolderInUse} when a fleet runs in the folder; what a server says when it does not start.
   */
  async start(): Promise<void> {
    const { folder, clock, say, leftoverMs = LEFTOVER_MS } = this.#options;
    // Servers that run as another user must get to their own folders in it; everything else is readable by its owner only.
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    this.#lock = lockFolder(folder);
    try {
      const left = await cleanUp(folder, clock, leftoverMs);
      if (left.length > 0) say(`ended what an earlier fleet left running: ${left.map(({ name }) => name).join(", ")}`);
      for (const keeper of this.#keepers) {
        if (this.#phase !== "starting") return;
        await keeper.start();
        say(`${keeper.engine.name} runs on ${keeper.engine.address}`);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#writeFleet();
    this.#startWatching();
    for (const [name, { services, replicas }] of Object.entries(this.#placement.groups))
      this.#addGroup(name, { services, replicas, build: this.#build, generation: 0 });
    await this.#beginAll([...this.#groups.values()]);
    if (this.#phase !== "starting") return;
    await this.#beginAll([this.#addGateways()]);
    if (this.#phase === "starting") this.#phase = "running";
  }

  /** Stops everything: gateways, then services, then servers. Waits for what is under way, within bounds. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  /** Ends everything at once. What was acknowledged is kept; it is the same as a power cut. */
  kill(): void {
    void this.stop();
    for (const { instances } of this.#groups.values()) for (const instance of instances) instance.kill();
    for (const { engine } of this.#keepers) engine.kill();
  }

  /** What runs now. */
  snapshot(): FleetSnapshot {
    const now = this.#options.clock.monotonicMs();
    const rows = [...this.#groups.values()].flatMap((group) =>
      group.instances.map((instance) => instanceRow(group.name, instance, now)),
    );
    return {
      system: this.#options.system.name,
      folder: this.folder,
      gateways: [...this.#gatewayUrls()],
      ...(this.#change === undefined ? {} : { change: this.#change }),
      rows: [...rows, ...this.#keepers.map((keeper) => keeper.row())],
    };
  }

  /**
   * Replaces the processes of a group, or `all`, one after another, by ones of a build: its entry, its label, each as it
   * is unless said. @throws {NotReady} when a new one is not ready; the old ones go on.
   */
  roll(name: string, build: Partial<Build> = {}): Promise<void> {
    return this.#exclusively(`roll of ${name}`, async () => {
      this.#rolls += 1;
      const label = build.label ?? `${this.#build.label.replace(/\+\d+$/, "")}+${this.#rolls}`;
      const next = { entry: build.entry ?? this.#build.entry, label };
      for (const group of this.#named(name)) await this.#replace(group, { build: next });
      if (name === "all") this.#build = next;
    });
  }

  /** Replaces the processes of a group, or `all`, by ones of the same build; one that waits is started at once. */
  restart(name: string): Promise<void> {
    return this.#exclusively(`restart of ${name}`, async () => {
      for (const group of this.#named(name)) {
        for (const instance of group.instances) instance.retryNow();
        await this.#replace(group, {});
      }
    });
  }

  /** Sets how many processes a group has, and keeps that in the placement file. */
  scale(name: string, replicas: number): Promise<void> {
    return this.#exclusively(`scaling ${name} to ${replicas}`, async () => {
      const placement = scaleGroup(this.#placement, name, replicas);
      for (const group of this.#named(name)) await group.become({ ...group.wish, replicas });
      this.#keepPlacement(placement);
    });
  }

  /** Moves a service to another group, and keeps that in the placement file. No call of the service fails for it. */
  place(service: string, to: string): Promise<void> {
    return this.#exclusively(`moving ${service} to ${to}`, async () => {
      const placement = placeService(this.#placement, service, to);
      await this.#move(this.#placement, placement);
      this.#keepPlacement(placement);
    });
  }

  async #move(from: Placement, to: Placement): Promise<void> {
    const done: { group: Group; before: GroupWish }[] = [];
    try {
      for (const { group: name, services, replicas } of placementDiff(from, to)) {
        this.#generation += 1;
        const wish = { services, replicas, build: this.#build, generation: this.#generation };
        const group = this.#groups.get(name) ?? this.#addGroup(name, { ...wish, replicas: 0 });
        const before = group.wish;
        await group.become({ ...wish, build: before.build });
        done.unshift({ group, before });
        if (replicas === 0) this.#groups.delete(name);
      }
    } catch (error) {
      // Back, group by group: those that lost something first.
      for (const { group, before } of done) {
        this.#groups.set(group.name, group);
        this.#generation += 1;
        await group.become({ ...before, generation: this.#generation });
      }
      for (const [name, { wish }] of this.#groups) if (wish.replicas === 0) this.#groups.delete(name);
      throw error;
    }
  }

  #replace(group: Group, change: Partial<GroupWish>): Promise<void> {
    this.#generation += 1;
    return group.become({ ...group.wish, ...change, generation: this.#generation });
  }

  /** One change at a time: two that interleave would leave a placement that nobody asked for. */
  async #exclusively(change: string, action: () => Promise<void>): Promise<void> {
    if (this.#phase !== "running") throw ChangeUnderWay.with({ change: this.#phase });
    if (this.#change !== undefined) throw ChangeUnderWay.with({ change: this.#change });
    this.#change = change;
    const { say } = this.#options;
    say(`${change} begins`);
    try {
      await action();
      say(`${change} is done`);
    } catch (error) {
      say(`${change} failed: ${error instanceof Error ? error.message : "unknown"}`);
      throw error;
    } finally {
      this.#change = undefined;
    }
  }

  #named(name: string): readonly Group[] {
    if (name === "all") return [...this.#groups.values()];
    const group = this.#groups.get(name === GATEWAY ? GATEWAY : groupOf(this.#placement, name));
    if (group === undefined) throw UnknownName.with({ name, known: [...this.#groups.keys()] });
    return [group];
  }

  #addGateways(): Group {
    const { replicas, port } = this.#placement.gateways;
    return this.#addGroup(GATEWAY, { services: [], replicas, build: this.#build, generation: 0 }, port);
  }

  #addGroup(name: string, wish: GroupWish, firstPort?: number): Group {
    const { say } = this.#options;
    const group = new Group({
      name,
      wish,
      ...(firstPort === undefined ? {} : { firstPort }),
      make: (instance, its, port) => this.#make(name, instance, { ...its, ...(port === undefined ? {} : { port }) }),
      isTaken: (instance) => this.#instances().some((other) => other.name === instance),
      say,
      changed: () => this.#keepPids(),
    });
    this.#groups.set(name, group);
    return group;
  }

  #make(group: string, instance: string, wish: GroupWish & { readonly port?: number }): Instance {
    const { folder, clock, environment, say } = this.#options;
    const { services, build, port } = wish;
    const spec = {
      ...{ instance, services, build, folder },
      ...(port === undefined ? {} : { gatewayPort: port }),
      ...(environment === undefined ? {} : { environment }),
    };
    const made: Instance = new Instance({
      spec,
      clock,
      limits: this.#limits,
      prepare: () => this.#files.write(group, spec),
      say,
      changed: () => {
        this.#keepPids();
        if (made.state.is === "ended") this.#files.remove(instance);
      },
    });
    return made;
  }

  /** Starts groups, a few processes at a time, until each is ready or has failed once. */
  async #beginAll(groups: readonly Group[]): Promise<void> {
    const waiting = [...groups];
    const worker = async (): Promise<void> => {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        if (this.#phase !== "starting") return;
        await Promise.allSettled(group.begin().map((instance) => instance.ready()));
      }
    };
    await Promise.all(Array.from({ length: STARTING_MAX }, worker));
  }

  async #stop(): Promise<void> {
    this.#phase = "stopping";
    this.#change = "stop";
    const gateways = this.#groups.get(GATEWAY);
    await gateways?.retireAll();
    const services = [...this.#groups.values()].filter((group) => group !== gateways);
    await Promise.all(services.map((group) => group.retireAll()));
    this.#watch?.cancel();
    for (const keeper of this.#keepers.toReversed()) {
      await keeper
        .stop()
        .catch((error: unknown) => this.#options.say(`${keeper.engine.name} did not stop: ${String(error)}`));
    }
    this.#keepPids();
    this.#lock?.release();
    this.#phase = "stopped";
    this.#stopped.resolve();
  }

  #startWatching(): void {
    const look = (): void => {
      for (const instance of this.#instances()) instance.watch();
      if (this.#phase !== "stopping") for (const keeper of this.#keepers) keeper.watch();
      for (const name of loggedInstances(this.folder)) rotateLog(fleetPaths.log(this.folder, name));
      this.#files.renew(this.#options.say);
      this.#watch = this.#options.clock.after(WATCH_MS, look);
    };
    this.#watch = this.#options.clock.after(WATCH_MS, look);
  }

  #writeFleet(): void {
    const { folder, system, zone = "local", engines, credentials, trustDomain = "isomer.local" } = this.#options;
    writeFleetFile(folder, {
      version: 1,
      system: system.name,
      trustDomain: credentials?.trustDomain ?? trustDomain,
      zone,
      gateways: [...this.#gatewayUrls()],
      engines: engines.describe(),
    });
  }

  #keepPlacement(placement: Placement): void {
    this.#placement = placement;
    replaceFile(fleetPaths.placement(this.folder), placementText(placement));
    this.#writeFleet();
  }

  #keepPids(): void {
    if (this.#phase === "stopped" || this.#lock === undefined) return;
    const instances = this.#instances().map(({ name, pid }) => ({ name, pid }));
    const engines = this.#keepers.map(({ engine: { name, pid } }) => ({ name, pid }));
    keepPids(
      this.folder,
      [...instances, ...engines].flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }])),
    );
  }

  #gatewayUrls(): readonly string[] {
    const { replicas, port } = this.#placement.gateways;
    return Array.from({ length: replicas }, (_, n) => `http://127.0.0.1:${port + n}`);
  }

  #instances(): readonly Instance[] {
    return [...this.#groups.values()].flatMap((group) => group.instances);
  }

  get #limits(): InstanceLimits {
    return { ...INSTANCE_LIMITS, ...this.#options.limits };
  }
}
