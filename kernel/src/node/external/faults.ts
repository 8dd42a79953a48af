/** The faults of calls that are not of our own hosts. */
import { type Fault, type FaultType, defineFault } from "../../std/mod.ts";
import { notStarted } from "../../transport/mod.ts";

/** A call over HTTP has not the form that it must have. Nothing happened. */
export const CallMalformed: FaultType<{ problem: string }> = defineFault({
  code: "transport/call-malformed",
  kind: "invalid",
  message: ({ problem }) => `The call has not the form of one: ${problem}.`,
});

/** What a call is told for which its peer has no room. */
export function noRoom(service: string): Fault {
  return notStarted({ service, reason: "the inputs of this caller's calls take too much memory already" });
}
