/** The faults of the wire. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** The peer sent what the protocol does not allow. The connection is closed: what follows cannot be trusted either. */
export const Malformed: FaultType<{ reason: string }> = defineFault({
  code: "wire/malformed",
  kind: "broken",
  message: ({ reason }) => `The peer does not keep to the wire protocol: ${reason}.`,
});

/** A value cannot travel: it is not JSON, too large, too deep, or has too many members. Nothing was sent. */
export const Unsendable: FaultType<{ reason: string }> = defineFault({
  code: "wire/unsendable",
  kind: "invalid",
  message: ({ reason }) => `The value cannot be sent: ${reason}. Send less at once, and JSON values only.`,
});

/** The callee's answer cannot travel. What was asked for has been done; the same key leads to the same answer. */
export const ReplyUnsendable: FaultType<{ reason: string }> = defineFault({
  code: "wire/reply-unsendable",
  kind: "broken",
  message: ({ reason }) => `The answer cannot be sent: ${reason}. Answer less at once, in pages.`,
});

/** The callee's answer was given up: too much waits for its caller, or its peers, to read. It was carried out, if it succeeded. */
export const ReplyDropped: FaultType<{ waitingBytes: number }> = defineFault({
  code: "wire/reply-dropped",
  kind: "unavailable",
  message: ({ waitingBytes }) =>
    `The answer is not sent: ${waitingBytes} bytes of others wait to be read. Repeat the call with the same key.`,
});

/**
 * Why a call was certainly not started: the callee goes away (`draining`), or only the connection is being replaced
 * (`replaced`); there is too much under way (`busy`); the connection ended first (`closed`) or never came about
 * (`unreachable`); the peer cannot do what is asked (`unsupported`).
 */
export type NotStartedReason = "draining" | "replaced" | "busy" | "closed" | "unreachable" | "unsupported";
