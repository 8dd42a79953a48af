/**
 * A host: the services placed in one process, and everything that runs them.
 *
 * Across a crash: what was acknowledged is in the databases. A host that starts on them delivers events from where
 * their consumers stood, resumes sagas from their journals, and runs jobs again.
 */
import type { Criticality, Identity } from "../contract/mod.ts";
import {
  type Consumer,
  type EventSource,
  eventsMigrations,
  logPositionAt,
  logSource,
  resetConsumer,
} from "../events/mod.ts";
import { Admission, Outbound } from "../guard/mod.ts";
import { Metrics, type TraceContext, Tracer, operationMetrics } from "../observe/mod.ts";
import { type SagaEngine, sagaMigrations } from "../saga/mod.ts";
import { checkKept, sourcingMigrations } from "../sourcing/mod.ts";
import type { Database } from "../store/mod.ts";
import type { Reply, Transport } from "../transport/mod.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";
import { LeaseLost, NotOperated, UnknownOperation } from "./faults.ts";
import { measureCopy } from "./copy-metrics.ts";
import { Background } from "./background.ts";
import type { Hearing } from "./hearing.ts";
import type { HostView } from "./host-view.ts";
import { idempotencyMigrations } from "./idempotency.ts";
import { Leadership, leaseMigrations } from "./leadership.ts";
import type { LogReader } from "./maintenance.ts";
import { migrateService } from "./migrate-service.ts";
import { DEADLINE_MS, Routes } from "./outbound.ts";
import type { Service } from "./service.ts";
import { ServiceRunner } from "./service-runner.ts";
import { Edge } from "./edge.ts";
import { outsideTransport } from "./outside.ts";
import { readingTransport } from "./reading.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { settingsOf } from "./settings.ts";
import type { Settings, System } from "./system.ts";
import type { World } from "./world.ts";

const REBUILD = { caller: undefined, identity: undefined, trace: undefined, criticality: "sheddable" } as const;

/** A call from the edge: the gateway, an operator, a test. */
export interface Invocation {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  /** The idempotency key of a command; one is made when it is absent. */
  readonly key?: string;
  readonly identity?: Identity;
  /** The longest that it may take, in milliseconds; the contract's limit holds too. */
  readonly deadlineMs?: number;
  readonly trace?: TraceContext;
  readonly criticality?: Criticality;
  readonly signal?: AbortSignal;
}

/** What {@link Host.start} takes. */
export interface HostOptions {
  readonly system: System;
  readonly world: World;
  readonly settings?: Settings;
  /** What gives them, for people who have to mend them: `"settings" of runSystem`. */
  readonly settingsFrom?: string;
  /** Where the host counts and traces; its own unless said. */
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
  /** Whether jobs run by themselves; true unless said. Tests run them by `runJob`. */
  readonly jobs?: boolean;
  /** The services placed here; all unless said. */
  readonly place?: readonly string[];
  /** How the services placed elsewhere are reached; needed when not all are placed here. */
  readonly elsewhere?: Elsewhere;
  /** How the system's external services are reached; calls to them are refused without it. */
  readonly externals?: Transport;
  /**
   * This host's name among those that have the same services; no two that run may have the same. One that is told of none
   * draws one, and after a crash waits like any other until the lease of its last life is over.
   */
  readonly replica?: string;
  /** How long the replica that leads may be silent before another takes over, in milliseconds; 5,000 unless said. */
  readonly leaseMs?: number;
}

/** The services of one process, running. */
export class Host implements HostView {
  readonly system: System;
  readonly world: World;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly #runners = new Map<string, ServiceRunner>();
  readonly #backgrounds = new Map<string, Background>();
  readonly #wheel: DeadlineWheel;
  readonly #databases: Database[] = [];
  /** How many calls from the edge are under way, and who waits for there to be none. */
  #invocations = 0;
  #quiet: (() => void) | undefined;
  #stopped: Promise<void> | undefined;
  readonly #settingsOf: (service: Service) => unknown;
  readonly #placed: readonly Service[];
  readonly #elsewhere: Elsewhere | undefined;
  /** Carries calls to services that are not placed here. */
  readonly #outside: Transport | undefined;
  readonly #edge: Edge | undefined;

  private constructor(options: HostOptions) {
    const { system, world, settings, settingsFrom, metrics, tracer, place, elsewhere, externals } = options;
    this.system = system;
    this.world = world;
    this.#settingsOf = (service) => settingsOf(service, settings, settingsFrom);
    this.#placed = placedOf(system, place);
    this.#elsewhere = elsewhere;
    const outside = outsideTransport({ system, elsewhere: elsewhere?.transport, externals });
    this.#outside = outside && readingTransport(outside, system.contracts);
    this.metrics = metrics ?? new Metrics();
    const { clock, random, spans } = world;
    this.tracer = tracer ?? new Tracer({ clock, random, ...(spans === undefined ? {} : { exporter: spans }) });
    this.#wheel = new DeadlineWheel(clock);
    this.#edge = this.#outside && new Edge({ system, world, metrics: this.metrics, transport: this.#outside });
  }

  /**
   * Opens the databases, migrates them, and starts everything.
   * @throws when a database, a setting or a service is not right; what was opened is closed then.
   */
  static async start(options: HostOptions): Promise<Host> {
    const host = new Host(options);
    try {
      await host.#start(options);
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  async #start(options: HostOptions): Promise<void> {
    const { clock, random, eventLoop } = this.world;
    const admission = new Admission({ clock, random, eventLoop, metrics: this.metrics });
    const outbound = new Outbound({ clock, random, metrics: this.metrics });
    const shared = { operations: operationMetrics(this.metrics), admission, outbound, transport: this.transport };
    // All of them are awaited: a database that is still being opened when another fails must be closed too.
    const added = await Promise.allSettled(this.#placed.map((service) => this.#add(service, shared)));
    for (const outcome of added) if (outcome.status === "rejected") throw outcome.reason;
    this.#prepare(options);
    for (const { attach } of this.#placed) attach?.(this);
    const backgrounds = [...this.#backgrounds.values()];
    await Promise.all(backgrounds.map((background) => background.start()));
    await Promise.all(backgrounds.map((background) => background.work()));
  }

  /** Calls between services: in memory to those placed here, and through {@link Elsewhere} to others. */
  readonly transport: Transport = {
    send: (envelope) => {
      const outside = this.#runners.has(envelope.service) ? undefined : this.#outside;
      if (outside !== undefined) return outside.send(envelope);
      try {
        return this.runner(envelope.service).operation(envelope.operation).handle(envelope);
      } catch (error) {
        // There is no such operation. An async function would say so too, and cost every call a turn.
        return Promise.reject(error);
      }
    },
  };

  /** Whether a service is placed here. */
  has(service: string): boolean {
    return this.#runners.has(service);
  }

  /** The events of a service: from its log when it is placed here, else from {@link Elsewhere}. */
  source(service: string): EventSource {
    if (this.#elsewhere === undefined || this.#runners.has(service)) return this.runner(service).source;
    return this.#elsewhere.broker.source(service);
  }

  /** @throws {UnknownOperation} */
  runner(service: string): ServiceRunner {
    const runner = this.#runners.get(service);
    if (runner === undefined) throw UnknownOperation.with({ operation: service });
    return runner;
  }

  /** Makes a call from the edge. @throws faults only. */
  async invoke(call: Invocation): Promise<Reply> {
    const { clock, ids } = this.world;
    if (this.#edge !== undefined && !this.#runners.has(call.service)) return this.#edge.invoke(call);
    const runner = this.runner(call.service).operation(call.operation);
    const { definition } = runner;
    const limitMs = definition.deadlineMs ?? DEADLINE_MS;
    this.#invocations += 1;
    try {
      return await runner.handle({
        service: call.service,
        operation: call.operation,
        input: call.input,
        key: definition.kind === "command" ? (call.key ?? ids.next()) : undefined,
        clientKey: call.key !== undefined,
        mayBeStale: definition.kind === "query",
        attempt: 1,
        deadlineAt: clock.monotonicMs() + Math.min(call.deadlineMs ?? limitMs, limitMs),
        caller: undefined,
        identity: call.identity,
        trace: call.trace,
        criticality: call.criticality ?? definition.criticality ?? "normal",
        signal: call.signal,
      });
    } finally {
      this.#invocations -= 1;
      if (this.#invocations === 0) this.#quiet?.();
    }
  }

  /** The databases by service: for backups, checks and operators. */
  databases(): ReadonlyMap<string, Database> {
    return new Map([...this.#runners].map(([name, runner]) => [name, runner.database]));
  }

  /** Consumers, for views of lag and dead letters. */
  get consumers(): readonly Consumer[] {
    return this.hearings.map(({ consumer }) => consumer);
  }

  /** Who hears what, for operators. */
  get hearings(): readonly Hearing[] {
    return [...this.#backgrounds.values()].flatMap(({ hearings }) => hearings);
  }

  /** How operators reach the other hosts. */
  get askFleet(): HostView["askFleet"] {
    return this.#elsewhere?.askFleet;
  }

  /** The services of the system that are placed in other hosts. */
  get placedElsewhere(): readonly string[] {
    return this.system.services.map(({ contract }) => contract.name).filter((name) => !this.has(name));
  }

  /** The engines of the services that have sagas, for operators. */
  sagas(): ReadonlyMap<string, SagaEngine> {
    const engines = new Map<string, SagaEngine>();
    for (const [name, { engine }] of this.#runners) if (engine !== undefined) engines.set(name, engine);
    return engines;
  }

  /**
   * Makes a projection anew from the whole log: empties it and replays, while everything else goes on. Resolves when
   * the replay has begun; `lag` of its consumers tells how far it is.
   * @throws {NotOperated} when the service has no projection of that name; {LeaseLost} when another replica leads, or has begun to;
   *   {EventsPruned} or {EventsExpired}, before anything is emptied, when what it was made of is not there any more.
   */
  async rebuild(service: string, projection: string): Promise<void> {
    const runner = this.runner(service);
    const found = runner.service.projections.find(({ name }) => name === projection);
    if (found === undefined) throw NotOperated.with({ detail: `"${service}" has no read model "${projection}".` });
    const background = this.#backgrounds.get(service);
    const { hearings: all = [], leads = true, token } = background ?? {};
    // The consumers of the one that leads would go on from where they are.
    if (!leads) throw LeaseLost.with({ service });
    const hearings = all.filter(({ consumer }) => consumer.name === projection);
    for (const { consumer } of hearings) await consumer.wholly();
    await Promise.all(hearings.map((hearing) => hearing.stop()));
    try {
      await runner.transact(`${service}.rebuild.${projection}`, REBUILD, undefined, async (tx) => {
        if (token !== undefined) await Leadership.fence(tx.connection, service, token);
        await resetConsumer(tx.connection, projection);
        await found.reset(tx);
      });
    } finally {
      if (background?.leads === true) for (const hearing of hearings) hearing.start();
    }
  }

  /**
   * The position in a service's log after which everything is of this moment (milliseconds since 1970), or later.
   * @throws {UnknownOperation} when the service is not placed here.
   */
  positionAt(service: string, sinceMs: number): Promise<number> {
    const label = `${service}.log.since`;
    return this.runner(service).database.read({ label }, (sql) => logPositionAt(sql, service, sinceMs));
  }

  /** Runs a job now, until it says that there is no more. */
  async runJob(service: string, name: string): Promise<void> {
    const job = this.#backgrounds.get(service)?.jobs.get(name);
    if (job === undefined) throw UnknownOperation.with({ operation: `${service}.${name}` });
    await job.runNow();
  }

  /** Resolves when all events are delivered and no saga is running (waiting ones may be). For tests and settling. */
  async idle(): Promise<void> {
    for (;;) {
      await Promise.all(this.consumers.map((consumer) => consumer.idle()));
      await Promise.all([...this.#runners.values()].map((runner) => runner.engine?.idle()));
      const lags = await Promise.all(this.consumers.map((consumer) => consumer.lag()));
      if (lags.every((lag) => lag === 0)) return;
    }
  }

  /** Refuses new calls from the edge; those under way, events and sagas go on. */
  drain(): void {
    for (const runner of this.#runners.values()) runner.draining = true;
  }

  /**
   * Stops: no new work, waits for what is under way, closes the databases. Sagas and events go on at the next start.
   * Calls from the edge end within their deadlines, and may need events and sagas for that: so these are stopped after.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.drain();
    const backgrounds = [...this.#backgrounds.values()];
    await Promise.all(backgrounds.map((background) => background.stopJobs()));
    if (this.#invocations > 0) await new Promise<void>((resolve) => (this.#quiet = resolve));
    await Promise.all(backgrounds.map((background) => background.stop()));
    this.tracer.flush();
    await Promise.all(this.#databases.map((database) => database.close()));
    this.#wheel.stop();
  }

  async #add(service: Service, shared: Shared): Promise<void> {
    const { world, system } = this;
    const { name } = service.contract;
    const settings = this.#settingsOf(service);
    checkKept(service.contract.events);
    const database = await world.storage.open(name);
    this.#databases.push(database);
    measureCopy(database, this.metrics);
    const sets = [
      { owner: "kernel.events", migrations: eventsMigrations },
      { owner: "kernel.sourcing", migrations: sourcingMigrations },
      { owner: "kernel.saga", migrations: sagaMigrations },
      { owner: "kernel.idempotency", migrations: idempotencyMigrations },
      ...(database.isShared === true ? [{ owner: "kernel.lease", migrations: leaseMigrations }] : []),
      { owner: name, migrations: world.migrations(service.migrations) },
    ];
    await migrateService({ service: name, database, sets, log: world.log });
    const { clock, random, log } = world;
    const answers = world.answersOf?.(name);
    const runner = new ServiceRunner({
      service,
      system,
      world,
      database,
      settings,
      tracer: this.tracer,
      metrics: shared.operations,
      admission: shared.admission,
      wheel: this.#wheel,
      outbound: new Routes({
        caller: name,
        uses: service.uses,
        transport: shared.transport,
        outbound: shared.outbound,
        clock,
        ...(answers === undefined ? {} : { answers }),
      }),
      source: logSource({ service: name, database, clock, random, log }),
      hints: database.isShared === true ? this.#elsewhere?.hints : undefined,
    });
    this.#runners.set(name, runner);
  }

  /** Makes all consumers before the first runs: one that cannot be made stops the start. */
  #prepare({ jobs = true, replica = this.world.ids.next(), leaseMs }: HostOptions): void {
    const { broker } = this.#elsewhere ?? {};
    const { metrics } = this;
    const source = (service: string): EventSource => this.source(service);
    for (const [name, runner] of this.#runners) {
      const readers = (): readonly LogReader[] =>
        this.hearings
          .filter(({ consumer }) => consumer.source.service === name)
          .map((hearing) => ({ runner: hearing.runner, consumer: hearing.consumer.name }));
      this.#backgrounds.set(name, new Background(runner, { source, broker, readers, metrics, jobs, replica, leaseMs }));
    }
  }
}

/** @throws {TypeError} when a service to be placed is not in the system. */
function placedOf({ services, name }: System, place: readonly string[] | undefined): readonly Service[] {
  if (place === undefined) return services;
  for (const wanted of place) {
    if (!services.some(({ contract }) => contract.name === wanted))
      throw new TypeError(`The system "${name}" has no service "${wanted}" to place.`);
  }
  return services.filter(({ contract }) => place.includes(contract.name));
}

interface Shared {
  readonly operations: ReturnType<typeof operationMetrics>;
  readonly admission: Admission;
  readonly outbound: Outbound;
  readonly transport: Transport;
}
