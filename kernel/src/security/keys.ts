/**
 * Signing keys and their rotation. Times alone say what a key is for, so nothing has to be updated when one takes
 * over, and several hosts with the same records and clocks agree:
 *
 *  - `next`: published, so that verifiers know it before the first token, but not active yet;
 *  - `current`: the youngest active one; it signs;
 *  - `retired`: older ones, good for verifying until every token that they signed has expired.
 *
 * Pure: the auth service keeps the records and applies a {@link planRotation} in one transaction.
 */
import { toBase64Url } from "./base64url.ts";
import { CLOCK_SKEW_SECONDS } from "./claims.ts";
import type { Crypto, PrivateKeyJwk, PublicKeyJwk } from "./crypto.ts";

/** The record of a signing key. */
export interface KeyRecord {
  /** The RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly privateKey: PrivateKeyJwk;
  /** From when on it signs, in milliseconds since 1970. */
  readonly activeFrom: number;
}

/** How keys rotate. All in milliseconds. */
export interface RotationPolicy {
  /** For how long a key signs. */
  readonly everyMs: number;
  /** How long before it signs a key is published: longer than verifiers keep a key set. */
  readonly publishAheadMs: number;
  /** The longest life of a token that the keys sign. */
  readonly tokenLifeMs: number;
}

/** Ninety days, published a day ahead, for tokens of a day at most. */
export const ROTATION_DEFAULT: RotationPolicy = {
  everyMs: 90 * 86_400_000,
  publishAheadMs: 86_400_000,
  tokenLifeMs: 86_400_000,
};

/** What is to be changed in the store. */
export interface RotationPlan {
  readonly add: readonly KeyRecord[];
  /** Ids of the keys whose tokens have all expired. */
  readonly remove: readonly string[];
}

/** A key as others see it. */
export interface PublishedKey extends PublicKeyJwk {
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** A JSON Web Key Set (RFC 7517), without private members. */
export interface KeySet {
  readonly keys: readonly PublishedKey[];
}

/** The id of a key: its RFC 7638 thumbprint. */
export function thumbprint(crypto: Crypto, { crv, kty, x }: PublicKeyJwk): string {
  return toBase64Url(crypto.sha256(JSON.stringify({ crv, kty, x })));
}

/** Makes a key that signs from `activeFrom` on. */
export function makeKey(crypto: Crypto, activeFrom: number): KeyRecord {
  const privateKey = crypto.ed25519.generateKeyPair();
  return { kid: thumbprint(crypto, privateKey), privateKey, activeFrom };
}

/**
 * What rotation asks for now: nothing, most of the time. To replace a key that leaked, delete its record first: its
 * tokens are refused from then on, and the plan adds a key that signs at once.
 */
export function planRotation(
  records: readonly KeyRecord[],
  now: number,
  policy: RotationPolicy,
  crypto: Crypto,
): RotationPlan {
  const youngest = inOrder(records).at(-1);
  const current = currentKey(records, now);
  const add: KeyRecord[] = [];
  if (current === undefined) add.push(makeKey(crypto, now));
  if (current !== undefined && current === youngest) {
    const endsAt = current.activeFrom + policy.everyMs;
    const publishAt = endsAt - policy.publishAheadMs;
    if (now >= publishAt) add.push(makeKey(crypto, Math.max(endsAt, now + policy.publishAheadMs)));
  }
  const remove = records.filter((record) => now >= endOf(record, records, policy)).map((record) => record.kid);
  return { add, remove };
}

/**
 * The key that signs now: the youngest that is active. Where none is, the clock may have been set back since the first
 * was made: it goes on signing, for a new one would be known to no verifier yet.
 */
export function currentKey(records: readonly KeyRecord[], now: number): KeyRecord | undefined {
  const ordered = inOrder(records);
  const active = ordered.filter((record) => record.activeFrom <= now).at(-1);
  return active ?? ordered.find((record) => record.activeFrom <= now + CLOCK_SKEW_SECONDS * 1_000);
}

/** What is published: every key that is not at its end, the next ones included. */
export function publicKeys(records: readonly KeyRecord[], now: number, policy: RotationPolicy): KeySet {
  const keys = inOrder(records)
    .filter((record) => now < endOf(record, records, policy))
    .map(({ kid, privateKey: { kty, crv, x } }) => ({ kty, crv, x, kid, alg: "EdDSA", use: "sig" }) as const);
  return { keys };
}

/** When the last token that a key signed has expired, on every clock; never, for the youngest. */
function endOf(record: KeyRecord, records: readonly KeyRecord[], policy: RotationPolicy): number {
  const successor = inOrder(records).find((other) => isAfter(other, record));
  if (successor === undefined) return Number.POSITIVE_INFINITY;
  return successor.activeFrom + policy.tokenLifeMs + 2 * CLOCK_SKEW_SECONDS * 1_000;
}

function inOrder(records: readonly KeyRecord[]): readonly KeyRecord[] {
  return records.toSorted((a, b) => (isAfter(a, b) ? 1 : -1));
}

/** Two hosts may have added a key at the same moment: the id decides, on both alike. */
function isAfter(a: KeyRecord, b: KeyRecord): boolean {
  return a.activeFrom === b.activeFrom ? a.kid > b.kid : a.activeFrom > b.activeFrom;
}
