/** The bounds of a consumer. */

/** Bounds and times of a {@link Consumer}. */
export interface ConsumerLimits {
  /** The most events to read at once. */
  readonly batchMax: number;
  /** The most events in memory that are neither done nor dead; when they are so many, reading waits. */
  readonly unfinishedMax: number;
  /** The most keys that are handled at the same time. Their transactions share commits. */
  readonly keysConcurrentMax: number;
  /** The most keys that wait after a failure; when they are so many, reading waits: something is wrong with all. */
  readonly parkedKeysMax: number;
  /** Attempts after which an event is given up. Faults of kind `unavailable` and `exhausted` do not count. */
  readonly attemptsMax: number;
  /** The ceiling of the first pause after a failure, in milliseconds; it doubles with each. */
  readonly backoffBaseMs: number;
  /** The highest ceiling of a pause, in milliseconds. */
  readonly backoffMaxMs: number;
  /** How much later than an event's end the cursor is saved at most, in milliseconds. */
  readonly cursorEveryMs: number;
}

const DEFAULTS: ConsumerLimits = {
  batchMax: 256,
  unfinishedMax: 1_024,
  keysConcurrentMax: 64,
  parkedKeysMax: 256,
  attemptsMax: 10,
  backoffBaseMs: 50,
  backoffMaxMs: 10_000,
  cursorEveryMs: 1_000,
};

/** The defaults with what was said. @throws {TypeError} when they contradict one another. */
export function limitsOf(said: Partial<ConsumerLimits> = {}): ConsumerLimits {
  const limits = { ...DEFAULTS, ...said };
  if (limits.unfinishedMax < limits.batchMax) {
    throw new TypeError(`unfinishedMax (${limits.unfinishedMax}) must hold a batch (batchMax is ${limits.batchMax}).`);
  }
  return limits;
}
