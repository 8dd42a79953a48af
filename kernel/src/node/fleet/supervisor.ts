/**
 * The supervisor of a local fleet: servers, then services, then gateways; restarts, rolls, scaling, moving; and the way
 * down in the opposite order. What changes while it runs is in `changes.ts`.
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
import { fleetPaths, replaceFile, writeFleetFile } from "./fleet-file.ts";
import { Group, type GroupWish } from "./group.ts";
import type { Build } from "./host-process.ts";
import { Instance, type InstanceLimits } from "./instance.ts";
import { InstanceFiles } from "./instance-files.ts";
import { instanceRow } from "./instance-row.ts";
import { Changes } from "./changes.ts";
import { cleanUp, keepPids, loggedInstances } from "./leftovers.ts";
import { rotateLog } from "./log-files.ts";
import { GATEWAY, type Placement, gatewayUrls, placementText } from "./placement.ts";
import { RESTART_LIMITS } from "./restart-policy.ts";
import type { FleetSnapshot } from "./rows.ts";

/** A start may take 150 s, because the first one fills databases; a drain 30 s, an end 10 s, a silence 60 s. */
export const INSTANCE_LIMITS: InstanceLimits = {
  startMs: 150_000,
  drainMs: 30_000,
  stopMs: 10_000,
  silentMs: 60_000,
  restart: RESTART_LIMITS,
};

const WATCH_MS = 1_000;
/** How many processes start at the same time: more would only make each of them slower. */
const STARTING_MAX = 3;
const LEFTOVER_MS = 30_000;

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
  /** How long processes of a supervisor that was killed may take to end by themselves, in milliseconds; 30,000 unless said. */
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
  /** Rolls, restarts, scaling, moving. */
  readonly changes: Changes;
  readonly #stopped = Promise.withResolvers<void>();
  #phase: Phase = "starting";
  #lock: FolderLock | undefined;
  #watch: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.changes = new Changes({
      groups: this.#groups,
      placement: options.placement,
      build: options.build,
      addGroup: (name, wish) => this.#addGroup(name, wish),
      refusal: () => (this.#phase === "running" ? undefined : this.#phase),
      keep: (placement) => {
        replaceFile(fleetPaths.placement(this.folder), placementText(placement));
        this.#writeFleet();
      },
      say: options.say,
    });
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

  /** Takes the folder, making it if need be. @throws {FolderInUse} when a fleet runs in it. */
  lock(): void {
    // Servers that run as another user must get to their own folders in it; all else is readable by its owner only.
    mkdirSync(this.folder, { recursive: true, mode: 0o711 });
    this.#lock ??= lockFolder(this.folder);
  }

  /**
   * Starts everything, and resolves when each process is ready or has failed once; what failed is tried again. Whether
   * the fleet runs then: not when it was stopped meanwhile.
   * @throws {FolderInUse} when a fleet runs in the folder; what a server says when it does not start.
   */
  async start(): Promise<boolean> {
    const { folder, clock, say, leftoverMs = LEFTOVER_MS } = this.#options;
    this.lock();
    try {
      const left = await cleanUp(folder, clock, leftoverMs);
      if (left.length > 0) say(`ended what an earlier fleet left running: ${left.map(({ name }) => name).join(", ")}`);
      if (!this.#isStopping()) await this.#startEngines();
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#phase !== "starting") return false;
    this.#writeFleet();
    this.#startWatching();
    for (const [name, { services, replicas }] of Object.entries(this.changes.placement.groups))
      this.#addGroup(name, { services, replicas, build: this.#options.build, generation: 0 });
    await this.#beginAll([...this.#groups.values()]);
    if (this.#isStopping()) return false;
    await this.#beginAll([this.#addGateways()]);
    if (this.#isStopping()) return false;
    this.#phase = "running";
    return true;
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
      gateways: [...gatewayUrls(this.changes.placement)],
      ...this.#change(),
      rows: [...rows, ...this.#keepers.map((keeper) => keeper.row())],
    };
  }

  /** All at a time; when one does not start, the others still have started when it is told. */
  async #startEngines(): Promise<void> {
    const starts = this.#keepers.map(async (keeper) => {
      await keeper.start();
      this.#options.say(`${keeper.engine.name} runs on ${keeper.engine.address}`);
    });
    const failed = (await Promise.allSettled(starts)).find((start) => start.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #isStopping(): boolean {
    return this.#phase !== "starting";
  }

  #change(): { readonly change?: string } {
    const change = this.#phase === "running" ? this.changes.underWay : this.#phase;
    return change === undefined ? {} : { change };
  }

  #addGateways(): Group {
    const { replicas, port } = this.changes.placement.gateways;
    return this.#addGroup(GATEWAY, { services: [], replicas, build: this.#options.build, generation: 0 }, port);
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
      gateways: [...gatewayUrls(this.changes.placement)],
      engines: engines.describe(),
    });
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

  #instances(): readonly Instance[] {
    return [...this.#groups.values()].flatMap((group) => group.instances);
  }

  get #limits(): InstanceLimits {
    return { ...INSTANCE_LIMITS, ...this.#options.limits };
  }
}
