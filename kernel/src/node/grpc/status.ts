/**
 * Faults as gRPC has them: a status code, and the fault itself in `grpc-status-details-bin`, as every gRPC library reads it
 * (google.rpc.Status with an ErrorInfo, and the fault's data as a Value). Callers go by the fault's code and kind.
 */
import { status } from "@grpc/grpc-js";
import { type Fault, type FaultKind, faultFrom } from "../../std/mod.ts";
import { DeadlineExceeded, markRetried } from "../../guard/mod.ts";
import { Unauthenticated } from "../../security/mod.ts";
import { rootOf } from "./contracts.ts";
import { ANY } from "./messages.ts";

/** Where the details of a status travel, among the trailers. */
export const DETAILS = "grpc-status-details-bin";

const CODES: Readonly<Record<FaultKind, status>> = {
  invalid: status.INVALID_ARGUMENT,
  denied: status.PERMISSION_DENIED,
  missing: status.NOT_FOUND,
  // Not ABORTED: that says to do the same again, which a conflict needs more than.
  conflict: status.FAILED_PRECONDITION,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  broken: status.INTERNAL,
};

/** The status code of a fault. */
export function statusOf(fault: Fault): status {
  if (DeadlineExceeded.is(fault)) return status.DEADLINE_EXCEEDED;
  if (Unauthenticated.is(fault)) return status.UNAUTHENTICATED;
  return CODES[fault.kind];
}

const TYPES = "type.googleapis.com/";
const VALUE = "google.protobuf.Value";
const root = rootOf(`
  syntax = "proto3";
  package google.rpc;
  import "google/protobuf/any.proto";
  import "google/protobuf/struct.proto";
  message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`);
const Status = root.lookupType("google.rpc.Status");
const ErrorInfo = root.lookupType("google.rpc.ErrorInfo");
const Value = root.lookupType(VALUE);

interface Detail {
  readonly type_url?: string;
  readonly value?: Uint8Array;
}

/**
 * What a fault may take of the trailers, in bytes of base64. grpc-core takes 8 KiB of them all; of more, clients end the call,
 * some of them the connection with all calls on it.
 */
const DETAILS_BYTES_MAX = 6 * 1_024;
const MESSAGE_LENGTH_MAX = 1_000;

/**
 * A fault as details of a status; without its data where they would be too large with them, and with the beginning of its message.
 * `giftwrap/too-heavy` is the reason TOO_HEAVY in the domain `giftwrap`.
 */
export function detailsOf(fault: Fault, wasRetried: boolean): Buffer {
  const whole = encoded(fault, wasRetried, fault.data);
  return Math.ceil(whole.length / 3) * 4 <= DETAILS_BYTES_MAX ? whole : encoded(fault, wasRetried, undefined);
}

function encoded(fault: Fault, wasRetried: boolean, data: unknown): Buffer {
  const { code, kind } = fault;
  const message = fault.message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed();
  const [domain = "", reason = ""] = code.split("/");
  const info = ErrorInfo.encode({
    ...{ reason: reason.toUpperCase().replaceAll("-", "_"), domain },
    metadata: { code, kind, ...(wasRetried ? { retried: "true" } : {}) },
  }).finish();
  const details: Detail[] = [{ type_url: `${TYPES}google.rpc.ErrorInfo`, value: info }];
  if (data !== undefined) {
    // As JSON and back: what has no place in JSON is no part of a fault's data.
    const plain: unknown = JSON.parse(JSON.stringify(data));
    details.push({ type_url: `${TYPES}${VALUE}`, value: Value.encode(ANY.write(plain) as object).finish() });
  }
  return Buffer.from(Status.encode({ code: statusOf(fault), message, details }).finish());
}

/** The fault in the details of a status; undefined when there is none of ours. */
export function faultIn(details: Uint8Array): Fault | undefined {
  try {
    const read = Status.decode(details) as unknown as { message?: string; details: readonly Detail[] };
    const infos = read.details.filter(({ type_url: url }) => url === `${TYPES}google.rpc.ErrorInfo`);
    const [info] = infos.map(({ value }) => ErrorInfo.decode(value ?? new Uint8Array()));
    const { metadata = {} } = (info ?? {}) as { metadata?: Readonly<Record<string, string>> };
    const { code = "", kind = "", retried } = metadata;
    if (!/^[a-z][\w-]*\/[\w-]+$/i.test(code) || !Object.hasOwn(CODES, kind)) return undefined;
    const [held] = read.details.filter(({ type_url: url }) => url === `${TYPES}${VALUE}`);
    const data = held === undefined ? undefined : ANY.read(Value.decode(held.value ?? new Uint8Array()));
    const fault = faultFrom({
      code,
      kind: kind as FaultKind,
      message: (read.message ?? code).slice(0, MESSAGE_LENGTH_MAX),
      data,
    });
    if (retried === "true") markRetried(fault);
    return fault;
  } catch {
    return undefined;
  }
}
