/** What handlers are given: the world as far as a service may touch it. */
import type { Call, ContractBase, Criticality, Identity } from "../contract/mod.ts";
import type { EventRecord, EventWriter } from "../events/mod.ts";
import type { Revocations } from "../guard/mod.ts";
import type { SagaStarter, SagaView } from "../saga/mod.ts";
import type { Crypto } from "../security/mod.ts";
import type { Fault, Ids, Logger, Random } from "../std/mod.ts";
import type { Reader } from "../store/mod.ts";
import type { MailPort } from "./mail.ts";

/** An outbound HTTP request, to a party outside the system. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The longest that it may take, in milliseconds; the call's deadline holds too. */
  readonly timeoutMs?: number;
}

/** What came back. Whether the status is a success is the caller's to judge. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The names of the services that a list of contracts stands for. */
export type NamesOf<Uses extends readonly ContractBase[]> = Uses[number]["name"];

/** What {@link Context.attempt} resolves to. */
export type Attempt<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly fault: Fault };

/** What every handler has. */
export interface Context<Uses extends string = string, Settings = unknown> {
  /** The service that called, or `undefined` at the edge: the gateway, a job, a test. */
  readonly caller: string | undefined;
  /** The end user behind the call, if there is one. */
  readonly identity: Identity | undefined;
  /** The service's settings, checked at the start. */
  readonly settings: Settings;
  readonly log: Logger;
  readonly ids: Ids;
  /** For signatures of webhooks, tokens and passwords. */
  readonly crypto: Crypto;
  /** Cryptographically strong randomness: for salts and secrets. */
  readonly random: Random;
  /** Sends mails; absent where no mail server was configured. Not to be used while a transaction is open. */
  readonly mail: MailPort | undefined;
  /**
   * Tells gateways what they must refuse; absent where nobody listens. Not to be used while a transaction is open, and
   * only by a service that says `revokes: true`.
   */
  readonly revocations: Revocations | undefined;
  /** Aborted when the deadline passes or the caller gave up. */
  readonly signal: AbortSignal;
  readonly criticality: Criticality;
  /** Whether nobody decides by the answer, so that it may come from a state that is a little old. */
  readonly mayBeStale: boolean;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds until the deadline; 0 when it has passed. */
  remainingMs(): number;
  /** Whether the end user holds a permission: to decide what to show, where the contract's rule let several in. */
  can(permission: string): boolean;
  /**
   * Calls another service, with what is left of the deadline. Retries, breaker and limits are the contract's.
   * @throws the callee's faults; {@link Undeclared}, {@link CallInTransaction}, {@link DeadlineExceeded}.
   */
  call<Output>(call: Call<Uses, Output>): Promise<Output>;
  /** The same, for parts that may fail: the caller degrades instead. */
  attempt<Output>(call: Call<Uses, Output>): Promise<Attempt<Output>>;
  /** Asks a party outside the system. Refused while a transaction is open. */
  fetch(request: HttpRequest): Promise<HttpResponse>;
}

/** What query handlers have. */
export interface QueryContext<DB, Uses extends string = string, Settings = unknown> extends Context<Uses, Settings> {
  /** Reads one committed snapshot. Refused while a transaction is open, which reads by itself. */
  read<T>(body: (db: Reader<DB>) => Promise<T>): Promise<T>;
  /** A saga of this service, once it is past running (completed, waiting, …) or `timeoutMs` has passed. */
  saga(id: string, options?: { readonly timeoutMs?: number }): Promise<SagaView | undefined>;
}

/** The transaction of a command: tables, events and sagas, all or nothing. */
export interface Tx<DB> extends EventWriter<DB>, SagaStarter {}

/** What command handlers have. */
export interface CommandContext<DB, Uses extends string = string, Settings = unknown> extends QueryContext<
  DB,
  Uses,
  Settings
> {
  /** The idempotency key of the call: hand it to outside parties, so that they recognise a repetition too. */
  readonly key: string;
  /**
   * The command's one transaction. What it returns is the command's output, recorded under its idempotency key in
   * the same commit; the handler must return just that.
   * @throws {TransactionUsed} at a second transaction in one command.
   */
  transaction<T>(
    body: (tx: Tx<DB>) => Promise<T>,
    options?: { readonly isolation?: "serializable" | "read committed" },
  ): Promise<T>;
}

/** What event handlers have: no calls, because they run inside the inbox's transaction. Start a saga to make some. */
export interface EventContext<Settings = unknown> {
  readonly settings: Settings;
  readonly log: Logger;
  readonly ids: Ids;
  /** Milliseconds since 1970. */
  now(): number;
}

/** A handler of an event, inside the inbox's transaction: it takes effect once. */
export type EventHandler<Data, DB, Settings = unknown> = (
  event: EventRecord<Data>,
  tx: Tx<DB>,
  ctx: EventContext<Settings>,
) => Promise<void>;
