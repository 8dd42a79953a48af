/**
 * Calls that a service makes to others: what is declared goes out with the contract's deadline, retries and limits.
 * A route is made once per (caller, operation); a call on it costs a few property reads before the transport.
 */
import type { Call, ContractBase, Operation, Query } from "../contract/mod.ts";
import { type KeepFor, type Outbound, type OutboundTarget, type SharedAnswers, TtlCache } from "../guard/mod.ts";
import { type Schema, pruner, validator } from "../schema/mod.ts";
import { canonicalJson, copyJson } from "../std/mod.ts";
import type { Clock } from "../std/mod.ts";
import type { Transport } from "../transport/mod.ts";
import type { Origin } from "./call-context.ts";
import { Undeclared, UnknownOperation } from "./faults.ts";

/** The longest that a call may take when its contract does not say, in milliseconds. */
export const DEADLINE_MS = 2_000;
/** How many answers of a query are kept by each caller. */
const CACHE_ENTRIES_MAX = 5_000;

/** A way to one operation of another service. */
export interface Route {
  readonly isCommand: boolean;
  /** What this build knows of the answers. */
  readonly output: Schema;
  send(call: Call, origin: Origin, key: string | undefined): Promise<unknown>;
}

/** What routes are made of. */
export interface RoutesOptions {
  readonly caller: string;
  readonly uses: readonly ContractBase[];
  readonly transport: Transport;
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Where the replicas of the caller share answers: what one caller was let to see says nothing of another. */
  readonly answers?: SharedAnswers;
}

/** The routes of one service to those that it uses. */
export class Routes {
  readonly #caller: string;
  readonly #services = new Map<string, Map<string, Route>>();

  constructor(options: RoutesOptions) {
    this.#caller = options.caller;
    for (const contract of options.uses) {
      const routes = new Map<string, Route>();
      for (const [name, operation] of Object.entries<Operation>({ ...contract.commands, ...contract.queries })) {
        routes.set(name, makeRoute(options, contract, name, operation));
      }
      this.#services.set(contract.name, routes);
    }
  }

  /** @throws {Undeclared} when the service is not in `uses`. */
  route(call: Call): Route {
    const routes = this.#services.get(call.service);
    if (routes === undefined) throw Undeclared.with({ caller: this.#caller, service: call.service });
    const route = routes.get(call.operation);
    if (route === undefined) throw UnknownOperation.with({ operation: `${call.service}.${call.operation}` });
    return route;
  }
}

function makeRoute(options: RoutesOptions, contract: ContractBase, name: string, operation: Operation): Route {
  const { name: service, version } = contract;
  const { clock } = options;
  const isCommand = operation.kind === "command";
  const { output } = operation;
  const criticality = operation.criticality ?? "normal";
  // Every command is idempotent by its key and every query changes nothing: both may be repeated.
  const target = options.outbound.target({ service, operation: name, retry: true, criticality });
  const deadlineMs = operation.deadlineMs ?? DEADLINE_MS;
  const send = (call: Call, origin: Origin, key: string | undefined): Promise<unknown> =>
    sendOnce(options, target, call, origin, key, Math.min(origin.deadlineAt, clock.monotonicMs() + deadlineMs));
  if (operation.kind === "query" && operation.cache !== undefined) {
    return { isCommand, output, send: cached(options, `${service}.${name}@${version}`, operation, send) };
  }
  return { isCommand, output, send };
}

// oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
async function sendOnce(
  { caller, transport }: RoutesOptions,
  target: OutboundTarget,
  call: Call,
  origin: Origin,
  key: string | undefined,
  deadlineAt: number,
): Promise<unknown> {
  const { identity, trace, criticality, signal, insists, mayBeStale } = origin;
  const before = origin.attempt - 1;
  const reply = await target.run(deadlineAt, signal, (attempt) =>
    transport.send({
      service: call.service,
      operation: call.operation,
      input: call.input,
      key,
      clientKey: false,
      insists,
      mayBeStale,
      attempt: before + attempt,
      deadlineAt,
      caller,
      identity,
      trace,
      criticality,
      signal,
    }),
  );
  return reply.output;
}

/**
 * Keeps answers, apart for each end user unless all get the same. Answers to nobody in particular are shared between
 * the caller's replicas, where there is a place for it: nothing of an end user gets there, and nothing secret.
 */
function cached(options: RoutesOptions, at: string, operation: Query, send: Route["send"]): Route["send"] {
  const { clock } = options;
  const { output } = operation;
  const { maxAgeMs, sameForAll = false } = operation.cache ?? { maxAgeMs: 0 };
  const shared = mayBeShared(operation) ? options.answers : undefined;
  const cache = new TtlCache<unknown>({ clock, maxAgeMs, entriesMax: CACHE_ENTRIES_MAX });
  return async (call, given, key) => {
    const origin = sameForAll && given.identity !== undefined ? { ...given, identity: undefined } : given;
    const { identity } = origin;
    // What came from a copy of a database is kept apart: who decides something gets none of it.
    const question = `${origin.mayBeStale === true ? "may be stale " : ""}${canonicalJson(call.input)}`;
    const load = (): Promise<unknown> => send(call, origin, key);
    const whose = `${identity?.asserted === true ? "asserted " : ""}${identity?.subject ?? ""}`;
    const answer = await cache.get(`${whose}\n${question}`, (keepFor) =>
      shared === undefined || identity !== undefined
        ? load()
        : loadShared({ shared, clock, maxAgeMs, keepFor, output }, `${at}\n${question}`, load),
    );
    return copyJson(answer);
  };
}

/** Whether a service that uses these has answers that its replicas may share. */
export function sharesAnswers(uses: readonly ContractBase[]): boolean {
  const queries = uses.flatMap((contract) => Object.values<Query>(contract.queries));
  return queries.some((query) => query.cache !== undefined && mayBeShared(query));
}

/** Whether the answers hold nothing secret. */
function mayBeShared({ output }: Query): boolean {
  return !JSON.stringify(output).includes('"x-secret":true');
}

interface Sharing {
  readonly shared: SharedAnswers;
  readonly clock: Clock;
  readonly maxAgeMs: number;
  readonly keepFor: KeepFor;
  /** What this build knows of the answers. */
  readonly output: Schema;
}

async function loadShared(sharing: Sharing, name: string, load: () => Promise<unknown>): Promise<unknown> {
  const { shared, clock, maxAgeMs, keepFor, output } = sharing;
  const known = await shared.get(name);
  if (known !== undefined) {
    // Another build may have put it there whose contract has the same version. What does not fit is asked for anew.
    const answer = pruner(output)(JSON.parse(known.value));
    if (validator(output, "shared answer").check(answer)) {
      keepFor(known.freshMs);
      return answer;
    }
  }
  const askedAt = clock.monotonicMs();
  const answer = await load();
  shared.put(name, JSON.stringify(answer), maxAgeMs - (clock.monotonicMs() - askedAt));
  return answer;
}
