/** Contracts: what a service promises. A value, in a file of its own, the only file that others may import. */
import type { Schema, TypeOf } from "../schema/mod.ts";
import type { Command, EventDefinition, Operation, Query } from "./operation.ts";

declare const outputType: unique symbol;

/** A call that somebody wants made: made by the contract, carried out by a context's `call` or a saga's `step`. */
export interface Call<Service extends string = string, Output = unknown> {
  readonly service: Service;
  readonly operation: string;
  readonly input: unknown;
  /** Only for the compiler: what the call resolves to. */
  readonly [outputType]?: Output;
}

/** An event with where it comes from: what `emit` and `subscribe` take. */
export interface EventType<Data = unknown> {
  readonly service: string;
  readonly name: string;
  readonly definition: EventDefinition;
  /** Only for the compiler: what the event carries. */
  readonly [outputType]?: Data;
}

/** The data that an event type carries. */
export type DataOf<E> = E extends EventType<infer D> ? D : never;

/** What `contract` takes. */
export interface ContractOptions<
  C extends Record<string, Command>,
  Q extends Record<string, Query>,
  E extends Record<string, EventDefinition>,
> {
  /** Semantic version: a breaking change raises the first number. */
  readonly version: string;
  readonly summary?: string;
  /** Permissions that the rules of this contract ask for: name to what it lets one do. */
  readonly permissions?: Readonly<Record<string, string>>;
  readonly commands?: C;
  readonly queries?: Q;
  readonly events?: E;
}

type Callers<Name extends string, Ops extends Record<string, Operation>> = {
  readonly [K in keyof Ops]: (input: TypeOf<Ops[K]["input"]>) => Call<Name, TypeOf<Ops[K]["output"]>>;
};

type EventTypes<E extends Record<string, EventDefinition>> = {
  readonly [K in keyof E]: EventType<TypeOf<E[K]["data"]>>;
};

/** What every contract has, whatever its operations. */
export interface ContractBase {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly commands: Readonly<Record<string, Command>>;
  readonly queries: Readonly<Record<string, Query>>;
  readonly events: Readonly<Record<string, EventType>>;
}

/** A contract. Besides its parts it has, for each operation, a function that makes the {@link Call}. */
export type Contract<
  Name extends string,
  C extends Record<string, Command>,
  Q extends Record<string, Query>,
  E extends Record<string, EventDefinition>,
> = Omit<ContractBase, "name" | "commands" | "queries" | "events"> & {
  readonly name: Name;
  readonly commands: C;
  readonly queries: Q;
  readonly events: EventTypes<E>;
} & Callers<Name, C> &
  Callers<Name, Q>;

/** The input type of an operation. */
export type InputOf<O extends { readonly input: Schema }> = TypeOf<O["input"]>;
/** The output type of an operation. */
export type OutputOf<O extends { readonly output: Schema }> = TypeOf<O["output"]>;

const TAKEN = new Set(["name", "version", "summary", "permissions", "commands", "queries", "events"]);
const NAME = /^[a-z][a-zA-Z0-9]*$/;

/**
 * Makes a contract.
 * @throws {TypeError} when a name is not camelCase, is used twice, is one that contracts need themselves, or when
 *   an operation has no rule of access.
 */
export function contract<
  const Name extends string,
  C extends Record<string, Command> = Record<never, never>,
  Q extends Record<string, Query> = Record<never, never>,
  E extends Record<string, EventDefinition> = Record<never, never>,
>(name: Name, options: ContractOptions<C, Q, E>): Contract<Name, C, Q, E> {
  const commands = options.commands ?? ({} as C);
  const queries = options.queries ?? ({} as Q);
  const callers: Record<string, (input: unknown) => Call> = {};
  for (const [operation, definition] of Object.entries<Operation>({ ...commands, ...queries })) {
    checkOperation(name, operation, definition);
    callers[operation] = (input) => ({ service: name, operation, input });
  }
  for (const operation of Object.keys(commands)) {
    if (operation in queries) throw new TypeError(`${name}.${operation} is both a command and a query.`);
  }
  const events = Object.fromEntries(
    Object.entries(options.events ?? {}).map(([event, definition]) => [
      event,
      { service: name, name: event, definition } satisfies EventType,
    ]),
  );
  return {
    name,
    version: options.version,
    summary: options.summary ?? "",
    permissions: options.permissions ?? {},
    commands,
    queries,
    events,
    ...callers,
  } as unknown as Contract<Name, C, Q, E>;
}

function checkOperation(service: string, operation: string, definition: Operation): void {
  const at = `${service}.${operation}`;
  if (!NAME.test(operation)) throw new TypeError(`${at}: operations are named in camelCase.`);
  if (TAKEN.has(operation)) throw new TypeError(`${at}: contracts use this name themselves; choose another.`);
  if (definition.allow.length === 0) {
    throw new TypeError(
      `${at} lets nobody call it: give it a rule in "allow" (anyone, user, owner, permission, services).`,
    );
  }
  if (definition.kind === "query" && definition.cache?.sameForAll === true) {
    if (!definition.allow.some(({ kind }) => kind === "anyone" || kind === "services"))
      throw new TypeError(
        `${at} answers all the same, but lets in only end users: drop "sameForAll", or let anyone in.`,
      );
  }
}
