/**
 * Verifies tokens with a memory of the good ones: a signature costs about 150 µs to check, and a client shows the same
 * token with every request. The memory is bounded, and holds only tokens that were good; whether the token's time is
 * over, and whether its key still counts, is asked each time. Nothing outlives the process.
 */
import type { Clock } from "../std/mod.ts";
import { type TokenClaims, checkClaims, isExpired } from "./claims.ts";
import type { PublicKeyJwk } from "./crypto.ts";
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
  readonly #generationMax: number;
  /**
   * Two generations instead of an ordered list: a token that is used again moves to the young one, and the old one
   * is dropped whole. A hit costs one look-up.
   */
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#generationMax = Math.max(1, Math.floor((options.rememberedMax ?? 4_096) / 2));
  }

  /** How many tokens are remembered. */
  get remembered(): number {
    return this.#young.size + this.#old.size;
  }

  /** Checks a token. The claims are frozen, because they may be shared with other requests. */
  verify(token: string): Verification {
    const now = this.#options.clock.now();
    const known = this.#find(token);
    if (known !== undefined && this.#options.keyOf(known.kid) === known.key) {
      return isExpired(known.exp, now) ? EXPIRED : known.verification;
    }
    const opened = openToken(token, this.#options);
    if (typeof opened === "string") return { ok: false, reason: opened };
    const problem = checkClaims(opened.claims, now, this.#options);
    if (problem !== undefined) return { ok: false, reason: problem };
    const claims = freeze(opened.claims) as unknown as TokenClaims;
    const verification: Verification = { ok: true, claims };
    this.#remember(token, { kid: opened.kid, key: opened.key, exp: claims.exp, verification });
    return verification;
  }

  #find(token: string): Remembered | undefined {
    const young = this.#young.get(token);
    if (young !== undefined) return young;
    const old = this.#old.get(token);
    if (old !== undefined) {
      this.#old.delete(token);
      this.#remember(token, old);
    }
    return old;
  }

  #remember(token: string, remembered: Remembered): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(token, remembered);
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
