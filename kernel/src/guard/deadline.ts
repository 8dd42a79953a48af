/** The faults that guards raise. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** The time that the call was given is over. Whether it took effect is unknown: repeat it with the same key. */
export const DeadlineExceeded: FaultType<{ label: string }> = defineFault({
  code: "kernel/deadline-exceeded",
  kind: "unavailable",
  message: ({ label }) => `${label} did not finish before its deadline. Repeat it with the same key.`,
});

/** Too much is under way; this call was refused before anything happened. Wait, then repeat. */
export const Overloaded: FaultType<{ retryAfterMs: number }> = defineFault({
  code: "kernel/overloaded",
  kind: "exhausted",
  message: ({ retryAfterMs }) => `There is too much to do. Repeat in ${retryAfterMs} ms.`,
});

/** The callee has failed too often of late, so it is left alone for a while. Nothing happened. */
export const BreakerOpen: FaultType<{ service: string; operation: string; retryAfterMs: number }> = defineFault({
  code: "kernel/breaker-open",
  kind: "unavailable",
  message: ({ service, operation }) => `${service}.${operation} has failed too often and is left alone for a while.`,
});

/** @throws {DeadlineExceeded} when `deadlineAt` (on the monotonic clock, in milliseconds) has passed. */
export function assertInTime(label: string, deadlineAt: number, nowMs: number): void {
  if (nowMs >= deadlineAt) throw DeadlineExceeded.with({ label });
}
