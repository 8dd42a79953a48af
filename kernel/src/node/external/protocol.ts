/** Calls as HTTP with JSON, for services in any language: `POST /<service>/<operation>`. See docs/guide/other-languages.md. */
import type { Criticality } from "../../contract/mod.ts";
import { formatTraceparent, parseTraceparent } from "../../observe/mod.ts";
import { type Fault, type FaultKind, faultFrom } from "../../std/mod.ts";
import type { Envelope, InboundCall } from "../../transport/mod.ts";

/** The protocol in the handshake of TLS (ALPN). */
export const ALPN = "http/1.1";
/** The largest body of a call or an answer, in bytes. */
export const BODY_BYTES_MAX = 4 * 1_024 * 1_024;
/** The header of a fault that was repeated already by whoever was asked: nobody else need repeat it. */
export const RETRIED = "isomer-retried";
/** The longest that a call may take, in milliseconds, whatever it says. */
export const DEADLINE_MS_MAX = 600_000;

/** The status of a fault. Callers go by the `kind` in the body. */
export const STATUSES: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  denied: 403,
  missing: 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  broken: 500,
};

/** How long before a certificate's end its connections carry their last call, in milliseconds; less when little is left. */
const NOTICE_MS = 30_000;

/** From when on a call is the last one on its connection, which shows certificates that end: what comes next connects anew. */
export function lastCallAt(endsAt: number, now: number): number {
  return endsAt - Math.min(NOTICE_MS, Math.max(0, endsAt - now) / 5);
}

const CRITICALITIES: ReadonlySet<string> = new Set(["critical", "high", "normal", "sheddable"]);

/** The headers of a call. `nowMs` is on the monotonic clock: what travels is how much time is left. */
export function headersOf(envelope: Envelope, userToken: string | undefined, nowMs: number): Record<string, string> {
  const { key, caller, attempt, criticality, trace, clientKey, insists, mayBeStale, deadlineAt } = envelope;
  return {
    "content-type": "application/json",
    "isomer-deadline-ms": String(Math.max(1, Math.ceil(deadlineAt - nowMs))),
    "isomer-attempt": String(attempt),
    "isomer-criticality": criticality,
    ...(caller === undefined ? {} : { "isomer-caller": caller }),
    ...(key === undefined ? {} : { "idempotency-key": encodeURIComponent(key) }),
    ...(clientKey ? { "isomer-client-key": "1" } : {}),
    ...(insists === true ? { "isomer-insists": "1" } : {}),
    ...(mayBeStale === true ? { "isomer-may-be-stale": "1" } : {}),
    ...(trace === undefined ? {} : { traceparent: formatTraceparent(trace) }),
    ...(userToken === undefined ? {} : { "isomer-user": encodeURIComponent(userToken) }),
  };
}

/** Headers as Node gives them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A call without its input: who makes it is not believed yet. */
export type UnprovenCall = Omit<InboundCall, "input" | "signal">;

/** The call of a request. A text says what is wrong with it. */
export function callOf(path: string, headers: Headers, nowMs: number): UnprovenCall | string {
  const [, service, operation, more] = path.split("/");
  if (!service || !operation || more !== undefined) return "paths are /<service>/<operation>";
  const remainingMs = Number(headers["isomer-deadline-ms"]);
  if (!(remainingMs > 0 && remainingMs <= DEADLINE_MS_MAX)) return "isomer-deadline-ms says how long it may take";
  return callTo({ service, operation, deadlineAt: nowMs + remainingMs }, headers);
}

/** A call whose headers say all but where it goes and until when. A text says what is wrong with them. */
export function callTo(
  to: Pick<UnprovenCall, "service" | "operation" | "deadlineAt">,
  headers: Headers,
): UnprovenCall | string {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
  const criticality = text("isomer-criticality") ?? "normal";
  if (!CRITICALITIES.has(criticality)) return "isomer-criticality is critical, high, normal or sheddable";
  const [key, userToken] = [decoded(text("idempotency-key")), decoded(text("isomer-user"))];
  if (key === false || userToken === false) return "Idempotency-Key and isomer-user are percent-encoded";
  const attempt = Number(text("isomer-attempt") ?? "1");
  return {
    ...to,
    key,
    userToken,
    clientKey: text("isomer-client-key") === "1",
    insists: text("isomer-insists") === "1",
    mayBeStale: text("isomer-may-be-stale") === "1",
    attempt: Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 1,
    caller: text("isomer-caller"),
    trace: parseTraceparent(text("traceparent") ?? ""),
    criticality: criticality as Criticality,
  };
}

function decoded(text: string | undefined): string | undefined | false {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return false;
  }
}

/** A fault as the body of an answer (RFC 9457). */
export function faultBody(fault: Fault): string {
  const { code, kind, message, data } = fault;
  return JSON.stringify({
    type: "about:blank",
    title: code,
    status: STATUSES[kind],
    detail: message,
    code,
    kind,
    data,
  });
}

/** The fault in an answer's body; undefined when it is not one. */
export function faultIn(body: unknown): Fault | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { code, kind, detail, data } = body as Readonly<Record<string, unknown>>;
  if (typeof code !== "string" || !/^[a-z][\w-]*\/[\w-]+$/i.test(code) || typeof kind !== "string") return undefined;
  if (!Object.hasOwn(STATUSES, kind)) return undefined;
  const message = typeof detail === "string" ? detail.slice(0, 1_000) : code;
  return faultFrom({ code, kind: kind as FaultKind, message, data });
}
