/**
 * When a process that ended is started again. Pure: the supervisor tells what happened, and sets the timer.
 *
 * The first restart comes at once; each further one waits twice as long, up to a cap, until a process has run for a
 * while. What keeps failing is never given up, because what it fails by (a database that is away) may pass.
 */

/** The bounds of restarting. */
export interface RestartLimits {
  /** The wait before the second restart in a row, in milliseconds. */
  readonly firstMs: number;
  /** The longest wait, in milliseconds. */
  readonly capMs: number;
  /** How long a process must have been ready so that its end counts as the first failure, in milliseconds. */
  readonly steadyMs: number;
  /** From how many failures in a row on it is shown as a crash loop. */
  readonly loopFrom: number;
}

/** 250 ms, doubling up to 30 s; forgotten after 30 s of service; a crash loop from the fifth failure on. */
export const RESTART_LIMITS: RestartLimits = { firstMs: 250, capMs: 30_000, steadyMs: 30_000, loopFrom: 5 };

/** What to do about a process that ended. */
export interface Restart {
  readonly failures: number;
  /** How long to wait, in milliseconds. */
  readonly waitMs: number;
  readonly isLoop: boolean;
}

/** The next start of a process that ended after having been ready for so long (0 when it never was). */
export function restartAfter(
  failuresBefore: number,
  readyForMs: number,
  limits: RestartLimits = RESTART_LIMITS,
): Restart {
  const failures = readyForMs >= limits.steadyMs ? 1 : failuresBefore + 1;
  const doublings = Math.min(failures - 2, 30);
  const waitMs = failures === 1 ? 0 : Math.min(limits.capMs, limits.firstMs * 2 ** doublings);
  return { failures, waitMs, isLoop: failures >= limits.loopFrom };
}
