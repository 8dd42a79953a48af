/**
 * Time as a port: the real one is in `node`, the virtual one in `sim`. Nothing else may know the time. All are held to one
 * conformance suite (`std/testing/clock-conformance.ts`).
 */

/** A timer that was set. */
export interface Timer {
  /** Stops it. Stopping twice, or after it fired, does nothing. */
  cancel(): void;
}

/** The clock of the host that code runs on. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). May jump: use it for dates, and `monotonicMs` for durations. */
  now(): number;
  /** Milliseconds since some fixed moment. Never goes back; has fractions. */
  monotonicMs(): number;
  /** Runs `action` once, `delayMs` from now. */
  after(delayMs: number, action: () => void): Timer;
  /** Runs `action` when everything that is ready now has run: the end of this turn of the event loop. */
  soon(action: () => void): void;
}

/** Resolves after `delayMs`, or at once when the signal is aborted. Never rejects: look at the signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** The instant as an RFC 3339 text in UTC with milliseconds, the form that contracts use. */
export function toInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Milliseconds since 1970 of an RFC 3339 text that a schema has already checked. */
export function fromInstant(text: string): number {
  return Date.parse(text);
}
