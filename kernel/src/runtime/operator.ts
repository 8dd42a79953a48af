/**
 * The service behind the operator's contract. It owns no data: it works on the host that it runs in, whose tables of
 * sagas and dead letters are the kernel's and not a service's.
 */
import {
  type Consumer,
  type DeadLetter,
  countDeadLetters,
  discardDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
} from "../events/mod.ts";
import type { SagaEngine, SagaView } from "../saga/mod.ts";
import { type FaultData, toInstant } from "../std/mod.ts";
import type { CommandContext } from "./context.ts";
import { UnknownOperation } from "./faults.ts";
import type { HostView } from "./host-view.ts";
import { operator } from "./operator-contract.ts";
import { type Service, implement } from "./service.ts";

const LIMIT = 50;

/** Makes the operator's service: one for each host. */
export function operatorService(): Service {
  let attached: HostView | undefined;
  const host = (): HostView => {
    if (attached === undefined) throw UnknownOperation.with({ operation: "operator" });
    return attached;
  };
  const engine = (service: string): SagaEngine => {
    const found = host().sagas().get(service);
    if (found === undefined) throw UnknownOperation.with({ operation: `${service}.sagas` });
    return found;
  };
  const service = implement()(operator, {
    commands: {
      retrySaga: async ({ service, sagaId }, ctx) => noted(ctx, sagaItem(service, await engine(service).retry(sagaId))),
      abortSaga: async ({ service, sagaId }, ctx) => noted(ctx, sagaItem(service, await engine(service).abort(sagaId))),
      redrive: async (which, ctx) =>
        noted(ctx, { done: await redriveDeadLetter(consumerOf(host(), which), which.eventId) }),
      discard: async (which, ctx) => noted(ctx, { done: await discard(consumerOf(host(), which), which.eventId) }),
      rebuild: async ({ service, projection }, ctx) => {
        await host().rebuild(service, projection);
        return noted(ctx, { done: true });
      },
    },
    queries: {
      sagas: async ({ service, status, after, limit = LIMIT }) => {
        const request = {
          limit,
          ...(status === undefined ? {} : { status }),
          ...(after === undefined ? {} : { after }),
        };
        const views = await engine(service).list(request);
        return { items: views.map((view) => sagaItem(service, view)) };
      },
      deadLetters: async ({ limit = LIMIT }) => ({ items: (await letters(host(), limit)).slice(0, limit) }),
      consumers: async () => ({ items: await Promise.all(host().hearings.map(consumerItem)) }),
    },
  });
  return { ...service, attach: (view) => (attached = view) };
}

/** The answer under the command's key, so that a repetition gets it and does nothing. */
function noted<T>(ctx: CommandContext<Record<never, never>, never>, output: T): Promise<T> {
  return ctx.transaction(() => Promise.resolve(output));
}

function sagaItem(service: string, view: SagaView) {
  return {
    service,
    sagaId: view.id,
    saga: view.saga,
    version: view.version,
    status: view.status,
    ...(view.step === undefined ? {} : { step: view.step }),
    attempts: view.attempts,
    ...(view.fault === undefined ? {} : { fault: faultItem(view.fault) }),
    startedAt: toInstant(view.startedAt),
    updatedAt: toInstant(view.updatedAt),
  };
}

function faultItem({ code, kind, message }: Pick<FaultData, "code" | "message"> & { readonly kind: string }) {
  return { code, kind, message: message.slice(0, 1_000) };
}

interface Which {
  readonly service: string;
  readonly consumer: string;
  readonly source: string;
}

function consumerOf({ hearings }: HostView, which: Which): Consumer {
  const found = hearings.find(
    ({ service, consumer }) =>
      service === which.service && consumer.name === which.consumer && consumer.source.service === which.source,
  );
  if (found === undefined) throw UnknownOperation.with({ operation: `${which.service} hears ${which.source}` });
  return found.consumer;
}

function discard(consumer: Consumer, eventId: string): Promise<boolean> {
  return consumer.transact("discard", (connection) => discardDeadLetter(connection, consumer.name, eventId));
}

async function letters({ hearings }: HostView, limit: number) {
  const items = [];
  for (const { service, consumer } of hearings) {
    if (items.length >= limit) break;
    const of = { consumer: consumer.name, source: consumer.source.service };
    const found = await consumer.transact("dead-letters", (connection) => listDeadLetters(connection, of, { limit }));
    items.push(...found.map((letter) => letterItem(service, letter)));
  }
  return items;
}

function letterItem(service: string, { consumer, event, fault, attempts, at }: DeadLetter) {
  return {
    service,
    consumer,
    source: event.service,
    eventId: event.id,
    type: event.type,
    key: event.key,
    fault: faultItem(fault),
    attempts,
    at: toInstant(at),
  };
}

async function consumerItem({ service, consumer }: HostView["hearings"][number]) {
  const of = { consumer: consumer.name, source: consumer.source.service };
  const counts = await consumer.transact("dead-letters", countDeadLetters);
  const deadLetters = counts.get(consumer.name) ?? 0;
  const lag = await consumer.lag();
  return { service, ...of, lag, parkedKeys: consumer.stats().parkedKeys, deadLetters };
}
