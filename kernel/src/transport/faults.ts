/** The faults of transports. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** No answer came: the host is down, or the way there or back is broken. Whether the call took effect is unknown. */
export const Unreachable: FaultType<{ service: string; reason: string }> = defineFault({
  code: "transport/unreachable",
  kind: "unavailable",
  message: ({ service, reason }) => `No answer from "${service}" (${reason}). Repeat the call with the same key.`,
});

/** The process on the other side may not make this call: `reason` tells why. Nothing was done. */
export const PeerRefused: FaultType<{ peer: string; operation: string; reason: string }> = defineFault({
  code: "transport/peer-refused",
  kind: "denied",
  message: ({ peer, operation, reason }) => `${peer} may not call ${operation}: ${reason}.`,
});
