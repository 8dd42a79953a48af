/** What happens when a wire is touched. One alarm per process: the globals that it watches are the process's too. */

/** One use of a source that the seed does not decide. */
export interface Trip {
  /** The name of the source, as `allow` takes it: `Date`, `node:fs.readFileSync`. */
  readonly source: string;
  /** How it was used, as the code wrote it. */
  readonly use: string;
  /** What to use instead. */
  readonly instead: string;
  /** Where: the error's stack, whose first line after the message is the caller's. */
  readonly stack: string;
}

/** Thrown where simulated code reaches for what the seed does not decide. It is a bug, so it is no fault. */
export class UncontrolledSource extends Error {
  override readonly name = "UncontrolledSource";
  readonly source: string;
  readonly instead: string;

  constructor({ source, use, instead }: Omit<Trip, "stack">) {
    super(`${use} is not decided by the seed. Use ${instead}.`);
    this.source = source;
    this.instead = instead;
  }
}

/** The most trips that are kept. A loop that swallows them would fill the memory; the first ones tell enough. */
export const TRIPS_MAX = 100;
/** Deep enough to show which handler was running below a library. */
const STACK_FRAMES = 30;

/** Whether wires are live. Read on each use of each wire, so it is a plain object and not a closure. */
export const alarm: { isLive: boolean; trips: Trip[] } = { isLive: false, trips: [] };

/** Notes the trip, also for when the code under test swallows the error, and throws. `wire` and what it called stay out of the stack. */
export function trip(what: Omit<Trip, "stack">, wire: (...args: never[]) => unknown): never {
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const error = new UncontrolledSource(what);
  Error.captureStackTrace(error, wire);
  Error.stackTraceLimit = frames;
  if (alarm.trips.length < TRIPS_MAX) alarm.trips.push({ ...what, stack: error.stack ?? error.message });
  throw error;
}

/** Runs `body` while no wire is live: its synchronous part only. What it starts may end later. */
export function outside<T>(body: () => T): T {
  const before = alarm.isLive;
  alarm.isLive = false;
  try {
    return body();
  } finally {
    alarm.isLive = before;
  }
}
