/**
 * Verifies tokens with a memory of the good ones: a signature costs about 150 µs to check, and a client shows the same
 * token with every request. The memory is bounded, and holds only tokens that were good; whether the token's time is
 * over, and whether its key still counts, is asked each time. Nothing outlives the process.
 */
import type { Clock } from "../std/mod.ts";
import { type TokenClaims, checkClaims, isExpired } from "./claims.ts";
import type { PublicKeyJwk } from "./crypto.ts";
import { RecentMap } from "./recent-map.ts";
import { type Verification, type VerifierOptions, openToken } from "./jwt.ts";

/** What a {@link TokenVerifier} is made of. */
export interface TokenVerifierOptions extends VerifierOptions {
  readonly clock: Clock;
  /** How many good tokens are remembered; 4,096 unless said, some 4 MB. */
  readonly rememberedMax?: number;
}

interface Remembered {
  readonly kid: string;
  readonly key: PublicKeyJwk;
  readonly exp: number;
  readonly verification: Verification;
}

/** Verifies the tokens of one kind. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #known: RecentMap<Remembered>;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#known = new RecentMap(options.rememberedMax ?? 4_096);
  }

  /** How many tokens are remembered. */
  get remembered(): number {
    return this.#known.size;
  }

  /** Checks a token. The claims are frozen, because they may be shared with other requests. */
  verify(token: string): Verification {
    const now = this.#options.clock.now();
    const known = this.#known.get(token);
    if (known !== undefined && this.#options.keyOf(known.kid) === known.key) {
      return isExpired(known.exp, now) ? EXPIRED : known.verification;
    }
    const opened = openToken(token, this.#options);
    if (typeof opened === "string") return { ok: false, reason: opened };
    const problem = checkClaims(opened.claims, now, this.#options);
    if (problem !== undefined) return { ok: false, reason: problem };
    const claims = freeze(opened.claims) as unknown as TokenClaims;
    const verification: Verification = { ok: true, claims };
    this.#known.set(token, { kid: opened.kid, key: opened.key, exp: claims.exp, verification });
    return verification;
  }
}

const EXPIRED: Verification = { ok: false, reason: "expired" };

/** Freezes a JSON value deeply. The token's length has bounded its depth. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) freeze(member);
    Object.freeze(value);
  }
  return value;
}
