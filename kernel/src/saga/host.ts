/** What passes between the engine, its fibers and their operations. */
import type { Fiber } from "./fiber.ts";
import type { Journal } from "./journal.ts";
import type { SagaEngineOptions, SagaLimits } from "./options.ts";
import type { Entry, SagaRow } from "./records.ts";
import type { Saga } from "./saga.ts";

/** The engine, as fibers see it. */
export interface FiberHost {
  readonly options: SagaEngineOptions;
  readonly limits: SagaLimits;
  readonly journal: Journal;
  /** The fiber has stopped, for now or for ever, and its row says so durably. */
  ended(fiber: Fiber): void;
}

/** What a fiber runs. */
export interface FiberOptions {
  /** Undefined when its code is gone. */
  readonly saga: Saga | undefined;
  readonly row: SagaRow;
  /** Its journal, in order. */
  readonly entries: readonly Entry[];
  /** Whether the saga may have run in a process that died. */
  readonly isRecovered: boolean;
}

/** How an operation starts. */
export interface Began {
  /** Whether it may have been done before a crash. */
  readonly doubtful: boolean;
  /** Whether the fiber was last put away at this very operation: so nothing came after it. */
  readonly parked: boolean;
  /** Whether it must not be given up while its outcome is unknown. */
  readonly mustResolve: boolean;
  readonly attempts: number;
}
