/**
 * Judges of tokens and API keys: what the gateway asks. Keys come from auth, and are kept for a while. What was revoked
 * is refused as soon as this process has heard of it (`world.revocations`).
 */
import type { Authenticate } from "@isomer/kernel/gateway";
import { type Revocations, TtlCache } from "@isomer/kernel/guard";
import { type PublicKeyJwk, TokenVerifier, type Verification } from "@isomer/kernel/security";
import type { Identity } from "@isomer/kernel/contract";
import type { Host } from "@isomer/kernel/runtime";
import { isFault } from "@isomer/kernel/std";
import { TOKENS } from "./settings.ts";

/** How old the public keys may get before auth is asked again, in milliseconds. */
const KEYS_AGE_MS = 30_000;
/** How old they may get while auth does not answer: until then a key that was withdrawn still counts. */
const KEYS_AGE_MAX_MS = 10 * 60_000;
/** How soon auth is asked again after it did not answer. */
const RETRY_MS = 1_000;
/**
 * How often in a second auth is asked for a key that is not known, however many want to know: auth may have made a new one a moment ago, but forged key ids
 * must not make it busy.
 */
const MISSES_MAX = 10;
const MISSES_MS = 1_000;
/** For how long an API key counts after it was revoked, at most. */
const API_KEY_AGE_MS = 30_000;
/** Guests keep their tokens for a month. */
const LIFE_MAX_SECONDS = 31 * 86_400;

interface Jwk extends PublicKeyJwk {
  readonly kid: string;
}

/** The judges for a running shop. */
export function judgesOf(host: Host): { authenticate: Authenticate; apiKey: Authenticate } {
  return { authenticate: tokenJudge(host), apiKey: apiKeyJudge(host) };
}

function tokenJudge(host: Host): Authenticate {
  const { clock, crypto, log, revocations } = host.world;
  let keys = new Map<string, PublicKeyJwk>();
  let learnedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  const misses = { since: Number.NEGATIVE_INFINITY, count: 0 };
  /** Whether it may be asked for a key that is not known. Whoever only waits for an answer that is under way may. */
  const mayLearn = (): boolean => {
    if (asking !== undefined) return true;
    const now = clock.monotonicMs();
    if (now - misses.since >= MISSES_MS) Object.assign(misses, { since: now, count: 0 });
    misses.count += 1;
    return misses.count <= MISSES_MAX;
  };
  const ask = async (): Promise<void> => {
    try {
      const { output } = await host.invoke({ service: "auth", operation: "jwks", input: {}, criticality: "critical" });
      const jwks = (output as { keys: readonly Jwk[] }).keys;
      // The verifier remembers tokens by the key's identity: a key that stays must stay the same object.
      keys = new Map(jwks.map((jwk) => [jwk.kid, keys.get(jwk.kid) ?? jwk]));
      learnedAt = clock.monotonicMs();
    } catch (error) {
      failedAt = clock.monotonicMs();
      throw error;
    }
  };
  /** Asks once, however many want to know. */
  const learn = (): Promise<void> => (asking ??= ask().finally(() => (asking = undefined)));
  /** What was asked for before may have been answered before the key was made: then it is asked for once more. */
  const learnFor = async (token: string): Promise<Verification> => {
    const isLate = asking !== undefined;
    await learn();
    const verification = verifier.verify(token);
    if (verification.ok || verification.reason !== "unknown-key" || !isLate || !mayLearn()) return verification;
    await learn();
    return verifier.verify(token);
  };
  const learnMeanwhile = (): void => {
    if (clock.monotonicMs() - failedAt < RETRY_MS) return;
    learn().catch((error: unknown) =>
      log.warn("The keys of tokens could not be asked for; the old ones count.", { error }),
    );
  };
  const verifier = new TokenVerifier({
    clock,
    crypto,
    ...TOKENS,
    typ: "at+jwt",
    lifeMaxSeconds: LIFE_MAX_SECONDS,
    keyOf: (kid) => keys.get(kid),
  });
  return (token) => {
    const ageMs = clock.monotonicMs() - learnedAt;
    if (ageMs < KEYS_AGE_MAX_MS) {
      const verification = verifier.verify(token);
      if (verification.ok && ageMs >= KEYS_AGE_MS) learnMeanwhile();
      // Only a key that is not known may be known to auth by now.
      if (verification.ok || verification.reason !== "unknown-key" || !mayLearn())
        return bearerOf(verification, revocations);
    }
    return learnFor(token).then((verification) => bearerOf(verification, revocations));
  };
}

/** Whom a token is of, unless its session, or the token itself, was revoked. */
function bearerOf(verification: Verification, revocations: Revocations | undefined): Identity | undefined {
  if (!verification.ok) return undefined;
  const { sid, jti } = verification.claims;
  if (typeof sid === "string" && revocations?.isRevoked(`session/${sid}`)) return undefined;
  if (revocations?.isRevoked(`token/${jti}`)) return undefined;
  return identityOf(verification.claims);
}

function identityOf(claims: Readonly<Record<string, unknown>>): Identity {
  const { sub, sid, roles, guest } = claims;
  return {
    subject: String(sub),
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [],
    guest: guest === true,
    ...(typeof sid === "string" ? { session: sid } : {}),
  };
}

function apiKeyJudge(host: Host): Authenticate {
  const cache = new TtlCache<Identity | "unknown">({
    clock: host.world.clock,
    maxAgeMs: API_KEY_AGE_MS,
    entriesMax: 10_000,
  });
  const resolve = async (key: string): Promise<Identity | "unknown"> => {
    try {
      const { output } = await host.invoke({
        service: "auth",
        operation: "resolveApiKey",
        input: { key },
        criticality: "critical",
      });
      const { subject, roles } = output as { subject: string; roles: readonly string[] };
      return { subject, roles, guest: false };
    } catch (error) {
      // A key that is not one is remembered too; that auth cannot be asked is not an answer.
      if (isFault(error) && (error.kind === "denied" || error.kind === "invalid" || error.kind === "missing"))
        return "unknown";
      throw error;
    }
  };
  return async (key) => {
    const identity = await cache.get(key, () => resolve(key));
    return identity === "unknown" ? undefined : identity;
  };
}
