/** wire: the protocol between hosts, without sockets. docs/reference/wire.md is its specification. */
export { type CalleeOptions, CalleeSide, type IncomingCall } from "./callee.ts";
export { type CallHandle, type CallOutcome, type CallerOptions, CallerSide, type OutgoingCall } from "./caller.ts";
export { Malformed, type NotStartedReason, ReplyUnsendable, Unsendable } from "./faults.ts";
export { WIRE_FEATURES, WIRE_VERSIONS } from "./hello.ts";
export { WIRE_LIMITS, WIRE_TIMING, type WireLimits, type WireTiming } from "./limits.ts";
export type { Link } from "./link.ts";
export type { CallMessage } from "./messages.ts";
