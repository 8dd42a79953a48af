/**
 * Refresh tokens that rotate (RFC 9700 §4.14.2): each is used once, for its successor. A used one that turns up again
 * means that two parties hold the family, one of them a thief; so the whole family ends, and its user signs in again.
 *
 * Pure: the auth service keeps the records and applies the outcome in the transaction that read them. Two uses at
 * once therefore come one after the other, and the second sees what the first did.
 */

/** The record of one refresh token. */
export interface RefreshRecord {
  readonly digest: string;
  /** All tokens that came from one sign-in. */
  readonly family: string;
  readonly subject: string;
  /** When it stops being good, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** When it was exchanged, or undefined. */
  readonly usedAt: number | undefined;
  /** When its family was ended, or undefined. */
  readonly revokedAt: number | undefined;
}

/** What is to be done with a refresh token that was shown. */
export type RefreshOutcome =
  /** Mark it used, store the successor with this end, hand out tokens. */
  | {
      readonly kind: "rotate";
      readonly family: string;
      readonly subject: string;
      readonly expiresAt: number;
    }
  /** Revoke the family, and commit that; then refuse. */
  | { readonly kind: "reuse"; readonly family: string; readonly subject: string }
  /** Refuse. The reason is for the log: the caller of every refusal sees the same fault. */
  | { readonly kind: "refuse"; readonly reason: "unknown" | "expired" | "revoked" };

/** The life of refresh tokens. */
export interface RefreshPolicy {
  /** How long a token may lie unused, in milliseconds. */
  readonly idleMs: number;
  /** How long a family may live from its sign-in, in milliseconds. */
  readonly familyMs: number;
  /**
   * For how long a used token may be shown again without being taken for theft, in milliseconds: a client whose
   * answer was lost repeats. 0 unless said: commands that are idempotent by key need none.
   */
  readonly graceMs?: number;
}

/** Decides about a refresh token from its record and the start of its family. */
export function rotateRefresh(
  record: RefreshRecord | undefined,
  familyStartedAt: number,
  now: number,
  policy: RefreshPolicy,
): RefreshOutcome {
  if (record === undefined) return { kind: "refuse", reason: "unknown" };
  const { family, subject } = record;
  if (record.revokedAt !== undefined) return { kind: "refuse", reason: "revoked" };
  if (record.usedAt !== undefined && now - record.usedAt >= (policy.graceMs ?? 0)) {
    return { kind: "reuse", family, subject };
  }
  const familyEndsAt = familyStartedAt + policy.familyMs;
  if (now >= record.expiresAt || now >= familyEndsAt) return { kind: "refuse", reason: "expired" };
  return {
    kind: "rotate",
    family,
    subject,
    expiresAt: Math.min(now + policy.idleMs, familyEndsAt),
  };
}
