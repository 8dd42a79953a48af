/** What the engine of a service's sagas is made of. */
import type { Call } from "../contract/mod.ts";
import type { EventWriter } from "../events/mod.ts";
import type { Schema } from "../schema/mod.ts";
import type { Clock, Logger, Random } from "../std/mod.ts";
import type { Database } from "../store/mod.ts";
import type { SagaOrigin } from "./records.ts";
import type { Saga, SagaStatus } from "./saga.ts";

/** How a step's call is to be made. */
export interface SagaCallOptions extends SagaOrigin {
  /** The idempotency key: the same for each attempt, also after a crash. */
  readonly key: string;
  /** 1 when the call has certainly not been made before; more when it may have been. */
  readonly attempt: number;
  /** Whether it is repeated until it succeeds, past the pivot and when taking back: a refusal is not the last word then. */
  readonly insists: boolean;
}

/** Hears what sagas do, for metrics. */
export interface SagaObserver {
  /** A saga ended. */
  ended?(saga: string, status: SagaStatus, durationMs: number): void;
  /** A step failed and will be tried again. */
  retried?(saga: string, step: string): void;
  /** A saga is stuck: an operator should look. It is still being retried. */
  stuck?(saga: string, step: string): void;
}

/** The bounds of an engine. */
export interface SagaLimits {
  /** Sagas that run at a time; the others wait in the table. 1,000 unless said. */
  readonly concurrentMax: number;
  /** Ids of sagas kept in memory to be run next; beyond it they are found in the table. 10,000 unless said. */
  readonly queuedMax: number;
  /** The ceiling of the first wait between attempts, in milliseconds; it doubles with each. 50 unless said. */
  readonly backoffBaseMs: number;
  /** The ceiling of all waits between attempts, in milliseconds. 30,000 unless said. */
  readonly backoffMaxMs: number;
  /** Attempts after which a step that may not be given up shows as stuck. 10 unless said. */
  readonly stuckAfterAttempts: number;
}

/** Of what a {@link SagaEngine} is made. */
export interface SagaEngineOptions {
  readonly service: string;
  /** All versions that may still be under way. */
  readonly sagas: readonly Saga[];
  /** The service's own database: journals are written and read there. */
  readonly database: Database;
  /**
   * Runs a transaction of the service with everything that a saga's `local` may do in it; resolves when it is durable.
   * The origin's `key` names the saga and the step.
   */
  readonly transact: <T>(
    label: string,
    origin: SagaOrigin & { readonly key: string },
    body: (tx: EventWriter<never>) => Promise<T>,
  ) => Promise<T>;
  /** Makes a call. What it throws is taken as a fault. */
  readonly call: (call: Call, options: SagaCallOptions) => Promise<unknown>;
  /**
   * Whether a call is a command, which gives the same answer to the same key. The answers of others are made durable
   * before the saga goes on. Unless given, no call counts as one: correct, but slower.
   */
  readonly isCommand?: (call: Call) => boolean;
  /**
   * What this build knows of the answer to a call: a newer one may have journaled more. Where it is not given, or
   * knows nothing, answers are read as they were journaled.
   */
  readonly answerOf?: (call: Call) => Schema | undefined;
  /** Whether to repeat a call after this fault; unless given, when its kind is `unavailable` or `exhausted`. */
  readonly isTransient?: (fault: { readonly code: string; readonly kind: string }) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observer?: SagaObserver;
  readonly limits?: Partial<SagaLimits>;
  /**
   * Set when another replica of the service runs its sagas: this engine starts, signals and shows them, and calls this
   * when there is something for the other to do.
   */
  readonly follows?: () => void;
  /** How soon the table is looked at again when nothing is due, in milliseconds; 60,000 unless said. */
  readonly lookAgainMs?: number;
}

/** The limits, with what was not said filled in. */
export function limitsOf(limits: Partial<SagaLimits> = {}): SagaLimits {
  return {
    concurrentMax: 1_000,
    queuedMax: 10_000,
    backoffBaseMs: 50,
    backoffMaxMs: 30_000,
    stuckAfterAttempts: 10,
    ...limits,
  };
}
