/** wire: the protocol between hosts, without sockets. docs/reference/wire.md is its specification. */
export { ByteBudget, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, weightOf } from "./budget.ts";
export { type CalleeOptions, CalleeSide, type IncomingCall } from "./callee.ts";
export { type CallerOptions, CallerSide } from "./caller.ts";
export { Malformed, type NotStartedReason, ReplyDropped, ReplyUnsendable, Unsendable } from "./faults.ts";
export { WIRE_FEATURES, WIRE_VERSIONS } from "./hello.ts";
export { WIRE_LIMITS, WIRE_TIMING, type WireLimits, type WireTiming } from "./limits.ts";
export { FRAMES_AT_ONCE, type Link } from "./link.ts";
export type { CallMessage } from "./messages.ts";
export type { CallHandle, CallOutcome, OutgoingCall } from "./outgoing-call.ts";
