/**
 * The supervisor of a local fleet: servers, then services, then gateways; restarts, rolls, scaling, moving; and the way
 * down in the opposite order. What changes while it runs is in `changes.ts`.
 *
 * Across a crash: the placement file and what the servers kept. Processes end themselves when their supervisor is gone;
 * the next start ends what did not, and starts everything anew. A change that was under way is forgotten: the placement
 * file is written when a change is complete.
 */
import { type Clock, type Timer, isFault } from "../../std/mod.ts";
import { type FolderLock, lockFolder } from "../sqlite/folder-lock.ts";
import { freePort, isFreePort } from "../engines/mod.ts";
import { AddressesWriter } from "./addresses.ts";
import { Asking } from "./asking.ts";
import type { CredentialsWriter, FleetEngines } from "./engine.ts";
import { EngineKeeper } from "./engine-keeper.ts";
import { PortTaken, ServerFailed } from "./faults.ts";
import { fleetPaths, replaceFile, writeFleetFile } from "./fleet-file.ts";
import { Group, type GroupWish, type Place } from "./group.ts";
import type { Build, HostSpec } from "./host-process.ts";
import { makeFolder } from "./given-paths.ts";
import { Instance, type InstanceLimits } from "./instance.ts";
import { InstanceFiles } from "./instance-files.ts";
import { instanceRow } from "./instance-row.ts";
import { Changes } from "./changes.ts";
import { PATIENCE_MS, cleanUp, keepPids, loggedInstances } from "./leftovers.ts";
import { rotateLog } from "./log-files.ts";
import { GATEWAY, type Placement, gatewayUrls, placementText } from "./placement.ts";
import { type ProgramSpec, programOf } from "./program.ts";
import { RESTART_LIMITS } from "./restart-policy.ts";
import type { FleetSnapshot } from "./rows.ts";
import { Troubles } from "./troubles.ts";

/** A start may take 150 s, because the first one fills databases; a drain 30 s, an end 10 s, a silence 60 s. */
export const INSTANCE_LIMITS: InstanceLimits = {
  startMs: 150_000,
  drainMs: 30_000,
  stopMs: 10_000,
  silentMs: 60_000,
  restart: RESTART_LIMITS,
};

const WATCH_MS = 1_000;
/** Since the last look, in milliseconds: then this process did not run in between. */
const AWAY_MS = 3 * WATCH_MS;
/** How many processes start at the same time: more would only make each of them slower. */
const STARTING_MAX = 3;

/** What a supervisor takes. */
export interface SupervisorOptions {
  /** The fleet's folder: everything of it is in there. */
  readonly folder: string;
  readonly system: { readonly name: string; readonly services: readonly string[] };
  /** How the services that are written in other languages are started. By service; each is one of the system's. */
  readonly programs?: Readonly<Record<string, ProgramSpec>>;
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
  /** What operators ask of the processes. */
  readonly asking: Asking;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #troubles: Troubles;
  readonly #addresses: AddressesWriter;
  #phase: Phase = "starting";
  #lock: FolderLock | undefined;
  #watch: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#troubles = new Troubles(options.say);
    this.changes = new Changes({
      groups: this.#groups,
      placement: options.placement,
      build: options.build,
      programs: Object.keys(options.programs ?? {}),
      addGroup: (name, wish) => this.#addGroup(name, wish),
      refusal: () => (this.#phase === "running" ? undefined : this.#phase),
      keep: (placement) => {
        replaceFile(fleetPaths.placement(this.folder), placementText(placement));
        this.#writeFleet();
      },
      say: options.say,
    });
    this.asking = new Asking({ groups: this.#groups, engines: options.engines, say: options.say });
    this.#files = new InstanceFiles(options);
    this.#addresses = new AddressesWriter(options);
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

  /** Takes the folder, making it if need be. @throws {FolderInUse} when a fleet runs in it; {FolderUnusable}. */
  lock(): void {
    makeFolder(this.folder);
    this.#lock ??= lockFolder(this.folder);
  }

  /**
   * Starts everything, and resolves when each process is ready or has failed once; what failed is tried again. Whether
   * the fleet runs then: not when it was stopped meanwhile.
   * @throws {FolderInUse} when a fleet runs in the folder; {PortTaken}; {ServerFailed} with what the server says.
   */
  async start(): Promise<boolean> {
    const { folder, clock, say, leftoverMs = PATIENCE_MS } = this.#options;
    this.lock();
    try {
      const left = await cleanUp(folder, clock, leftoverMs);
      if (left.length > 0) say(`ended what an earlier fleet left running: ${left.map(({ name }) => name).join(", ")}`);
      if (!this.#isStopping()) await this.#checkPorts();
      if (!this.#isStopping()) await this.#startEngines();
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#phase !== "starting") return false;
    this.#writeFleet();
    this.#writeAddresses();
    this.#startWatching();
    for (const [name, placed] of Object.entries(this.changes.placement.groups))
      this.#addGroup(name, { ...placed, build: this.#options.build, generation: 0 });
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

  /** Otherwise whoever has the port would answer, and the fleet would look as if it did. */
  async #checkPorts(): Promise<void> {
    const { replicas, port: first } = this.changes.placement.gateways;
    for (let port = first; port < first + replicas; port += 1)
      if (!(await isFreePort(port))) throw PortTaken.with({ port });
  }

  /** All at a time; when one does not start, the others still have started when it is told. */
  async #startEngines(): Promise<void> {
    const starts = this.#keepers.map(async (keeper) => {
      const { name, address } = keeper.engine;
      try {
        await keeper.start();
      } catch (cause) {
        const detail = cause instanceof Error ? cause.message : String(cause);
        throw isFault(cause) ? cause : ServerFailed.with({ server: name, detail }, { cause });
      }
      this.#options.say(`${name} runs on ${address}`);
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
    const { port, ...placed } = this.changes.placement.gateways;
    return this.#addGroup(GATEWAY, { services: [], ...placed, build: this.#options.build, generation: 0 }, port);
  }

  #addGroup(name: string, wish: GroupWish, firstPort?: number): Group {
    const { say } = this.#options;
    const group = new Group({
      name,
      wish,
      ...(firstPort === undefined ? {} : { firstPort }),
      make: (instance, its, place) => this.#make(name, instance, { ...its, ...place }),
      isTaken: (instance) => this.#instances().some((other) => other.name === instance),
      say,
      changed: () => this.#keepPids(),
      isEnding: () => this.#phase === "stopping" || this.#phase === "stopped",
    });
    this.#groups.set(name, group);
    return group;
  }

  #make(group: string, instance: string, wish: GroupWish & Place): Instance {
    const { folder, clock, environment, say } = this.#options;
    const { services, build, port, zone } = wish;
    const spec = {
      ...{ instance, services, build, folder },
      ...(port === undefined ? {} : { gatewayPort: port }),
      ...(zone === undefined ? {} : { zone }),
      ...(environment === undefined ? {} : { environment }),
    };
    const made: Instance = new Instance({
      spec: { ...spec, ...this.#programOf(spec, group, 0) },
      clock,
      limits: this.#limits,
      prepare: async () => {
        // Another port each time: what has the last one may not be gone yet.
        const started = { ...spec, ...this.#programOf(spec, group, await freePort()) };
        await this.#files.write(group, started);
        return started;
      },
      question: (question) => this.asking.questionOf(services, question),
      say,
      changed: () => {
        this.#keepPids();
        this.#writeAddresses();
        if (made.state.is === "ended") this.#files.remove(instance);
      },
    });
    return made;
  }

  /** What is started for a service in another language; nothing for any other. */
  #programOf({ services, instance }: HostSpec, group: string, port: number): Pick<HostSpec, "program"> {
    const { programs = {}, folder, credentials, trustDomain = "isomer.local" } = this.#options;
    const [service = ""] = services;
    const spec = programs[service];
    if (spec === undefined) return {};
    const domain = credentials?.trustDomain ?? trustDomain;
    const isSecure = credentials !== undefined;
    return { program: programOf(spec, { service, instance, group, folder, trustDomain: domain, port, isSecure }) };
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
    const { clock, say } = this.#options;
    let lookedMs = clock.monotonicMs();
    const look = (): void => {
      this.#watch = clock.after(WATCH_MS, look);
      const now = clock.monotonicMs();
      // Whoever was stopped itself has not read yet what the others said meanwhile.
      const wasAway = now - lookedMs > AWAY_MS;
      lookedMs = now;
      for (const instance of this.#instances()) instance.watch(wasAway);
      if (this.#phase !== "stopping") for (const keeper of this.#keepers) keeper.watch();
      this.#troubles.attempt("logs could not be rotated", () => {
        for (const name of loggedInstances(this.folder)) rotateLog(fleetPaths.log(this.folder, name));
      });
      this.#writeAddresses();
      this.#files.renew(say);
    };
    this.#watch = clock.after(WATCH_MS, look);
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
    const known = [...instances, ...engines].flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
    // A full disk is no reason to end what runs: the file is for the case that this process dies.
    this.#troubles.attempt("process ids could not be kept", () => keepPids(this.folder, known));
  }

  /** Only when they changed since they were written; after a full disk, at the next look. */
  #writeAddresses(): void {
    if (this.#phase === "stopped" || this.#lock === undefined) return;
    this.#troubles.attempt("addresses could not be written", () => this.#addresses.write(this.#instances()));
  }

  #instances(): readonly Instance[] {
    return [...this.#groups.values()].flatMap((group) => group.instances);
  }

  get #limits(): InstanceLimits {
    return { ...INSTANCE_LIMITS, ...this.#options.limits };
  }
}
