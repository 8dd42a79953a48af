/** How long to wait before trying again. */
import type { Random } from "../std/mod.ts";

/** The bounds of a backoff. */
export interface BackoffOptions {
  /** The ceiling of the first wait, in milliseconds; it doubles with each further one. */
  readonly baseMs: number;
  /** The ceiling of all waits, in milliseconds. */
  readonly capMs: number;
}

/**
 * A wait in milliseconds before try `n` is repeated (`n` counts from 1): anywhere between nothing and a ceiling that
 * doubles. Full jitter spreads those who failed together over the whole span, so that they do not return together.
 * https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function backoffMs(n: number, random: Random, { baseMs, capMs }: BackoffOptions): number {
  return random.next() * Math.min(capMs, baseMs * 2 ** Math.min(n - 1, 30));
}
