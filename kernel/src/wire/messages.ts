/** What stands in the bodies of calls, answers and faults. */
import type { Criticality } from "../contract/mod.ts";
import type { FaultData, FaultKind } from "../std/mod.ts";
import { Malformed } from "./faults.ts";
import type { HeaderBounds, ValueCodec } from "./values.ts";

/** What travels with a call. */
export interface CallMessage {
  readonly service: string;
  readonly operation: string;
  /** The idempotency key. */
  readonly key: string | undefined;
  readonly clientKey: boolean;
  readonly insists: boolean;
  /** Whether nothing is decided by the answer: it may come from a state that is a little old. */
  readonly mayBeStale: boolean;
  readonly attempt: number;
  /** What remains until the deadline, in milliseconds. */
  readonly remainingMs: number;
  /** The calling service, as it says; the callee compares it with the certificate. */
  readonly caller: string | undefined;
  readonly criticality: Criticality;
  /** W3C Trace Context. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** The user's transaction token, passed on as it came. */
  readonly userToken: string | undefined;
  readonly input: unknown;
  /** Whether chunks follow from the caller, and whether it takes chunks. */
  readonly sendsChunks: boolean;
  readonly takesChunks: boolean;
}

/** Bits of a call's flags. */
const CALL = { clientKey: 1, insists: 2, sendsChunks: 4, takesChunks: 8, noInput: 16, mayBeStale: 32 } as const;
/** Bits of an answer's flags. */
const REPLY = { replayed: 1, noOutput: 2 } as const;
/** Bit of a fault's flags: it was repeated already. */
const FAULT_RETRIED = 1;

const CRITICALITIES: readonly Criticality[] = ["critical", "high", "normal", "sheddable"];
const KINDS: readonly FaultKind[] = ["invalid", "denied", "missing", "conflict", "exhausted", "unavailable", "broken"];

/** The items of a call before its input. */
const HEADER_ITEMS = 10;
/** An array of up to 15 items begins with one byte, a longer one with three: enough for the header's own head. */
const HEAD_OF_ARRAY = 3;

/** The header of a call: what its bounds are. */
export function headerBounds(headerBytesMax: number): HeaderBounds {
  return { items: HEADER_ITEMS, bytesMax: headerBytesMax + HEAD_OF_ARRAY };
}

/** Writes a call's body. @throws {Unsendable} */
export function encodeCall(codec: ValueCodec, call: CallMessage, bounds: HeaderBounds): Uint8Array {
  const { service, operation, key, attempt, remainingMs, caller, traceparent, tracestate, userToken, input } = call;
  const criticality = CRITICALITIES.indexOf(call.criticality);
  const header = [
    service,
    operation,
    key,
    attempt,
    remainingMs,
    caller,
    criticality,
    traceparent,
    tracestate,
    userToken,
  ];
  if (input !== undefined) header.push(input as string);
  return codec.encode(header, bounds);
}

/** The flags of a call. */
export function callFlags(call: Omit<CallMessage, "remainingMs">): number {
  return (
    (call.clientKey ? CALL.clientKey : 0) |
    (call.insists ? CALL.insists : 0) |
    (call.mayBeStale ? CALL.mayBeStale : 0) |
    (call.sendsChunks ? CALL.sendsChunks : 0) |
    (call.takesChunks ? CALL.takesChunks : 0) |
    (call.input === undefined ? CALL.noInput : 0)
  );
}

/** Whether a call with these flags has a stream in either direction. */
export function hasStreams(flags: number): boolean {
  return (flags & (CALL.sendsChunks | CALL.takesChunks)) !== 0;
}

/** Whether the caller of a call with these flags sends chunks. */
export function sendsChunks(flags: number): boolean {
  return (flags & CALL.sendsChunks) !== 0;
}

/** Makes a call of its flags and its body's value. Items after those that are known are passed over. @throws {Malformed} */
export function readCall(flags: number, value: unknown): CallMessage {
  if (!Array.isArray(value) || value.length < HEADER_ITEMS) throw Malformed.with({ reason: "a call without a header" });
  const items = value as readonly unknown[];
  const [service, operation, key, attempt, remainingMs, caller, criticality, traceparent, tracestate, userToken] =
    items;
  const hasInput = (flags & CALL.noInput) === 0;
  if (hasInput && items.length === HEADER_ITEMS) throw Malformed.with({ reason: "a call without its input" });
  return {
    service: text(service, "service"),
    operation: text(operation, "operation"),
    key: optionalText(key, "key"),
    clientKey: (flags & CALL.clientKey) !== 0,
    insists: (flags & CALL.insists) !== 0,
    mayBeStale: (flags & CALL.mayBeStale) !== 0,
    attempt: atLeast(attempt, 1, "attempt"),
    remainingMs: finite(remainingMs, "remaining time"),
    caller: optionalText(caller, "caller"),
    // What a later version calls otherwise matters as much as most things do.
    criticality: CRITICALITIES[atLeast(criticality, 0, "criticality")] ?? "normal",
    traceparent: optionalText(traceparent, "traceparent"),
    tracestate: optionalText(tracestate, "tracestate"),
    userToken: optionalText(userToken, "user token"),
    input: hasInput ? items[HEADER_ITEMS] : undefined,
    sendsChunks: (flags & CALL.sendsChunks) !== 0,
    takesChunks: (flags & CALL.takesChunks) !== 0,
  };
}

/** The flags of an answer. */
export function replyFlags(output: unknown, replayed: boolean): number {
  return (replayed ? REPLY.replayed : 0) | (output === undefined ? REPLY.noOutput : 0);
}

/** What an answer's flags say. */
export function readReplyFlags(flags: number): { readonly replayed: boolean; readonly hasOutput: boolean } {
  return { replayed: (flags & REPLY.replayed) !== 0, hasOutput: (flags & REPLY.noOutput) === 0 };
}

/** Writes a fault's body. @throws {Unsendable} */
export function encodeFault(codec: ValueCodec, { code, kind, message, data }: FaultData): Uint8Array {
  return codec.encode(data === undefined ? [code, kind, message] : [code, kind, message, data]);
}

/** The flags of a fault. */
export function faultFlags(retried: boolean): number {
  return retried ? FAULT_RETRIED : 0;
}

/** Makes a fault of its body's value. A kind that is not known here is `broken`. @throws {Malformed} */
export function readFault(flags: number, value: unknown): { readonly fault: FaultData; readonly retried: boolean } {
  if (!Array.isArray(value) || value.length < 3)
    throw Malformed.with({ reason: "a fault without code, kind, message" });
  const [code, kind, message, data] = value as readonly unknown[];
  const known = KINDS.find((name) => name === kind) ?? "broken";
  const fault = { code: text(code, "code"), kind: known, message: text(message, "message"), data };
  return { fault, retried: (flags & FAULT_RETRIED) !== 0 };
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw Malformed.with({ reason: `a ${what} that is not a text` });
  return value;
}

function optionalText(value: unknown, what: string): string | undefined {
  return value === null ? undefined : text(value, what);
}

function finite(value: unknown, what: string): number {
  if (typeof value !== "number") throw Malformed.with({ reason: `${what} that is not a number` });
  return value;
}

function atLeast(value: unknown, least: number, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw Malformed.with({ reason: `${what} that is not a whole number from ${least}` });
  return value as number;
}
