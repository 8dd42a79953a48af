/**
 * What operators see and do of one host: its services' sagas, dead letters, consumers and read models. A fleet's
 * supervisor asks its processes for it. The operator's service offers it to callers: of its own host when that is all there
 * is, else of the whole fleet.
 */
import {
  BeyondLog,
  type Consumer,
  type DeadLetter,
  countDeadLettersOf,
  discardDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
} from "../events/mod.ts";
import type { Query, Command, InputOf, OutputOf } from "../contract/mod.ts";
import { type TypeOf, t, validator } from "../schema/mod.ts";
import type { SagaEngine, SagaView } from "../saga/mod.ts";
import { type FaultData, toInstant } from "../std/mod.ts";
import type { AskFleet } from "./elsewhere.ts";
import { LeaseLost, NotOperated, OperatedElsewhere, UnknownOperation } from "./faults.ts";
import type { HostView } from "./host-view.ts";
import { compareHearings, letterPage, placeOfCursor } from "./letter-pages.ts";
import { operator } from "./operator-contract.ts";

/** How many items a list has unless said. */
export const LIMIT = 50;

type Operations = typeof operator.commands & typeof operator.queries;
/** Each operation of the operator's contract, over one host. */
export type OperatorActions = {
  readonly [K in keyof Operations]: (input: InputOf<Operations[K]>) => Promise<OutputOf<Operations[K]>>;
};

/** The operator's operations over the host that this gives. */
export function operatorActions(host: () => HostView): OperatorActions {
  const engine = (service: string): SagaEngine => {
    const found = host().sagas().get(service);
    if (found === undefined) throw NotOperated.with({ detail: `"${service}" has no sagas.` });
    return found;
  };
  return {
    retrySaga: async ({ service, sagaId }) => sagaItem(service, await engine(service).retry(sagaId)),
    abortSaga: async ({ service, sagaId }) => sagaItem(service, await engine(service).abort(sagaId)),
    redrive: async (which) => ({ done: await redriveDeadLetter(consumerOf(host(), which), which.eventId) }),
    discard: async (which) => ({ done: await discard(consumerOf(host(), which), which.eventId) }),
    rebuild: async ({ service, projection }) => {
      await host().rebuild(service, projection);
      return { done: true };
    },
    skip: async (which) => {
      const consumer = consumerOf(host(), which);
      // Of replicas the one that leads hears, and knows what keeps it.
      if (!consumer.isRunning) throw LeaseLost.with({ service: which.service });
      return { done: await consumer.skip() };
    },
    sagas: async ({ service, status, after, limit = LIMIT }) => {
      const request = {
        // One more than is shown: it says that there are more.
        limit: limit + 1,
        ...(status === undefined ? {} : { status }),
        ...(after === undefined ? {} : { after }),
      };
      const views = await engine(service).list(request);
      const items = views.slice(0, limit).map((view) => sagaItem(service, view));
      const last = items.at(-1);
      return { items, ...(views.length > limit && last !== undefined ? { next: last.sagaId } : {}) };
    },
    deadLetters: async ({ limit = LIMIT, after }) => {
      const { items, next } = letterPage(await letters(host(), { limit: limit + 1, after }), limit);
      return { items: [...items], ...(next === undefined ? {} : { next }) };
    },
    consumers: async () => ({ items: await Promise.all(host().hearings.map(consumerItem)) }),
  };
}

const all: Readonly<Record<string, Command | Query>> = { ...operator.commands, ...operator.queries };

/** Whether the operator's contract has an operation of this name. */
export const isOperation = (name: string): boolean => Object.hasOwn(all, name);

/** The operator's operations over all hosts of a fleet, each carried out where it can be. */
export function fleetActions(ask: AskFleet): OperatorActions {
  const actions = Object.keys(all).map((operation) => {
    const act = (input: { readonly service?: string }): Promise<unknown> =>
      ask({ operation, input, ...(input.service === undefined ? {} : { service: input.service }) });
    return [operation, act] as const;
  });
  // What it answers is checked against the contract, as every output is.
  return Object.fromEntries(actions) as unknown as OperatorActions;
}

/** The operator's operations over one host of several, when nothing can ask the others: it says whom it knows nothing of. */
export function loneActions(host: HostView): OperatorActions {
  const { placedElsewhere } = host;
  const actions = operatorActions(() => host);
  const unanswered = placedElsewhere.map((service) => {
    const { code, message } = OperatedElsewhere.with({ service });
    return { from: service, code, message };
  });
  const partial = unanswered.length === 0 ? {} : { unanswered };
  const own = Object.entries(actions).map(([operation, act]) => [
    operation,
    async (input: { readonly service?: string }): Promise<unknown> => {
      const { service } = input;
      if (service !== undefined && placedElsewhere.includes(service)) throw OperatedElsewhere.with({ service });
      const output = await (act as (input: unknown) => Promise<object>)(input);
      return service === undefined ? { ...output, ...partial } : output;
    },
  ]);
  return Object.fromEntries(own) as unknown as OperatorActions;
}

/** What a fleet's supervisor asks one of its processes for: an operation of the operator's contract, or where a log is. */
export async function askOperator(host: HostView, operation: string, input: unknown): Promise<unknown> {
  if (operation === "rewindTo") return rewindTo(host, validator(RewindInput, "input of rewindTo").parse(input));
  const definition = isOperation(operation) ? all[operation] : undefined;
  if (definition === undefined) throw UnknownOperation.with({ operation: `operator.${operation}` });
  const checked = validator(definition.input, `input of operator.${operation}`).parse(input);
  const actions = operatorActions(() => host) as unknown as Record<string, (input: unknown) => Promise<unknown>>;
  return actions[operation]?.(checked);
}

const Service = t.text({ minLength: 1, maxLength: 63 });
const Whole = t.integer({ minimum: 0 });
/** After a position, or since a moment in milliseconds since 1970. */
const RewindInput = t.union(
  t.object({ service: Service, position: Whole }),
  t.object({ service: Service, sinceMs: Whole }),
);

/**
 * The position that a stream may begin again after; and up to where not all is left that comes then, if it is not.
 * @throws {BeyondLog} when the log does not go so far: nothing before that would be brought any more.
 */
async function rewindTo(
  host: HostView,
  request: TypeOf<typeof RewindInput>,
): Promise<{ position: number; pruned?: number }> {
  const { service } = request;
  const to = "position" in request ? request.position : await host.positionAt(service, request.sinceMs);
  const source = host.source(service);
  const head = await source.head();
  if (to > head) throw BeyondLog.with({ service, position: to, head });
  const pruned = await source.begin();
  return { position: to, ...(to < pruned ? { pruned } : {}) };
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
  const { service, consumer, source } = which;
  if (found === undefined)
    throw NotOperated.with({ detail: `"${service}" has no consumer "${consumer}" that hears "${source}".` });
  return found.consumer;
}

function discard(consumer: Consumer, eventId: string): Promise<boolean> {
  return consumer.transact("discard", (connection) => discardDeadLetter(connection, consumer.name, eventId));
}

interface LetterRange {
  readonly limit: number;
  readonly after: string | undefined;
}

/** The first dead letters after a place, in their order. */
async function letters({ hearings }: HostView, { limit, after }: LetterRange) {
  const place = after === undefined ? undefined : placeOfCursor(after);
  const all = hearings.map(({ service, consumer }) => {
    const of = { consumer: consumer.name, source: consumer.source.service };
    return { service, ...of, of, hearing: consumer };
  });
  const items: ReturnType<typeof letterItem>[] = [];
  for (const { service, of, hearing, ...rest } of all.toSorted(compareHearings)) {
    if (items.length >= limit) break;
    const order = place === undefined ? 1 : compareHearings({ service, ...rest }, place);
    if (order < 0) continue;
    const range = { limit: limit - items.length, ...(order === 0 ? { after: place?.position ?? 0 } : {}) };
    const found = await hearing.transact("dead-letters", (connection) => listDeadLetters(connection, of, range));
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
    position: event.position,
    type: event.type,
    key: event.key,
    fault: faultItem(fault),
    attempts,
    at: toInstant(at),
  };
}

async function consumerItem({ service, consumer }: HostView["hearings"][number]) {
  const of = { consumer: consumer.name, source: consumer.source.service };
  const deadLetters = await consumer.transact("dead-letters", (connection) => countDeadLettersOf(connection, of));
  const lag = await consumer.lag();
  const fault = consumer.stuck === undefined ? {} : { fault: faultItem(consumer.stuck) };
  return { service, ...of, lag, parkedKeys: consumer.stats().parkedKeys, deadLetters, ...fault };
}
