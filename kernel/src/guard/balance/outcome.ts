/** What the end of a call tells about the instance that was called. */
import { isFault } from "../../std/mod.ts";
import { DeadlineExceeded, Overloaded } from "../deadline.ts";
import { isCalleeFailure } from "../retryable.ts";

/**
 * How a call ended. `answered`: it did its work, were it to refuse the input. `failed`: it could not. `refused`: it has too
 * much to do, until so much later. `unreached`: the call did not get there. `unknown`: nothing can be said about the
 * instance.
 */
export type CallOutcome =
  | { readonly kind: "answered" }
  | { readonly kind: "failed" }
  | { readonly kind: "refused"; readonly retryAfterMs: number }
  | { readonly kind: "unreached" }
  | { readonly kind: "unknown" };

/** The outcome of a call that was answered. */
export const ANSWERED: CallOutcome = { kind: "answered" };
/** The outcome of a call that did not get to the instance. */
export const UNREACHED: CallOutcome = { kind: "unreached" };
const FAILED: CallOutcome = { kind: "failed" };
const UNKNOWN: CallOutcome = { kind: "unknown" };

/** A call that had less time than this and ran out of it says nothing about the callee, in milliseconds. */
const HURRIED_MS = 50;

/** What a failure tells. `gaveUp`: whether the caller did before an answer came. `tookMs`: how long it waited. */
export function outcomeOf(error: unknown, gaveUp: boolean, tookMs: number): CallOutcome {
  if (DeadlineExceeded.is(error)) return tookMs < HURRIED_MS ? UNKNOWN : FAILED;
  if (gaveUp) return UNKNOWN;
  if (isFault(error) && error.kind === "exhausted") return refusal(error.code, error.data);
  return isCalleeFailure(error) ? FAILED : ANSWERED;
}

/**
 * Only the kernel's refusals speak of load. A service's own are answers to one user, who must not be able to make an
 * instance look slow by asking too often.
 */
function refusal(code: string, data: unknown): CallOutcome {
  if (code !== Overloaded.code && !code.startsWith("store/")) return ANSWERED;
  const asked = typeof data === "object" && data !== null && "retryAfterMs" in data ? data.retryAfterMs : 0;
  return { kind: "refused", retryAfterMs: typeof asked === "number" && asked > 0 ? asked : 0 };
}
