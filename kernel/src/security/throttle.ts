/**
 * Throttling of sign-ins (OWASP ASVS 5.0 V6.3): failures are counted per account and per address, and past a few of
 * them the next try has to wait, twice as long each time. Nothing is locked for good, so nobody can lock another out
 * for longer than the longest pause.
 *
 * Pure: the auth service keeps a row per key and applies the new state in the transaction of the attempt. Take
 * {@link admit} before the password is checked and {@link recordFailure} before the answer is known to be sent, so that
 * parallel guesses count too.
 */
import { fault } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import type { FaultType } from "../std/mod.ts";

/** What is kept for an account or an address. */
export interface ThrottleState {
  readonly failures: number;
  /** When the last failure was, in milliseconds since 1970. */
  readonly failedAt: number;
}

/** How failures turn into waiting. */
export interface ThrottlePolicy {
  /** How many failures cost nothing. */
  readonly free: number;
  /** The pause after the first failure past those, in milliseconds; it doubles with each further one. */
  readonly firstPauseMs: number;
  /** The longest pause, in milliseconds. */
  readonly pauseMaxMs: number;
  /** After so long without a failure all are forgotten, in milliseconds. */
  readonly forgetMs: number;
}

/** For accounts: five free tries, then 1 s, 2 s, … up to 15 minutes; forgotten after a day. */
export const ACCOUNT_THROTTLE: ThrottlePolicy = {
  free: 5,
  firstPauseMs: 1_000,
  pauseMaxMs: 900_000,
  forgetMs: 86_400_000,
};

/** For addresses, which many people may share: fifty free tries. */
export const ADDRESS_THROTTLE: ThrottlePolicy = { ...ACCOUNT_THROTTLE, free: 50, forgetMs: 3_600_000 };

/** Too many sign-ins failed for this account or from this address. The same whether or not the account exists. */
export const TooManyAttempts: FaultType<{ retryAfterMs: number }> = fault("kernel/too-many-attempts", {
  kind: "exhausted",
  data: t.object({ retryAfterMs: t.integer({ minimum: 0 }) }),
  message: ({ retryAfterMs }) =>
    `Too many attempts have failed. Try again in ${Math.ceil(retryAfterMs / 1_000)} seconds.`,
});

/** How long the next attempt has to wait, in milliseconds; 0 when it may be made now. */
export function waitMs(state: ThrottleState | undefined, now: number, policy: ThrottlePolicy): number {
  if (state === undefined || isForgotten(state, now, policy)) return 0;
  const paused = state.failures - policy.free;
  if (paused <= 0) return 0;
  // 2 ** 1024 is Infinity, and the smaller of that and the bound is the bound.
  const pause = Math.min(policy.firstPauseMs * 2 ** (paused - 1), policy.pauseMaxMs);
  // A clock that was set back must not make anybody wait longer than a pause.
  return Math.min(Math.max(0, state.failedAt + pause - now), pause);
}

/** @throws {TooManyAttempts} when one of the counters asks to wait. */
export function admit(
  counters: readonly { readonly state: ThrottleState | undefined; readonly policy: ThrottlePolicy }[],
  now: number,
): void {
  let longest = 0;
  for (const { state, policy } of counters) longest = Math.max(longest, waitMs(state, now, policy));
  if (longest > 0) throw TooManyAttempts.with({ retryAfterMs: longest });
}

/** The state after one more failure. After a success the account's state is deleted; the address's is not. */
export function recordFailure(state: ThrottleState | undefined, now: number, policy: ThrottlePolicy): ThrottleState {
  const before = state === undefined || isForgotten(state, now, policy) ? 0 : state.failures;
  return { failures: before + 1, failedAt: now };
}

function isForgotten(state: ThrottleState, now: number, policy: ThrottlePolicy): boolean {
  return now - state.failedAt >= policy.forgetMs;
}
