/** The claims of a token (RFC 7519 §4.1, RFC 9068 §2.2), and what a verifier asks of them. */
import type { Json } from "../std/mod.ts";

/** How far two clocks may differ, in seconds. */
export const CLOCK_SKEW_SECONDS = 60;
/** The longest life of a token that a verifier accepts unless told otherwise: a day, in seconds. */
export const TOKEN_LIFE_MAX_SECONDS = 86_400;

/** The longest `sub` and `jti`. */
const ID_LENGTH_MAX = 256;

/** The claims that every token has. Times are in seconds since 1970. */
export interface TokenClaims {
  readonly iss: string;
  readonly aud: string | readonly string[];
  readonly sub: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number | undefined;
  /** What else the kind of token carries. */
  readonly [claim: string]: Json | undefined;
}

/** What a verifier asks of the claims. */
export interface TokenRules {
  readonly issuer: string;
  /** Who the token must be for: this name is its `aud`, or among it. */
  readonly audience: string;
  /** The longest that `exp` may be after `iat`, in seconds; {@link TOKEN_LIFE_MAX_SECONDS} unless said. */
  readonly lifeMaxSeconds?: number;
  /** Further claims that must be texts which are not empty: `client_id` of RFC 9068, for example. */
  readonly requiredTexts?: readonly string[];
}

/** Why a token was refused. */
export type TokenProblem =
  | "too-long"
  | "malformed"
  | "header"
  | "unknown-key"
  | "signature"
  | "issuer"
  | "audience"
  | "claims"
  | "expired"
  | "not-yet-valid";

/** What is wrong with the claims of a token whose signature is good, or undefined. `now` is in milliseconds. */
export function checkClaims(
  claims: { readonly [claim: string]: Json | undefined },
  now: number,
  rules: TokenRules,
): TokenProblem | undefined {
  const { iss, aud, sub, jti, iat, exp, nbf } = claims;
  if (iss !== rules.issuer) return "issuer";
  if (!isFor(aud, rules.audience)) return "audience";
  if (!isText(sub) || !isText(jti) || !isMoment(iat) || !isMoment(exp)) return "claims";
  if (nbf !== undefined && !isMoment(nbf)) return "claims";
  for (const name of rules.requiredTexts ?? []) {
    if (!isText(claims[name])) return "claims";
  }
  if (exp <= iat || exp - iat > (rules.lifeMaxSeconds ?? TOKEN_LIFE_MAX_SECONDS)) return "claims";
  if (isExpired(exp, now)) return "expired";
  const latest = now / 1_000 + CLOCK_SKEW_SECONDS;
  return iat > latest || (nbf ?? 0) > latest ? "not-yet-valid" : undefined;
}

/** Whether a token's time is over, with the skew allowed for. */
export function isExpired(exp: number, now: number): boolean {
  return now / 1_000 >= exp + CLOCK_SKEW_SECONDS;
}

function isFor(aud: Json | undefined, audience: string): boolean {
  if (typeof aud === "string") return aud === audience;
  return Array.isArray(aud) && aud.every((name) => typeof name === "string") && aud.includes(audience);
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= ID_LENGTH_MAX;
}

/** Whole seconds: RFC 7519 lets fractions in, no issuer of ours writes them, and the fewer forms the better. */
function isMoment(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
