/** The faults that the edge raises before anything has happened. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** Nothing is at this path. */
export const NoRoute: FaultType<{ path: string }> = defineFault({
  code: "gateway/no-route",
  kind: "missing",
  message: ({ path }) => `There is nothing at ${path}. GET /openapi.json lists what there is.`,
});

/** Something is at this path, but not for this method (405). */
export const MethodNotAllowed: FaultType<{ method: string; allow: readonly string[] }> = defineFault({
  code: "gateway/method-not-allowed",
  kind: "invalid",
  message: ({ method, allow }) => `${method} is not possible here. Use ${allow.join(" or ")}.`,
});

/** The request cannot be read: its path, query, headers or body are not what their formats allow (400). */
export const Malformed: FaultType<{ what: string; problem: string }> = defineFault({
  code: "gateway/malformed",
  kind: "invalid",
  message: ({ what, problem }) => `The ${what} ${problem}.`,
});

/** The body is of a type that the operation does not take (415). */
export const UnsupportedMediaType: FaultType<{ expected: string }> = defineFault({
  code: "gateway/unsupported-media-type",
  kind: "invalid",
  message: ({ expected }) => `Send the body as ${expected}.`,
});

/** The body is larger than the operation takes (413). */
export const BodyTooLarge: FaultType<{ bytesMax: number }> = defineFault({
  code: "gateway/body-too-large",
  kind: "invalid",
  message: ({ bytesMax }) => `The body is larger than the ${bytesMax} bytes that are taken here.`,
});

/** The bearer token or API key is not valid, or no longer (401). */
export const CredentialInvalid: FaultType<{ credential: string }> = defineFault({
  code: "gateway/credential-invalid",
  kind: "denied",
  message: ({ credential }) => `The ${credential} is not valid or has expired. Get a new one, or send none.`,
});

/** A rate limit is used up (429). Wait as long as `Retry-After` says. */
export const QuotaExceeded: FaultType<{ policy: string; retryAfterMs: number }> = defineFault({
  code: "gateway/quota-exceeded",
  kind: "exhausted",
  message: ({ policy, retryAfterMs }) =>
    `The quota "${policy}" is used up. Repeat in ${Math.ceil(retryAfterMs / 1_000)} s.`,
});

/** The operation needs an `Idempotency-Key`, so that a repetition after a lost answer has no second effect (400). */
export const IdempotencyKeyRequired: FaultType<{ operation: string }> = defineFault({
  code: "gateway/idempotency-key-required",
  kind: "invalid",
  message: ({ operation }) =>
    `${operation} needs the header Idempotency-Key: a new one (say, a UUID) for each request that is not a repetition.`,
});

/** The `Idempotency-Key` has a form that is not accepted (400). */
export const IdempotencyKeyMalformed: FaultType<undefined> = defineFault({
  code: "gateway/idempotency-key-malformed",
  kind: "invalid",
  message: () => "The header Idempotency-Key must be 1 to 255 visible ASCII characters.",
});

/** The operation changes what others may have changed meanwhile: it needs `If-Match` with the version read (428). */
export const IfMatchRequired: FaultType<{ operation: string }> = defineFault({
  code: "gateway/if-match-required",
  kind: "invalid",
  message: ({ operation }) => `${operation} needs the header If-Match with the ETag that was read last.`,
});
