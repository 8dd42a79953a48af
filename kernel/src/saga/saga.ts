/** Sagas as services write them. The engine that runs them is in `engine.ts`. */
import type { Call } from "../contract/mod.ts";
import type { EventWriter } from "../events/mod.ts";
import type { ObjectSchema, Schema, TypeOf } from "../schema/mod.ts";
import type { FaultData } from "../std/mod.ts";

/** How a step is tried and taken back. */
export interface StepOptions<Uses extends string, Output> {
  /**
   * The call that takes the step back if the saga fails before its pivot. It is made also when nobody knows whether
   * the step happened (then `result` is undefined), so it must tolerate that it did not.
   */
  readonly undo?: (result: Output | undefined) => Call<Uses>;
  /** Attempts before the pivot until the outcome counts as unknown and the saga turns back; 8 unless said. */
  readonly attemptsMax?: number;
}

/** A message to a running saga, by name and type. */
export interface SagaSignal<Payload = unknown> {
  readonly name: string;
  readonly payload: Schema;
  /** Only for the compiler. */
  readonly type?: Payload;
}

/** Declares a signal. */
export function signal<S extends Schema>(name: string, payload: S): SagaSignal<TypeOf<S>> {
  return { name, payload };
}

/**
 * What a saga's body works with. The body runs again from its start after a crash or a wait, and each `step`,
 * `local`, `wait`, `sleep` and `now` that is journaled returns what it returned before. So the body must be a
 * function of its input and of these: no clock, no randomness, no other input or output.
 */
export interface SagaContext<Uses extends string, DB> {
  /** The saga's id: what its steps derive their idempotency keys from. */
  readonly id: string;
  /**
   * Makes a call, once in effect: with the key `id/name`, repeated with backoff while the outcome is unknown.
   * Before the pivot a fault of another kind is thrown here, and turns the saga back unless the body catches it;
   * after the pivot the step is repeated until it succeeds, and is reported as stuck meanwhile.
   */
  step<Output>(name: string, call: Call<Uses, Output>, options?: StepOptions<Uses, Output>): Promise<Output>;
  /** A transaction in the saga's own service, committed together with its journal entry. */
  local<T>(
    name: string,
    body: (tx: EventWriter<DB>) => Promise<T>,
    options?: { readonly undo?: (tx: EventWriter<DB>, result: T) => Promise<void> },
  ): Promise<T>;
  /** Waits for a signal, durably; undefined when `timeoutMs` passed first. */
  wait<P>(name: string, signal: SagaSignal<P>, options: { readonly timeoutMs: number }): Promise<P | undefined>;
  /** Waits, durably. */
  sleep(name: string, delayMs: number): Promise<void>;
  /** The time when this name was first asked for, milliseconds since 1970. */
  now(name: string): Promise<number>;
  /** From here on there is no way back: later steps are repeated until they succeed, nothing is undone. */
  pivot(): Promise<void>;
}

/** How a saga ended: what its `settled` is told. */
export type SagaOutcome<Output = unknown> =
  | { readonly status: "completed"; readonly output: Output }
  | { readonly status: "compensated" | "aborted"; readonly fault: FaultData };

/** Which saga ended, and when (milliseconds since 1970). */
export interface SagaEnd {
  readonly id: string;
  readonly now: number;
}

/** A durable workflow across services, of which it calls those that `Uses` names. */
export interface Saga<Input = unknown, Output = unknown, DB = never, Uses extends string = string> {
  /** Only for the compiler. */
  readonly calls?: Uses;
  readonly name: string;
  /** Raised when the order or the names of steps change; instances go on under the version they began with. */
  readonly version: number;
  readonly input: ObjectSchema;
  readonly output: Schema;
  run(s: SagaContext<string, DB>, input: Input): Promise<Output>;
  settled?(tx: EventWriter<DB>, input: Input, outcome: SagaOutcome<Output>, about: SagaEnd): Promise<void>;
}

/** What {@link saga} takes. */
export interface SagaOptions<I extends ObjectSchema, O extends Schema, Uses extends string, DB> {
  readonly version?: number;
  readonly input: I;
  readonly output: O;
  readonly run: (s: SagaContext<Uses, DB>, input: TypeOf<I>) => Promise<TypeOf<O>>;
  /**
   * The last word, in the transaction that ends the saga, so it happens exactly when the end does: after the body
   * returned, or after everything was taken back.
   */
  settled?(tx: EventWriter<DB>, input: TypeOf<I>, outcome: SagaOutcome<TypeOf<O>>, about: SagaEnd): Promise<void>;
}

/** Defines a saga over the tables `DB` that calls the services `Uses`: `saga<Tables, "orders" | "payments">()(name, …)`. */
export function saga<DB, Uses extends string>() {
  return <I extends ObjectSchema, O extends Schema>(
    name: string,
    options: SagaOptions<I, O, Uses, DB>,
  ): Saga<TypeOf<I>, TypeOf<O>, DB, Uses> => ({
    name,
    version: options.version ?? 1,
    input: options.input,
    output: options.output,
    run: options.run as Saga<TypeOf<I>, TypeOf<O>, DB>["run"],
    ...(options.settled && { settled: options.settled.bind(options) }),
  });
}

/** Where a saga stands. */
export type SagaStatus =
  | "running" // Steps are being made.
  | "waiting" // For a signal or a timer.
  | "compensating" // On its way back.
  | "completed" // The body returned; past everything.
  | "compensated" // It failed before the pivot, and all that it did is taken back.
  | "stuck" // A step after the pivot, or a compensation, keeps failing: an operator should look. Still being retried.
  | "aborted"; // An operator ended it.

/** A saga instance, for callers that wait and operators that look. */
export interface SagaView {
  readonly id: string;
  readonly saga: string;
  readonly version: number;
  readonly status: SagaStatus;
  readonly output: unknown;
  /** Why it turned back, or what keeps it stuck. */
  readonly fault:
    | { readonly code: string; readonly kind: string; readonly message: string; readonly data: unknown }
    | undefined;
  /** The step that it is at. */
  readonly step: string | undefined;
  readonly attempts: number;
  readonly startedAt: number;
  readonly updatedAt: number;
}

/** Starts sagas and signals them from inside a transaction: both take effect when it commits. */
export interface SagaStarter {
  /** Starts a saga; with an id that exists already it does nothing. Resolves to the id. */
  start<I>(saga: Saga<I, unknown, never>, input: I, id: string): Promise<string>;
  /** Sends a signal, kept until the saga waits for it. Sending the same name twice keeps the first. */
  signal<P>(sagaId: string, signal: SagaSignal<P>, payload: P): Promise<void>;
}
