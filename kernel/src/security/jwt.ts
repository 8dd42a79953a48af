/**
 * JSON Web Tokens signed by Ed25519 (RFC 7519, 8037), read as strictly as RFC 8725 asks: one algorithm, one key per
 * `kid`, one kind of token per verifier, no header but `alg`, `typ` and `kid`, one encoding for each token.
 * `docs/decisions/0001-jwt-over-node-crypto.md` says why this is our own.
 */
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { type TokenClaims, type TokenProblem, type TokenRules, checkClaims } from "./claims.ts";
import type { Crypto, PrivateKeyJwk, PublicKeyJwk } from "./crypto.ts";
import { type JsonObject, readStrictObject } from "./strict-json.ts";

/** The longest token that is looked at, in characters. */
export const TOKEN_LENGTH_MAX = 4_096;

const SIGNATURE_BYTES = 64;
const KID_LENGTH_MAX = 128;
const encoder = new TextEncoder();

/** What {@link signToken} takes. */
export interface TokenToSign {
  readonly crypto: Crypto;
  readonly key: { readonly kid: string; readonly privateKey: PrivateKeyJwk };
  /** The kind of token (RFC 8725 §3.11): `at+jwt` for access tokens (RFC 9068), another for each other kind. */
  readonly typ: string;
  readonly claims: TokenClaims;
}

/** Signs a token. @throws {RangeError} when it would be longer than verifiers accept. */
export function signToken({ crypto, key, typ, claims }: TokenToSign): string {
  const signed = `${encode({ alg: "EdDSA", typ, kid: key.kid })}.${encode(claims)}`;
  const token = `${signed}.${toBase64Url(crypto.ed25519.sign(key.privateKey, signed))}`;
  if (token.length > TOKEN_LENGTH_MAX) {
    throw new RangeError(`The token has ${token.length} characters; put less into its claims.`);
  }
  return token;
}

function encode(value: object): string {
  return toBase64Url(encoder.encode(JSON.stringify(value)));
}

/** What came of a token. The reason is for logs and metrics; callers learn only that it was refused. */
export type Verification =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly reason: TokenProblem };

/** What a verifier holds tokens to. */
export interface VerifierOptions extends TokenRules {
  readonly crypto: Crypto;
  /** The key of exactly this id, or undefined. The same object each time, while it is good. */
  readonly keyOf: (kid: string) => PublicKeyJwk | undefined;
  /** The kind of token that is accepted; all others are refused. */
  readonly typ: string;
}

/** Checks a token, in this order: form, header, key, signature, claims. Nothing of it is trusted before its turn. */
export function verifyToken(token: string, now: number, options: VerifierOptions): Verification {
  const opened = openToken(token, options);
  if (typeof opened === "string") return refuse(opened);
  const problem = checkClaims(opened.claims, now, options);
  if (problem !== undefined) return refuse(problem);
  return { ok: true, claims: opened.claims as unknown as TokenClaims };
}

/** A token whose signature is good; its claims are not checked yet. */
export interface OpenedToken {
  readonly kid: string;
  readonly key: PublicKeyJwk;
  readonly claims: JsonObject;
}

/** Checks everything but the claims. */
export function openToken(token: string, options: VerifierOptions): OpenedToken | TokenProblem {
  if (token.length > TOKEN_LENGTH_MAX) return "too-long";
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 1 || second < 0) return "malformed";
  const header = fromBase64Url(token.slice(0, first));
  const payload = fromBase64Url(token.slice(first + 1, second));
  // A third dot is not in the alphabet.
  const signature = fromBase64Url(token.slice(second + 1));
  if (header === undefined || payload === undefined || signature === undefined) return "malformed";
  const kid = readKid(header, options.typ);
  if (kid === undefined) return "header";
  const key = options.keyOf(kid);
  if (key === undefined) return "unknown-key";
  if (signature.length !== SIGNATURE_BYTES) return "signature";
  if (!options.crypto.ed25519.verify(key, token.slice(0, second), signature)) return "signature";
  const claims = readStrictObject(payload);
  return claims === undefined ? "malformed" : { kid, key, claims };
}

/** The key's id from a header that is exactly ours: `crit`, `b64`, `jwk`, `jku`, `x5c` and all others are refused. */
function readKid(bytes: Uint8Array, typ: string): string | undefined {
  const header = readStrictObject(bytes);
  if (header === undefined || header["alg"] !== "EdDSA" || header["typ"] !== typ) return undefined;
  const kid = header["kid"];
  if (typeof kid !== "string" || kid === "" || kid.length > KID_LENGTH_MAX) return undefined;
  return Object.keys(header).length === 3 ? kid : undefined;
}

function refuse(reason: TokenProblem): Verification {
  return { ok: false, reason };
}
