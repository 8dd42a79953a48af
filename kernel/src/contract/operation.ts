/** Commands, queries and events: the members of a contract. */
import type { FaultType } from "../std/mod.ts";
import type { ObjectSchema, Schema, TypeOf } from "../schema/mod.ts";
import type { AccessRule } from "./access.ts";
import type { HttpBinding } from "./http.ts";

/**
 * How much a call matters, highest first. It travels with the call, and under overload the lowest is shed
 * first (Google SRE, "Handling Overload"). `critical`: money and orders; `high`: what leads to them;
 * `normal`: what people look at; `sheddable`: what can wait.
 */
export type Criticality = "critical" | "high" | "normal" | "sheddable";

/** What commands and queries have in common. */
export interface OperationOptions<I extends ObjectSchema, O extends Schema> {
  /** One line for the API page. */
  readonly summary?: string;
  readonly input: I;
  readonly output: O;
  /** The faults that the operation raises by design. Others reach the caller too, but undeclared. */
  readonly faults?: readonly FaultType[];
  /** Who may call. Several rules are alternatives; none means nobody. */
  readonly allow: readonly AccessRule[];
  /** The longest that the whole call may take, in milliseconds. 2,000 unless said. */
  readonly deadlineMs?: number;
  /** `normal` unless said. */
  readonly criticality?: Criticality;
  /**
   * The field of the input by which calls keep to one instance, so that what it has in memory is of use. A hint: when that
   * instance is unwell or busier than others, another one gets the call.
   */
  readonly affinity?: keyof TypeOf<I> & string;
  readonly http?: HttpBinding;
  /** Names a group on the API page; the service's name unless said. */
  readonly tag?: string;
}

/** How a query may be answered without asking the service again. */
export interface CacheOptions {
  /** For how long an answer may be reused, in milliseconds. */
  readonly maxAgeMs: number;
  /**
   * Whether everybody gets the same answer: then it is kept once for all, and shared between hosts. The query is asked
   * without the end user, so that it cannot depend on who asks. False unless said: kept apart for each end user.
   */
  readonly sameForAll?: boolean;
}

/** A query as the contract holds it. */
export interface Query<I extends ObjectSchema = ObjectSchema, O extends Schema = Schema> extends OperationOptions<
  I,
  O
> {
  readonly kind: "query";
  readonly cache?: CacheOptions;
  readonly staleMaxMs?: number;
}

/** A command as the contract holds it. */
export interface Command<I extends ObjectSchema = ObjectSchema, O extends Schema = Schema> extends OperationOptions<
  I,
  O
> {
  readonly kind: "command";
}

/** A command or a query. */
export type Operation = Command | Query;

/** Defines a command: it changes the state of its service, in one transaction, once per idempotency key. */
export function command<I extends ObjectSchema, O extends Schema>(options: OperationOptions<I, O>): Command<I, O> {
  return { ...options, kind: "command" };
}

/** What {@link query} takes. */
export interface QueryOptions<I extends ObjectSchema, O extends Schema> extends OperationOptions<I, O> {
  readonly cache?: CacheOptions;
  /**
   * How old the state may be that it is answered from, in milliseconds. Then a copy of the service's database may be read
   * instead, where there is one that is surely not older. Not for who must see what they have just written; and commands,
   * sagas and jobs that ask get the newest state all the same, because they decide by it. Absent: always the newest.
   */
  readonly staleMaxMs?: number;
}

/** Defines a query: it changes nothing, so it may be repeated, cached and answered by a replica. */
export function query<I extends ObjectSchema, O extends Schema>(options: QueryOptions<I, O>): Query<I, O> {
  return { ...options, kind: "query" };
}

/** Turns the data of the event's version `n` into that of version `n + 1`. Pure. */
export type Upcast = (data: never) => unknown;

/** Subscribers that were away for a night must find what they missed. */
const KEEP_MIN_MS = 24 * 3_600_000;

/** What an event is defined by. */
export interface EventOptions<D extends ObjectSchema> {
  readonly summary?: string;
  /** The field of the data that orders events: those with equal values are delivered in order. */
  readonly key: keyof TypeOf<D> & string;
  readonly data: D;
  /** The version of the data's schema; 1 unless said. */
  readonly version?: number;
  /**
   * How long its events stay in the log at least, in milliseconds; for ever unless said. Later they may be deleted, and then
   * whoever begins to hear them, or makes a read model of them anew, does not get those. Not for events that an aggregate
   * is made of, nor others with its key. At least a day.
   */
  readonly keepMs?: number;
  /** `upcasts[n]` reads data of version `n` as version `n + 1`: one for each version before this one. */
  readonly upcasts?: Readonly<Record<number, Upcast>>;
}

/** An event as the contract holds it; {@link contract} adds where it comes from. */
export interface EventDefinition<D extends ObjectSchema = ObjectSchema> extends Omit<EventOptions<D>, "key"> {
  readonly kind: "event";
  readonly key: string;
  readonly version: number;
}

/**
 * Defines an event: a fact that its service records in the transaction that makes it so.
 * @throws {TypeError} when it is to be kept for less than a day.
 */
export function event<D extends ObjectSchema>(options: EventOptions<D>): EventDefinition<D> {
  if (options.keepMs !== undefined && !(options.keepMs >= KEEP_MIN_MS)) {
    throw new TypeError(
      `keepMs is ${options.keepMs}: events must stay for a day at least, to be heard after an outage.`,
    );
  }
  return { ...options, version: options.version ?? 1, kind: "event" };
}
