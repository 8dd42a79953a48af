/**
 * What a handler is given for one call. Everything costly is made when it is first asked for: most handlers never
 * look at the signal or the log.
 */
import type { Call, Criticality, Identity } from "../contract/mod.ts";
import { DeadlineExceeded } from "../guard/mod.ts";
import type { TraceContext } from "../observe/mod.ts";
import type { Crypto } from "../security/mod.ts";
import type { SagaView } from "../saga/mod.ts";
import { type Ids, type Logger, type Random, toFault } from "../std/mod.ts";
import { type Reader, writerOn } from "../store/mod.ts";
import type { Attempt, CommandContext, HttpRequest, HttpResponse, Tx } from "./context.ts";
import type { Expirable } from "./deadline-wheel.ts";
import { CallInTransaction, CommandInQuery, TransactionUsed, Undeclared, UnknownOperation } from "./faults.ts";
import type { MailPort } from "./mail.ts";
import type { Revocations } from "../guard/mod.ts";
import type { ServiceRunner } from "./service-runner.ts";

/** On whose behalf, for how long and as part of what something runs. */
export interface Origin {
  readonly caller: string | undefined;
  readonly identity: Identity | undefined;
  readonly trace: TraceContext | undefined;
  readonly criticality: Criticality;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
  /** The idempotency key; what keys of further calls are derived from. */
  readonly key: string;
  /** Whether refusals are not the last word, for calls made from it either. */
  readonly insists?: boolean | undefined;
  /** Whether nothing is decided by what is read, here and by calls made from it: see {@link Envelope.mayBeStale}. */
  readonly mayBeStale?: boolean | undefined;
  /** How old the state may be that is read here, in milliseconds; the newest unless said. */
  readonly staleMaxMs?: number | undefined;
  /** Gives up the place among the calls under way: for whoever only waits from now on. */
  readonly leave?: (() => void) | undefined;
  /** 1 when nothing was done under this key before; more when it may have been, and by calls made from it too. */
  readonly attempt: number;
}

/** What kind of handler it is for: this decides what it may do. */
export type HandlerKind = "query" | "command" | "job";

/** How a command's transaction is bracketed by the runtime: its idempotency record goes in the same commit. */
export interface Bracket {
  before?(tx: Tx<never>): Promise<void>;
  after?(tx: Tx<never>, output: unknown): Promise<unknown>;
}

/** The context of one call. */
export class CallContext implements CommandContext<never>, Expirable {
  readonly #runner: ServiceRunner;
  readonly #origin: Origin;
  readonly #kind: HandlerKind;
  readonly #bracket: Bracket | undefined;
  readonly operation: string;
  #commands = 0;
  #transactions = 0;
  #output: unknown;
  #open = false;
  #controller: AbortController | undefined;
  #expired = false;
  #log: Logger | undefined;

  // oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
  constructor(runner: ServiceRunner, operation: string, kind: HandlerKind, origin: Origin, bracket?: Bracket) {
    this.#runner = runner;
    this.operation = operation;
    this.#kind = kind;
    this.#origin = origin;
    this.#bracket = bracket;
  }

  get caller(): string | undefined {
    return this.#origin.caller;
  }
  get identity(): Identity | undefined {
    return this.#origin.identity;
  }
  get criticality(): Criticality {
    return this.#origin.criticality;
  }
  get mayBeStale(): boolean {
    return this.#origin.mayBeStale === true;
  }
  get trace(): TraceContext | undefined {
    return this.#origin.trace;
  }
  get deadlineAt(): number {
    return this.#origin.deadlineAt;
  }
  get key(): string {
    return this.#origin.key;
  }
  get settings(): unknown {
    return this.#runner.settings;
  }
  get ids(): Ids {
    return this.#runner.world.ids;
  }
  get crypto(): Crypto {
    return this.#runner.world.crypto;
  }
  get random(): Random {
    return this.#runner.world.random;
  }
  get mail(): MailPort | undefined {
    const { mail } = this.#runner.world;
    return mail && { send: (what) => this.#outside("the mail server") ?? mail.send(what) };
  }
  get revocations(): Revocations | undefined {
    const { service, world, name } = this.#runner;
    const { revocations } = world;
    if (!service.revokes)
      throw new TypeError(`The service "${name}" uses "ctx.revocations": say "revokes: true" where it is implemented.`);
    if (revocations === undefined) return undefined;
    return {
      revoke: (what) => this.#outside("the revocations") ?? revocations.revoke(what),
      isRevoked: (id) => revocations.isRevoked(id),
    };
  }
  /** Whether a value is what the transaction returned. */
  isCommitted(output: unknown): boolean {
    return this.#transactions > 0 && output === this.#output;
  }
  get log(): Logger {
    return (this.#log ??= this.#runner.world.log.with({
      service: this.#runner.name,
      operation: this.operation,
      traceId: this.#origin.trace?.traceId,
    }));
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const outer = this.#origin.signal;
      if (this.#expired || outer?.aborted) this.#controller.abort();
      else outer?.addEventListener("abort", () => this.#controller?.abort(), { once: true });
    }
    return this.#controller.signal;
  }

  /** The deadline has passed: whoever listens to the signal stops. */
  expire(): void {
    this.#expired = true;
    this.#controller?.abort();
  }

  now(): number {
    return this.#runner.world.clock.now();
  }

  remainingMs(): number {
    return Math.max(0, this.#origin.deadlineAt - this.#runner.world.clock.monotonicMs());
  }

  can(permission: string): boolean {
    const { identity } = this.#origin;
    if (identity === undefined || identity.asserted === true) return false;
    return identity.roles.some((role) => this.#runner.system.permissionsOf(role).has(permission));
  }

  /** Rejects rather than throws: of several calls made together, one that throws would leave the others unheard. */
  call<Output>(call: Call<string, Output>): Promise<Output> {
    try {
      return this.#send(call) as Promise<Output>;
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #send(call: Call): Promise<unknown> {
    const target = `${call.service}.${call.operation}`;
    if (this.#open) throw CallInTransaction.with({ operation: this.operation, target });
    if (this.remainingMs() === 0) throw DeadlineExceeded.with({ label: this.operation });
    const route = this.#runner.outbound.route(call);
    if (!route.isCommand) return route.send(call, this.#origin, undefined);
    if (this.#kind === "query") throw CommandInQuery.with({ operation: this.operation, target });
    // Only commands are counted: a repetition may need other queries than the first run, and must find the same keys.
    this.#commands += 1;
    return route.send(call, this.#origin, `${this.#origin.key}/${target}.${this.#commands}`);
  }

  async attempt<Output>(call: Call<string, Output>): Promise<Attempt<Output>> {
    try {
      return { ok: true, value: await this.call(call) };
    } catch (error) {
      if (isMistake(error)) throw error;
      const fault = toFault(error);
      // A part may be missing, but a bug must not hide behind the page that does without it.
      if (fault.kind === "broken") this.log.error("an optional part failed", { error, call: call.operation });
      return { ok: false, fault };
    }
  }

  /** Refuses what leaves an open transaction. */
  #outside(target: string): Promise<never> | undefined {
    return this.#open ? Promise.reject(CallInTransaction.with({ operation: this.operation, target })) : undefined;
  }

  fetch(request: HttpRequest): Promise<HttpResponse> {
    const refused = this.#outside(request.url);
    if (refused !== undefined) return refused;
    const remainingMs = this.remainingMs();
    if (remainingMs === 0) return Promise.reject(DeadlineExceeded.with({ label: this.operation }));
    const timeoutMs = Math.min(request.timeoutMs ?? remainingMs, remainingMs);
    return this.#runner.world.fetch({ ...request, timeoutMs }, this.#origin.signal);
  }

  /** Not in a transaction: it would read what was before that, or wait for it for ever. The transaction reads too. */
  read<T>(body: (db: Reader<never>) => Promise<T>): Promise<T> {
    const { deadlineAt, staleMaxMs } = this.#origin;
    const options = { label: this.operation, deadlineAt, ...(staleMaxMs === undefined ? {} : { staleMaxMs }) };
    return (
      this.#outside("read") ?? this.#runner.database.read(options, (connection) => body(writerOn<never>(connection)))
    );
  }

  saga(id: string, options: { readonly timeoutMs?: number } = {}): Promise<SagaView | undefined> {
    const refused = this.#outside("saga");
    if (refused !== undefined) return refused;
    const timeoutMs = Math.min(options.timeoutMs ?? 0, this.remainingMs());
    // Many who wait must not fill the house: what they wait for could not come in. Nor is waiting a sign of load.
    this.#origin.leave?.();
    return this.#runner.engine?.waitFor(id, timeoutMs) ?? Promise.resolve(undefined);
  }

  async transaction<T>(
    body: (tx: Tx<never>) => Promise<T>,
    options?: { readonly isolation?: "serializable" | "read committed" },
  ): Promise<T> {
    if (this.#open || (this.#transactions > 0 && this.#kind === "command")) {
      throw TransactionUsed.with({ operation: this.operation });
    }
    this.#open = true;
    try {
      const output = await this.#runner.transact(this.operation, this.#origin, options, (tx) =>
        this.#bracketed(tx, body),
      );
      this.#transactions += 1;
      this.#output = output;
      return output;
    } finally {
      this.#open = false;
    }
  }

  async #bracketed<T>(tx: Tx<never>, body: (tx: Tx<never>) => Promise<T>): Promise<T> {
    const bracket = this.#bracket;
    if (bracket?.before !== undefined) await bracket.before(tx);
    const output = await body(tx);
    return bracket?.after === undefined ? output : ((await bracket.after(tx, output)) as T);
  }
}

/** Whether a call failed by how it was written: no page may do without that quietly. */
function isMistake(error: unknown): boolean {
  return CallInTransaction.is(error) || CommandInQuery.is(error) || Undeclared.is(error) || UnknownOperation.is(error);
}
