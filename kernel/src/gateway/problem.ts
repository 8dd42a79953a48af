/** Faults as problem+json (RFC 9457): one shape for every failure, with no stack, no SQL and no cause. */
import { Overloaded } from "../guard/mod.ts";
import { Invalid, type InvalidData } from "../schema/mod.ts";
import { Broken, type Fault, type FaultKind } from "../std/mod.ts";
import { QuotaExceeded } from "./faults.ts";
import { type GatewayResponse, PROBLEM_TYPE } from "./response.ts";

const STATUS_BY_KIND: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  denied: 403,
  missing: 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  broken: 500,
};

/** Codes whose status says more than their kind's. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  ["kernel/unauthenticated", 401],
  ["gateway/credential-invalid", 401],
  ["gateway/method-not-allowed", 405],
  ["gateway/body-too-large", 413],
  ["gateway/unsupported-media-type", 415],
  ["gateway/if-match-required", 428],
  ["kernel/key-reused", 422],
  ["kernel/overloaded", 503],
  ["kernel/deadline-exceeded", 504],
]);

/** The problem type that the RateLimit draft registers for a quota that is used up. */
const QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const RETRY_AFTER_DEFAULT_MS = 1_000;

/** A problem document. */
export interface Problem {
  /** A URI reference that names the kind of problem: `/problems/<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The fault's code: stable, for programs. */
  readonly code: string;
  /** Leads to what happened. */
  readonly traceId: string;
  /** What is wrong with the input, by JSON Pointer. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly data?: unknown;
  /** As the RateLimit draft names it. */
  readonly "violated-policies"?: readonly string[];
}

/** The HTTP status of a fault with this code and kind; 500 for a kind of a newer build that this one does not know. */
export function statusOf(code: string, kind: FaultKind): number {
  return STATUS_BY_CODE.get(code) ?? STATUS_BY_KIND[kind] ?? 500;
}

/** The title of a code: `inventory/stock-short` is "Stock short". */
export function titleOf(code: string): string {
  const words = code.slice(code.lastIndexOf("/") + 1).replaceAll("-", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** The answer that tells a fault. */
export function problemResponse(fault: Fault, traceId: string): GatewayResponse {
  const problem = problemOf(fault, traceId);
  const headers: Record<string, string> = {
    "content-type": PROBLEM_TYPE,
    "cache-control": "no-store",
  };
  const { status } = problem;
  if (status === 401) headers["www-authenticate"] = challenge(fault);
  if (status === 405) headers["allow"] = allowOf(fault);
  // The rest of a body that is too large is not worth reading: close instead.
  if (status === 413) headers["connection"] = "close";
  const retryAfterMs = retryAfterOf(fault, status);
  if (retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  }
  return { status, headers, body: JSON.stringify(problem) };
}

/** The problem document of a fault. */
export function problemOf(fault: Fault, traceId: string): Problem {
  const status = statusOf(fault.code, fault.kind);
  // What broke inside is nobody's business outside: its message may name files, hosts or SQL.
  const broken = fault.kind === "broken" || status === 500;
  const code = broken ? Broken.code : fault.code;
  const head = {
    type: QuotaExceeded.is(fault) ? QUOTA_TYPE : `/problems/${code}`,
    title: broken ? "Internal error" : titleOf(code),
    status,
    detail: broken ? "Something failed inside. The trace id leads to what happened." : fault.message,
    code,
    traceId,
  };
  if (broken) return head;
  if (Invalid.is(fault)) return { ...head, errors: errorsOf(fault.data) };
  if (QuotaExceeded.is(fault)) return { ...head, "violated-policies": [fault.data.policy] };
  return fault.data === undefined || fault.data === null ? head : { ...head, data: fault.data };
}

function errorsOf(data: InvalidData): { path: string; message: string }[] {
  return data.issues.map(({ path, message }) => ({ path, message }));
}

function challenge(fault: Fault): string {
  return fault.code === "gateway/credential-invalid"
    ? 'Bearer realm="api", error="invalid_token"'
    : 'Bearer realm="api"';
}

function allowOf(fault: Fault): string {
  const data = fault.data as { allow?: readonly string[] } | undefined;
  return data?.allow?.join(", ") ?? "";
}

function retryAfterOf(fault: Fault, status: number): number | undefined {
  const data = fault.data as { retryAfterMs?: unknown } | null | undefined;
  const told = typeof data === "object" && data !== null ? data.retryAfterMs : undefined;
  if (typeof told === "number" && told >= 0) return told;
  const waits = status === 429 || status === 503 || fault.code === "kernel/key-in-flight" || Overloaded.is(fault);
  return waits ? RETRY_AFTER_DEFAULT_MS : undefined;
}
