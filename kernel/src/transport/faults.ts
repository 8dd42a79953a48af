/** The faults of transports. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** No answer came: the host is down, or the way there or back is broken. Whether the call took effect is unknown. */
export const Unreachable: FaultType<{ service: string; reason: string }> = defineFault({
  code: "transport/unreachable",
  kind: "unavailable",
  message: ({ service, reason }) => `No answer from "${service}" (${reason}). Repeat the call with the same key.`,
});
