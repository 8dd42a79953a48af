/**
 * Carries out the calls of one operation: who may, on what, within which time, once in effect.
 *
 * Holds across a crash at any await: a command's changes, events, sagas and its recorded answer are all in the
 * database or none is; a repetition with its key gets the recorded answer.
 */
import type { Operation } from "../contract/mod.ts";
import { DeadlineExceeded } from "../guard/mod.ts";
import type { OperationSeries, Span } from "../observe/mod.ts";
import { type Validator, pruner, validator } from "../schema/mod.ts";
import { type AccessPolicy, Forbidden, NotFound, Unauthenticated, accessPolicy, isOwner } from "../security/mod.ts";
import { type Fault, type FaultKind, copyJson, faultFrom, toFault } from "../std/mod.ts";
import { isUniqueViolation, writerOn } from "../store/mod.ts";
import type { Envelope, Reply } from "../transport/mod.ts";
import { type Bracket, CallContext, type Origin } from "./call-context.ts";
import type { Tx } from "./context.ts";
import type { Expirable } from "./deadline-wheel.ts";
import { Draining, KeyInFlight, KeyReused, OutputInvalid, OutputNotCommitted, Undeclared } from "./faults.ts";
import { type Recorded, type Slot, findRecorded, record, slotOf } from "./idempotency.ts";
import { DEADLINE_MS } from "./outbound.ts";
import type { ServiceRunner } from "./service-runner.ts";

type Handler = (input: unknown, ctx: CallContext) => Promise<unknown>;

/** Kinds of faults that say that nothing was changed, nor will be by repeating. */
const REFUSALS: ReadonlySet<FaultKind> = new Set<FaultKind>(["invalid", "denied", "missing", "conflict"]);

/** Leaves a transaction that found the answer recorded already: it rolls back, and the record is the answer. */
class AlreadyDone extends Error {
  readonly recorded: Recorded;
  constructor(recorded: Recorded) {
    super("already done");
    this.recorded = recorded;
  }
}

/** On whose behalf a call is carried out, and what was sent. */
interface Request extends Origin {
  readonly asked: unknown;
}

/** Runs one operation of a service. */
export class OperationRunner {
  readonly name: string;
  readonly definition: Operation;
  readonly #runner: ServiceRunner;
  readonly #handler: Handler;
  readonly #after: Handler | undefined;
  /** Whether the committed answer says nothing before `after` has completed it. */
  readonly #isIncomplete: boolean;
  readonly #ownerOf: ((input: never, db: never) => Promise<string | undefined>) | undefined;
  readonly #input: Validator<unknown>;
  readonly #output: Validator<unknown>;
  readonly #policy: AccessPolicy;
  readonly #callers = new Map<string | undefined, OperationSeries>();
  readonly #operation: string;
  readonly #takesSecrets: boolean;
  /** Commands under way by key, so that a repetition in flight does not race the first. */
  readonly #inFlight = new Map<string, Promise<Reply>>();

  constructor(runner: ServiceRunner, operation: string, definition: Operation) {
    const { service } = runner;
    this.name = `${runner.name}.${operation}`;
    this.definition = definition;
    this.#runner = runner;
    this.#operation = operation;
    const handlers = definition.kind === "command" ? service.commands : service.queries;
    this.#handler = (handlers[operation] as unknown as Handler).bind(handlers);
    this.#after = service.after[operation] as unknown as Handler | undefined;
    this.#isIncomplete = service.incomplete.includes(operation);
    this.#ownerOf = service.owners[operation] as never;
    this.#takesSecrets = JSON.stringify(definition.input).includes('"x-secret":true');
    this.#input = validator(definition.input, `input of ${this.name}`);
    this.#output = validator(definition.output, `output of ${this.name}`);
    this.#policy = accessPolicy(definition.allow);
  }

  /** Carries a call out. @throws faults only. */
  async handle(envelope: Envelope): Promise<Reply> {
    const { clock } = this.#runner.world;
    const startedAt = clock.monotonicMs();
    const span = this.#runner.tracer.start(this.name, "server", envelope.trace);
    span.set("isomer.caller", envelope.caller ?? "");
    if (envelope.peer !== undefined) span.set("isomer.peer", envelope.peer);
    try {
      const reply = await this.#admitted(this.#timely(envelope, startedAt), span, startedAt);
      this.#series(envelope.caller).done("ok", (clock.monotonicMs() - startedAt) / 1_000);
      return reply;
    } catch (error) {
      const fault = toFault(error);
      span.fail(fault);
      if (fault.kind === "broken") this.#report(fault, span);
      this.#series(envelope.caller).done(fault.kind, (clock.monotonicMs() - startedAt) / 1_000);
      throw fault;
    } finally {
      span.end();
    }
  }

  /** Whoever calls may give a call less time than its contract does, not more: what waits for it is ours. */
  #timely(envelope: Envelope, startedAt: number): Envelope {
    const latestAt = startedAt + (this.definition.deadlineMs ?? DEADLINE_MS);
    return envelope.deadlineAt <= latestAt ? envelope : { ...envelope, deadlineAt: latestAt };
  }

  async #admitted(envelope: Envelope, span: Span, startedAt: number): Promise<Reply> {
    if (startedAt >= envelope.deadlineAt) throw DeadlineExceeded.with({ label: this.name });
    if (this.#runner.draining && envelope.caller === undefined) throw Draining.with(undefined);
    const asksOwner = this.#authorize(envelope, span);
    // The door is at the edge of the host: what was let in there is not turned away halfway, which would waste it.
    const release = envelope.caller === undefined ? this.#enter(envelope) : undefined;
    try {
      const input = this.#input.parse(envelope.input);
      const origin: Request = {
        // What this build fills in, another does not: it is no part of what was asked.
        asked: this.#input.fills ? copyJson(envelope.input) : input,
        caller: envelope.caller,
        identity: envelope.identity,
        trace: span.context,
        criticality: envelope.criticality,
        deadlineAt: envelope.deadlineAt,
        signal: envelope.signal,
        key: envelope.key ?? span.context.spanId,
        leave: release,
        insists: envelope.insists,
        ...this.#staleness(envelope),
        // A client that chose a key may have sent it before; this host need not remember.
        attempt: envelope.clientKey ? envelope.attempt + 1 : envelope.attempt,
      };
      if (asksOwner && !(await this.#isOwner(origin, input))) {
        span.set("isomer.access", "not-owner");
        return await this.#disowned(origin);
      }
      return this.definition.kind === "query"
        ? { output: await this.#query(input, origin), replayed: false }
        : await this.#once(envelope, input, origin);
    } finally {
      release?.();
    }
  }

  /** What a query may be answered from. What a command asks for is for a decision. */
  #staleness({ mayBeStale }: Envelope): Pick<Origin, "mayBeStale" | "staleMaxMs"> | undefined {
    if (mayBeStale !== true || this.definition.kind !== "query") return undefined;
    return { mayBeStale, staleMaxMs: this.definition.staleMaxMs };
  }

  #series(caller: string | undefined): OperationSeries {
    let series = this.#callers.get(caller);
    if (series === undefined) {
      series = this.#runner.series(this.#operation, caller);
      this.#callers.set(caller, series);
    }
    return series;
  }

  #enter({ criticality, deadlineAt }: Envelope): () => void {
    return this.#runner.admission.enter(criticality, deadlineAt);
  }

  /** Decides who may; returns whether the owner of the object must be asked for. */
  #authorize(envelope: Envelope, span: Span): boolean {
    const { caller, identity } = envelope;
    const { system, name } = this.#runner;
    if (caller !== undefined && caller !== name && !system.mayCall(caller, name)) {
      span.set("isomer.access", "undeclared");
      this.#refused(envelope, "undeclared");
      throw Undeclared.with({ caller, service: name });
    }
    const { decision, by } = this.#policy.decide(caller, identity, system.permissionsOf);
    span.set("isomer.access", by === "none" ? decision : by);
    if (by === "none") this.#refused(envelope, decision);
    if (decision === "unauthenticated") throw Unauthenticated.with(undefined);
    if (decision === "forbidden") throw Forbidden.with({ operation: this.name });
    return decision === "ask-owner";
  }

  /** A service calls what it may not: it is wrong, or it is not itself any more. Clients do so all the time. */
  #refused({ caller, peer, identity }: Envelope, reason: string): void {
    if (caller === undefined || !this.#runner.refusals.take()) return;
    const { name } = this;
    const subject = identity?.subject;
    const asserted = identity?.asserted;
    this.#runner.world.log.warn("call refused", { operation: name, caller, peer, subject, asserted, reason });
  }

  async #isOwner({ deadlineAt, identity }: Origin, input: unknown): Promise<boolean> {
    const ownerId = await this.#runner.database.read({ label: this.name, deadlineAt }, (connection) =>
      // The owner is asked for only where `implement` has checked that there is somebody to ask.
      (this.#ownerOf as (input: unknown, db: unknown) => Promise<string | undefined>)(input, writerOn(connection)),
    );
    return isOwner(identity, ownerId);
  }

  /**
   * The object is not (any more) the caller's: a command may have taken it away itself. A repetition of that one gets its
   * answer as it was: made newer, it could show what is another's by now.
   * @throws {NotFound}
   */
  async #disowned(origin: Request): Promise<Reply> {
    const isRepeated = this.definition.kind === "command" && origin.attempt > 1;
    const recorded = isRepeated ? await this.#recorded(this.#slot(origin), origin.deadlineAt) : undefined;
    if (recorded === undefined || "fault" in recorded) throw NotFound.with({ what: "object" });
    return { output: this.#known(recorded.output, origin), replayed: true };
  }

  async #query(input: unknown, origin: Origin): Promise<unknown> {
    const ctx = new CallContext(this.#runner, this.name, "query", origin);
    return this.#checked(await this.#timed(ctx, this.#handler(input, ctx)));
  }

  /** A command, once per key: of two at once a client's is refused, and a service's waits for the first. */
  async #once(envelope: Envelope, input: unknown, origin: Request): Promise<Reply> {
    const { key } = origin;
    let running = this.#inFlight.get(key);
    // A repetition by the gateway is not the client's: it joins what it repeats.
    if (running !== undefined && envelope.clientKey && envelope.attempt === 1) {
      throw KeyInFlight.with({ operation: this.name, retryAfterMs: 1_000 });
    }
    const isRepeated = envelope.attempt > 1 || envelope.clientKey || running !== undefined;
    for (; running !== undefined; running = this.#inFlight.get(key)) await this.#over(running, origin.deadlineAt);
    const run = this.#command(isRepeated, envelope, input, origin);
    this.#inFlight.set(key, run);
    try {
      return await run;
    } finally {
      this.#inFlight.delete(key);
    }
  }

  /** Waits until a run is over, however it ended: what it recorded is looked up, and tells whether it was the same. */
  #over(running: Promise<unknown>, deadlineAt: number): Promise<void> {
    const ended = (): void => {};
    return this.#timed({ deadlineAt, expire: ended }, running.then(ended, ended));
  }

  async #command(isRepeated: boolean, envelope: Envelope, input: unknown, origin: Request): Promise<Reply> {
    const slot = this.#slot(origin);
    // A key that was just made cannot have been used. That the record's own key is unique decides in the end.
    const recorded = isRepeated ? await this.#recorded(slot, origin.deadlineAt) : undefined;
    if (recorded !== undefined) return this.#replay(recorded, origin);
    const ctx = new CallContext(this.#runner, this.name, "command", origin, this.#bracket(slot, envelope.attempt > 1));
    let output: unknown;
    try {
      output = await this.#timed(ctx, this.#effect(input, ctx));
    } catch (error) {
      if (error instanceof AlreadyDone) return this.#replay(error.recorded, origin);
      const overtaken = isUniqueViolation(error)
        ? await this.#recorded(slot, Number.POSITIVE_INFINITY)
        : await this.#overtaken(envelope, toFault(error), slot);
      if (overtaken !== undefined) return this.#replay(overtaken, origin);
      throw error;
    }
    return { output: await this.#freshened(output, origin), replayed: false };
  }

  #recorded(slot: Slot, deadlineAt: number): Promise<Recorded | undefined> {
    return this.#runner.database.read({ label: this.name, deadlineAt }, (connection) =>
      findRecorded(connection, this.name, slot),
    );
  }

  #slot({ key, asked, identity }: Request): Slot {
    const request = { key, input: this.#asked(asked), subject: identity?.subject, hasSecrets: this.#takesSecrets };
    return slotOf(this.#runner.world.crypto, request);
  }

  /** What the client asked, without where it asked from: the same request from another network is the same. */
  #asked(input: unknown): unknown {
    const field = this.definition.http?.clientAddress;
    return field === undefined ? input : { ...(input as Record<string, unknown>), [field]: undefined };
  }

  /**
   * A run that was not sent before does not look once more whether it was recorded. If it was all the same (its message
   * was late, and overtaken by a repetition, or came to another host), the record cannot be written twice: everything is
   * rolled back, and the caller gets what is recorded.
   */
  #bracket(slot: Slot, isRepeated: boolean): Bracket {
    const { key, fingerprint } = slot;
    const before = async (tx: Tx<never>): Promise<void> => {
      const recorded = await findRecorded(tx.connection, this.name, slot);
      if (recorded !== undefined) throw new AlreadyDone(recorded);
    };
    const after = async (tx: Tx<never>, output: unknown): Promise<unknown> => {
      const checked = this.#checked(output);
      const at = this.#runner.world.clock.now();
      const entry = { operation: this.name, key, fingerprint: fingerprint(), output: checked, at };
      await record(tx.connection, entry);
      return checked;
    };
    return isRepeated ? { before, after } : { after };
  }

  async #effect(input: unknown, ctx: CallContext): Promise<unknown> {
    const output = await this.#handler(input, ctx);
    if (!ctx.isCommitted(output)) throw OutputNotCommitted.with({ operation: this.name });
    return output;
  }

  async #replay(recorded: Recorded, origin: Origin): Promise<Reply> {
    if ("fault" in recorded) throw faultFrom(recorded.fault);
    return { output: await this.#freshened(this.#known(recorded.output, origin), origin), replayed: true };
  }

  /** A recorded answer as this build knows it, where its code goes on with it. Clients get what they got before. */
  #known(output: unknown, { caller }: Origin): unknown {
    return this.#after === undefined && caller === undefined ? output : pruner(this.definition.output)(output);
  }

  /**
   * Lets the service make a committed answer newer: wait for the saga that it started, for instance. When there is no time
   * left for that, the answer is what was committed: it is true, and nobody has to guess whether it happened. Unless it
   * says nothing by itself: then the caller has to repeat the call.
   */
  async #freshened(output: unknown, origin: Origin): Promise<unknown> {
    if (this.#after === undefined) return output;
    const ctx = new CallContext(this.#runner, this.name, "query", origin);
    try {
      return this.#checked(await this.#timed(ctx, this.#after(output, ctx)));
    } catch (error) {
      if (DeadlineExceeded.is(error) && ctx.remainingMs() === 0 && !this.#isIncomplete) return output;
      throw error;
    }
  }

  /**
   * What a refused command finds recorded after all: another run with its key, which its caller gave up on, has committed
   * meanwhile, and this refusal is only an echo of that. Otherwise the refusal is kept, so that a repetition gets the
   * same, and so does a copy of the call that comes late: whoever was refused builds on that nothing was changed. Not
   * for who insists, nor for keys made here for clients that sent none: nobody repeats those.
   */
  async #overtaken(envelope: Envelope, fault: Fault, slot: Slot): Promise<Recorded | undefined> {
    const { clientKey, caller, insists } = envelope;
    if (!REFUSALS.has(fault.kind) || KeyReused.is(fault) || KeyInFlight.is(fault)) return undefined;
    if (!clientKey && caller === undefined) return undefined;
    if (insists === true) return this.#recorded(slot, Number.POSITIVE_INFINITY);
    const { database, world } = this.#runner;
    const { key, fingerprint } = slot;
    try {
      return await database.write({ label: this.name }, async (connection) => {
        const recorded = await findRecorded(connection, this.name, slot);
        if (recorded !== undefined || fault.kind === "invalid") return recorded;
        const at = world.clock.now();
        await record(connection, { operation: this.name, key, fingerprint: fingerprint(), fault: fault.toJSON(), at });
        return undefined;
      });
    } catch (error) {
      // A service would build on the refusal; it asks again instead.
      if (!clientKey) throw error;
      world.log.warn("could not keep a refusal", { operation: this.name, error });
      return undefined;
    }
  }

  #checked(output: unknown): unknown {
    try {
      return this.#output.parse(output);
    } catch (error) {
      throw OutputInvalid.with({ operation: this.name, detail: toFault(error).message }, { cause: error });
    }
  }

  /** Gives up on work whose deadline passes. The work itself is told through its signal and its transactions. */
  #timed<T>(ctx: Expirable, work: Promise<T>): Promise<T> {
    const { wheel } = this.#runner;
    return new Promise<T>((resolve, reject) => {
      const entry: Expirable = {
        deadlineAt: ctx.deadlineAt,
        expire: () => {
          ctx.expire();
          reject(DeadlineExceeded.with({ label: this.name }));
        },
      };
      wheel.add(entry);
      work.then(
        (value) => {
          wheel.remove(entry);
          resolve(value);
        },
        (error: unknown) => {
          wheel.remove(entry);
          reject(error as Error);
        },
      );
    });
  }

  #report(fault: Fault, span: Span): void {
    this.#runner.world.log.error("an operation failed by a bug or bad data", {
      operation: this.name,
      code: fault.code,
      data: fault.data,
      error: fault.cause ?? fault,
      traceId: span.context.traceId,
    });
  }
}
