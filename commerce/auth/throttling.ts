/** Throttles over their rows: a restart forgets no attack. */
import { type ThrottlePolicy, type ThrottleState, recordFailure, waitMs } from "@isomer/kernel/security";
import type { Reader } from "@isomer/kernel/store";
import type { Tx } from "./context.ts";
import { TooManyAttempts } from "./contract.ts";
import { type Tables, putThrottle, throttleOf } from "./store.ts";

/** For mails that anybody can have sent to somebody else: three, then one a minute, an hour, half a day. */
export const MAIL_THROTTLE: ThrottlePolicy = {
  free: 3,
  firstPauseMs: 60_000,
  pauseMaxMs: 43_200_000,
  forgetMs: 86_400_000,
};

/** A row of throttling, and how it is answered. */
export interface Throttled {
  readonly key: string;
  readonly policy: ThrottlePolicy;
}

async function stateOf(db: Reader<Tables>, key: string): Promise<ThrottleState | undefined> {
  const row = await db.first(throttleOf, { key });
  return row && { failures: row.failures, failedAt: row.failed_at };
}

/** @throws {TooManyAttempts} while any of the rows makes one wait. */
export async function requireUnblocked(db: Reader<Tables>, rows: readonly Throttled[], now: number): Promise<void> {
  let retryAfterMs = 0;
  for (const { key, policy } of rows) {
    retryAfterMs = Math.max(retryAfterMs, waitMs(await stateOf(db, key), now, policy));
  }
  if (retryAfterMs > 0) throw TooManyAttempts.with({ retryAfterMs });
}

/** Counts a failure. */
export async function noteFailure(tx: Tx, { key, policy }: Throttled, now: number): Promise<void> {
  const { failures, failedAt } = recordFailure(await stateOf(tx, key), now, policy);
  await tx.run(putThrottle, { throttle_key: key, failures, failed_at: failedAt });
}

/** Counts something that may happen now and then; resolves to whether it may now. */
export async function mayNow(tx: Tx, row: Throttled, now: number): Promise<boolean> {
  if (waitMs(await stateOf(tx, row.key), now, row.policy) > 0) return false;
  await noteFailure(tx, row, now);
  return true;
}
