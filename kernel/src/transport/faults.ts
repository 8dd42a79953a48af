/** The faults of transports. */
import { type Fault, type FaultType, defineFault } from "../std/mod.ts";

/** No answer came: the host is down, or the way there or back is broken. Whether the call took effect is unknown. */
export const Unreachable: FaultType<{ service: string; reason: string }> = defineFault({
  code: "transport/unreachable",
  kind: "unavailable",
  message: ({ service, reason }) => `No answer from "${service}" (${reason}). Repeat the call with the same key.`,
});

/** The call was surely not begun: nobody could be connected to, or the other side is about to stop. Nothing happened. */
export const NotStarted: FaultType<{ service: string; reason: string }> = defineFault({
  code: "transport/not-started",
  kind: "unavailable",
  message: ({ service, reason }) => `The call to "${service}" was not begun (${reason}). Repeat it.`,
});

const notBegun = new WeakSet<object>();

/** Makes a {@link NotStarted} about this very call, so that it may be sent to another instance at once. */
export function notStarted(data: { readonly service: string; readonly reason: string }): Fault {
  const fault = NotStarted.with(data);
  notBegun.add(fault);
  return fault;
}

/**
 * Whether a call was surely not begun. The code alone does not tell: a callee that began may pass on a `NotStarted` of
 * somebody further down.
 */
export function wasNotStarted(error: unknown): boolean {
  return typeof error === "object" && error !== null && notBegun.has(error);
}

/** The process on the other side may not make this call: `reason` tells why. Nothing was done. */
export const PeerRefused: FaultType<{ peer: string; operation: string; reason: string }> = defineFault({
  code: "transport/peer-refused",
  kind: "denied",
  message: ({ peer, operation, reason }) => `${peer} may not call ${operation}: ${reason}.`,
});
