/** How a service is written: a contract, a database, handlers. */
import type { Command, ContractBase, DataOf, EventType, InputOf, OutputOf, Query } from "../contract/mod.ts";
import type { ObjectSchema, TypeOf } from "../schema/mod.ts";
import type { Saga } from "../saga/mod.ts";
import type { Migration, Reader } from "../store/mod.ts";
import type { HostView } from "./host-view.ts";
import type { CommandContext, EventContext, EventHandler, NamesOf, QueryContext, Tx } from "./context.ts";

/** A subscription to one type of event. */
export interface Subscription<DB = never, Settings = unknown> {
  readonly event: EventType;
  /** Subscriptions of one consumer to one service are delivered in order per key. The source's name unless said. */
  readonly consumer: string;
  readonly handle: EventHandler<never, DB, Settings>;
}

/** Hears an event: `subscribe<Tables>()(orders.events.cancelled, async (event, tx) => …)`. */
export function subscribe<DB, Settings = unknown>() {
  return <E extends EventType>(
    event: E,
    handle: EventHandler<DataOf<E>, DB, Settings>,
    options: { readonly consumer?: string } = {},
  ): Subscription<DB, Settings> => ({
    event: event as unknown as EventType,
    consumer: options.consumer ?? event.service,
    handle: handle as unknown as EventHandler<never, DB, Settings>,
  });
}

/**
 * A read model made from events. It can be thrown away and made anew from the log (`rebuild`).
 * Its handlers may only write its own tables, and must not emit or start anything.
 */
export interface Projection<DB = never, Settings = unknown> {
  readonly name: string;
  readonly on: readonly Subscription<DB, Settings>[];
  /** Empties the projection's tables. */
  readonly reset: (tx: Tx<DB>) => Promise<void>;
}

/** Work that a service does by itself, again and again. */
export interface Job<DB = never, Uses extends string = string, Settings = unknown> {
  readonly name: string;
  /** The pause between the end of a run and the next, in milliseconds, with jitter. */
  readonly everyMs: number;
  /** The longest a run may take, in milliseconds; 30,000 unless said. */
  readonly deadlineMs?: number;
  /**
   * One bounded piece of work. Resolves to whether there is more to do at once. Runs alone: one at a time in the
   * whole system. May use several transactions; each must leave a state from which the next run can go on.
   */
  readonly run: (ctx: JobContext<DB, Uses, Settings>) => Promise<boolean>;
}

/** What jobs have: like commands, but without a key, and with as many transactions as they need. */
export type JobContext<DB, Uses extends string = string, Settings = unknown> = Omit<
  CommandContext<DB, Uses, Settings>,
  "key"
>;

type CommandHandlers<C extends Record<string, Command>, DB, Uses extends string, Settings> = {
  readonly [K in keyof C]: (input: InputOf<C[K]>, ctx: CommandContext<DB, Uses, Settings>) => Promise<OutputOf<C[K]>>;
};

type QueryHandlers<Q extends Record<string, Query>, DB, Uses extends string, Settings> = {
  readonly [K in keyof Q]: (input: InputOf<Q[K]>, ctx: QueryContext<DB, Uses, Settings>) => Promise<OutputOf<Q[K]>>;
};

type Operations<C extends ContractBase> = C["commands"] & C["queries"];

type Owners<C extends ContractBase, DB> = {
  readonly [K in keyof Operations<C>]?: (
    input: InputOf<Operations<C>[K]>,
    db: Reader<DB>,
  ) => Promise<string | undefined>;
};

type AfterCommit<C extends Record<string, Command>, DB, Uses extends string, Settings> = {
  readonly [K in keyof C]?: (output: OutputOf<C[K]>, ctx: QueryContext<DB, Uses, Settings>) => Promise<OutputOf<C[K]>>;
};

/** What {@link implement} takes. */
export interface ServiceOptions<
  C extends ContractBase,
  DB,
  Uses extends readonly ContractBase[],
  S extends ObjectSchema,
> {
  /** The contracts that this service calls. Others are refused, by type and at run time. */
  readonly uses?: Uses;
  /** The service's tables: a folder of `0001_name.sql` files, or the migrations themselves. */
  readonly database?: { readonly migrations: URL | readonly Migration[] };
  /** What the service needs to be told; `t.secret` fields come from files or the environment and are never logged. */
  readonly settings?: S;
  /** Whether it tells gateways what they must refuse (`ctx.revocations`). No other service can. */
  readonly revokes?: boolean;
  readonly commands: CommandHandlers<C["commands"], DB, NamesOf<Uses>, TypeOf<S>>;
  readonly queries: QueryHandlers<C["queries"], DB, NamesOf<Uses>, TypeOf<S>>;
  /**
   * For each operation with the rule `owner`: the subject that owns what the input names, or undefined when there is
   * no such thing. The runtime refuses to start when one is missing.
   */
  readonly owners?: Owners<C, DB>;
  /**
   * Runs after a command's commit, also when the answer is a replay, and may make the output newer (wait for a saga,
   * read a status). It changes nothing.
   */
  readonly after?: AfterCommit<C["commands"], DB, NamesOf<Uses>, TypeOf<S>>;
  /**
   * Commands whose committed answer says nothing before `after` has completed it: a token that is not signed yet. When there
   * is no time left for that, the call fails, and a repetition with its key gets the whole answer.
   */
  readonly incomplete?: readonly Extract<keyof C["commands"], string>[];
  readonly on?: readonly Subscription<DB, TypeOf<S>>[];
  readonly projections?: readonly Projection<DB, TypeOf<S>>[];
  /** All versions that still run. They call what `uses` has. */
  readonly sagas?: readonly Saga<never, unknown, DB, NamesOf<Uses>>[];
  readonly jobs?: readonly Job<DB, NamesOf<Uses>, TypeOf<S>>[];
}

/** A service: what its folder exports by default. */
export interface Service {
  readonly contract: ContractBase;
  readonly uses: readonly ContractBase[];
  readonly migrations: URL | readonly Migration[];
  readonly settings: ObjectSchema | undefined;
  readonly revokes: boolean;
  readonly commands: Readonly<Record<string, (input: never, ctx: CommandContext<never>) => Promise<unknown>>>;
  readonly queries: Readonly<Record<string, (input: never, ctx: QueryContext<never>) => Promise<unknown>>>;
  readonly owners: Readonly<Record<string, (input: never, db: Reader<never>) => Promise<string | undefined>>>;
  readonly after: Readonly<Record<string, (output: never, ctx: QueryContext<never>) => Promise<unknown>>>;
  readonly incomplete: readonly string[];
  readonly on: readonly Subscription[];
  readonly projections: readonly Projection[];
  readonly sagas: readonly Saga[];
  readonly jobs: readonly Job[];
  /** For services that look after the host that they run in: told of it before the first call. */
  readonly attach?: (host: HostView) => void;
}

/**
 * Implements a contract over the tables `DB`: `implement<Tables>()(contract, { … })`.
 * @throws {TypeError} when an operation has no handler, a handler no operation, or an `owner` rule nobody to ask.
 */
export function implement<DB = Record<never, never>>() {
  return <
    C extends ContractBase,
    const Uses extends readonly ContractBase[] = readonly [],
    S extends ObjectSchema = ObjectSchema,
  >(
    contract: C,
    options: ServiceOptions<C, DB, Uses, S>,
  ): Service => {
    const service = {
      contract,
      uses: options.uses ?? [],
      migrations: options.database?.migrations ?? [],
      settings: options.settings,
      revokes: options.revokes ?? false,
      commands: options.commands,
      queries: options.queries,
      owners: options.owners ?? {},
      after: options.after ?? {},
      incomplete: options.incomplete ?? [],
      on: options.on ?? [],
      projections: options.projections ?? [],
      sagas: options.sagas ?? [],
      jobs: options.jobs ?? [],
    } as unknown as Service;
    checkHandlers(service);
    return service;
  };
}

function checkHandlers({ contract, commands, queries, owners, jobs }: Service): void {
  sameNames(contract.name, "command", Object.keys(contract.commands), Object.keys(commands));
  sameNames(contract.name, "query", Object.keys(contract.queries), Object.keys(queries));
  for (const [name, operation] of Object.entries({ ...contract.commands, ...contract.queries })) {
    const needs = operation.allow.some((rule) => rule.kind === "owner");
    if (needs !== name in owners) {
      throw new TypeError(
        needs
          ? `${contract.name}.${name} lets the owner in, but "owners" does not say who that is.`
          : `${contract.name}.${name} has an entry in "owners", but no rule "owner" in its contract.`,
      );
    }
  }
  const names = jobs.map((job) => job.name);
  for (const name of names) {
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw new TypeError(`${contract.name} has two jobs "${name}".`);
  }
}

function sameNames(service: string, what: string, declared: readonly string[], written: readonly string[]): void {
  const missing = declared.filter((name) => !written.includes(name));
  const unknown = written.filter((name) => !declared.includes(name));
  if (missing.length > 0) throw new TypeError(`${service} has no handler for the ${what} ${missing.join(", ")}.`);
  if (unknown.length > 0) throw new TypeError(`${service} handles the unknown ${what} ${unknown.join(", ")}.`);
}

export type { EventContext };
