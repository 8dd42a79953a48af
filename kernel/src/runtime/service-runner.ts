/** One service as it runs in a host: its database, operations, events, sagas and jobs. */
import type { ContractBase, Operation } from "../contract/mod.ts";
import { type Hints, type LogSource, recorderOn } from "../events/mod.ts";
import type { Admission } from "../guard/mod.ts";
import { formatTraceparent, type OperationMetrics, type OperationSeries, type Tracer } from "../observe/mod.ts";
import type { SagaEngine } from "../saga/mod.ts";
import { LogBudget } from "../std/mod.ts";
import { ConnectionLost, type Database } from "../store/mod.ts";
import type { Origin } from "./call-context.ts";
import type { DeadlineWheel } from "./deadline-wheel.ts";
import { UnknownOperation } from "./faults.ts";
import { OperationRunner } from "./operation-runner.ts";
import type { Routes } from "./outbound.ts";
import type { Service } from "./service.ts";
import { type Aftermath, ServiceTx } from "./service-tx.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

/** What a runner is made of. */
export interface RunnerParts {
  readonly service: Service;
  readonly system: System;
  readonly world: World;
  readonly database: Database;
  readonly settings: unknown;
  readonly tracer: Tracer;
  readonly metrics: OperationMetrics;
  readonly admission: Admission;
  readonly wheel: DeadlineWheel;
  readonly outbound: Routes;
  readonly source: LogSource;
  /** Present when other replicas of the service are to be told. */
  readonly hints?: Hints | undefined;
}

/** What a transaction is run for. `key` is what it is about: the idempotency key of a command, the id of an event. */
export type Cause = Pick<Origin, "caller" | "identity" | "trace" | "criticality"> &
  Partial<Pick<Origin, "deadlineAt" | "key">>;

/** Runs a service. */
export class ServiceRunner {
  readonly name: string;
  readonly service: Service;
  readonly contract: ContractBase;
  readonly system: System;
  readonly world: World;
  readonly database: Database;
  readonly settings: unknown;
  readonly tracer: Tracer;
  readonly admission: Admission;
  readonly wheel: DeadlineWheel;
  readonly outbound: Routes;
  readonly source: LogSource;
  /** Set once the engine, which needs the runner, is made. */
  engine: SagaEngine | undefined;
  /** Whether calls from the edge are refused because the host stops. */
  draining = false;
  /** How much of what other services are refused is logged. */
  readonly refusals: LogBudget;
  readonly #metrics: OperationMetrics;
  readonly #hints: Hints | undefined;
  readonly #operations = new Map<string, OperationRunner>();

  constructor(parts: RunnerParts) {
    this.name = parts.service.contract.name;
    this.service = parts.service;
    this.contract = parts.service.contract;
    this.system = parts.system;
    this.world = parts.world;
    this.database = parts.database;
    this.settings = parts.settings;
    this.tracer = parts.tracer;
    this.admission = parts.admission;
    this.wheel = parts.wheel;
    this.outbound = parts.outbound;
    this.source = parts.source;
    this.#hints = parts.hints;
    this.#metrics = parts.metrics;
    this.refusals = new LogBudget(parts.world.clock);
    const operations = Object.entries<Operation>({ ...this.contract.commands, ...this.contract.queries });
    for (const [name, definition] of operations) {
      this.#operations.set(name, new OperationRunner(this, name, definition));
    }
  }

  /** @throws {UnknownOperation} */
  operation(name: string): OperationRunner {
    const found = this.#operations.get(name);
    if (found === undefined) throw UnknownOperation.with({ operation: `${this.name}.${name}` });
    return found;
  }

  /** The series that count an operation's calls from one caller. */
  series(operation: string, caller: string | undefined): OperationSeries {
    return this.#metrics.of(this.name, operation, caller ?? "");
  }

  /**
   * Runs a transaction with everything that a service may do in one, and when it has committed, wakes whoever waits
   * for its events and sagas. A crash before the waking loses nothing: logs and sagas are read again at the start.
   */
  async transact<T>(
    label: string,
    origin: Cause,
    options: { readonly isolation?: "serializable" | "read committed" } | undefined,
    body: (tx: ServiceTx) => Promise<T>,
  ): Promise<T> {
    const aftermath: Aftermath = { emitted: 0, sagas: new Set() };
    const { deadlineAt, key } = origin;
    let result: T;
    try {
      result = await this.database.write(
        {
          label,
          ...options,
          ...(deadlineAt === undefined ? {} : { deadlineAt }),
          ...(key === undefined ? {} : { about: key }),
        },
        (connection) => {
          // The body runs again after a serialization failure: what it did before has not happened.
          aftermath.emitted = 0;
          aftermath.sagas.clear();
          const recorder = recorderOn(connection, {
            service: this.name,
            events: this.contract.events,
            ids: this.world.ids,
            clock: this.world.clock,
            actor: actorOf(origin),
            trace: origin.trace === undefined ? undefined : formatTraceparent(origin.trace),
          });
          return body(new ServiceTx({ connection, recorder, engine: this.engine, origin, aftermath }));
        },
      );
    } catch (error) {
      if (ConnectionLost.is(error)) this.#lookAgain(aftermath);
      throw error;
    }
    if (aftermath.emitted > 0) {
      this.source.notify();
      this.tell("log");
    }
    for (const id of aftermath.sagas) this.engine?.wake(id);
    return result;
  }

  /** Tells other replicas that there is something new: in the log, or for sagas. */
  tell(what: "log" | "sagas"): void {
    this.#hints?.tell(`${this.name}.${what}`);
  }

  /** Hears when other replicas say so. Returns what ends it. */
  onTold(what: "log" | "sagas", listener: () => void): () => void {
    return this.#hints?.onTold(`${this.name}.${what}`, listener) ?? (() => {});
  }

  /** Nobody knows whether it has committed: whoever would have been woken looks what there is. */
  #lookAgain({ emitted, sagas }: Aftermath): void {
    if (emitted > 0) this.source.notify();
    if (sagas.size > 0) void this.engine?.recover();
  }
}

function actorOf({ caller, identity }: Pick<Origin, "caller" | "identity">): { service?: string; subject?: string } {
  return {
    ...(caller === undefined ? {} : { service: caller }),
    ...(identity === undefined ? {} : { subject: identity.subject }),
  };
}
