/** Which failures are worth another attempt. */
import { type Fault, isFault } from "../std/mod.ts";
import { BreakerOpen } from "./deadline.ts";

const retried = new WeakSet<object>();

/**
 * Notes that a failure was retried where it arose. Callers further up do not retry it again: three attempts on each of
 * five layers would make 243. A transport that carries faults between hosts carries the mark along.
 */
export function markRetried(error: unknown): void {
  if (typeof error === "object" && error !== null) retried.add(error);
}

/** Whether a failure was retried further down. */
export function wasRetried(error: unknown): boolean {
  return typeof error === "object" && error !== null && retried.has(error);
}

const counted = new WeakSet<object>();

/**
 * Notes that a failure was counted by a breaker nearer to the callee: that of the instance that failed. A breaker for all
 * instances must not count it too, or one bad instance would cut off the good ones.
 */
export function markCounted(error: unknown): void {
  if (typeof error === "object" && error !== null) counted.add(error);
}

/** Whether a failure was counted nearer to the callee. */
export function wasCounted(error: unknown): boolean {
  return typeof error === "object" && error !== null && counted.has(error);
}

/** Whether the callee itself failed, so that a breaker counts it: not when it refused for load or for the input. */
export function isCalleeFailure(error: unknown): boolean {
  if (!isFault(error)) return true;
  return error.kind === "unavailable" || error.kind === "broken";
}

/**
 * The shortest wait in milliseconds before another attempt makes sense, or `undefined` when none does: only what is
 * `unavailable` passes by itself, and what is `exhausted` when it says when.
 */
export function retryAfterMs(error: unknown): number | undefined {
  if (!isFault(error) || wasRetried(error) || BreakerOpen.is(error)) return undefined;
  if (error.kind === "unavailable") return 0;
  return error.kind === "exhausted" ? askedWait(error) : undefined;
}

function askedWait({ data }: Fault): number | undefined {
  if (typeof data !== "object" || data === null || !("retryAfterMs" in data)) return undefined;
  return typeof data.retryAfterMs === "number" && data.retryAfterMs >= 0 ? data.retryAfterMs : undefined;
}
