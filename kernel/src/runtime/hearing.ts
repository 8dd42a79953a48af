/** How a service hears events: a consumer for each source, and one for each projection and source. */
import { Consumer, type EventRecord, type EventSource } from "../events/mod.ts";
import { type Metrics, parseTraceparent } from "../observe/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import type { EventContext, Tx } from "./context.ts";
import { attemptMetrics, consumerMetrics } from "./event-metrics.ts";
import type { Subscription } from "./service.ts";
import type { Cause, ServiceRunner } from "./service-runner.ts";

type Handle = (event: EventRecord, tx: Tx<never>, ctx: EventContext) => Promise<void>;

/** Subscriptions that are delivered together: one consumer of one source. */
interface Group {
  readonly consumer: string;
  readonly source: string;
  readonly subscriptions: Map<string, Subscription>;
}

/** Groups what a service hears. @throws {TypeError} when one consumer hears an event twice. */
export function groupSubscriptions(runner: ServiceRunner): readonly Group[] {
  const { service, name } = runner;
  const groups = new Map<string, Group>();
  const add = (consumer: string, subscription: Subscription): void => {
    const { event } = subscription;
    const id = `${consumer}\n${event.service}`;
    let group = groups.get(id);
    if (group === undefined) {
      group = { consumer, source: event.service, subscriptions: new Map() };
      groups.set(id, group);
    }
    if (group.subscriptions.has(event.name)) {
      throw new TypeError(
        `"${name}" hears ${event.service}.${event.name} twice as "${consumer}": give one another consumer.`,
      );
    }
    group.subscriptions.set(event.name, subscription);
  };
  for (const subscription of service.on) add(subscription.consumer, subscription);
  for (const projection of service.projections) {
    for (const subscription of projection.on) add(projection.name, subscription);
  }
  return [...groups.values()];
}

/** Makes the consumer of a group, given where the events of its service come from, and where it is measured. */
export function consumerOf(runner: ServiceRunner, group: Group, source: EventSource, metrics: Metrics): Consumer {
  const transactions = new WeakMap<SqlConnection, Tx<never>>();
  const labels = { service: runner.name, consumer: group.consumer, source: group.source };
  const consumer = new Consumer({
    name: group.consumer,
    source,
    events: [...group.subscriptions.values()].map((subscription) => subscription.event),
    clock: runner.world.clock,
    random: runner.world.random,
    log: runner.world.log.with({ service: runner.name, consumer: group.consumer }),
    transact: (label, body, event) =>
      runner.transact(`${runner.name}.${label}`, originOf(event), undefined, (tx) => {
        transactions.set(tx.connection, tx);
        return body(tx.connection);
      }),
    handle: (event, connection) => deliver(runner, group, event, transactions.get(connection) as Tx<never>),
    observe: attemptMetrics(metrics, labels),
  });
  consumerMetrics(metrics, labels, consumer);
  return consumer;
}

async function deliver(runner: ServiceRunner, group: Group, event: EventRecord, tx: Tx<never>): Promise<void> {
  const subscription = group.subscriptions.get(event.type);
  if (subscription === undefined) return;
  const span = runner.tracer.start(`${runner.name} hears ${event.service}.${event.type}`, "consumer", traceOf(event));
  const { world, settings } = runner;
  const ctx: EventContext = { settings, log: world.log, ids: world.ids, now: () => world.clock.now() };
  try {
    await (subscription.handle as unknown as Handle)(event, tx, ctx);
  } catch (error) {
    span.fail({ code: "event-handler", kind: "unavailable" });
    throw error;
  } finally {
    span.end();
  }
}

function traceOf(event: EventRecord | undefined): ReturnType<typeof parseTraceparent> {
  return event?.trace === undefined ? undefined : parseTraceparent(event.trace);
}

function originOf(event: EventRecord | undefined): Cause {
  const origin: Cause = { caller: event?.service, identity: undefined, trace: traceOf(event), criticality: "normal" };
  return event === undefined ? origin : { ...origin, key: event.id };
}

/** A consumer at work, which can be put to rest and started again. */
export class Hearing {
  readonly runner: ServiceRunner;
  readonly consumer: Consumer;
  #stopping: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor(runner: ServiceRunner, consumer: Consumer) {
    this.runner = runner;
    this.consumer = consumer;
  }

  /** Who hears. */
  get service(): string {
    return this.runner.name;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#stopping = new AbortController();
    this.#running = this.consumer.run(this.#stopping.signal);
  }

  /** Finishes what is under way. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#running;
    this.#running = undefined;
  }
}
