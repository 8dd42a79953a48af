/**
 * What travels with a call to say who the user is. A token that came in goes out again as it was, for as long as it is
 * good; a gateway makes one; all else is asserted, and gives no right. Remembered by the identity object that the runtime
 * hands from call to call: nothing outlives the process.
 */
import type { Identity } from "../contract/mod.ts";
import { type Transaction, type TransactionIssuer, writeAssertion } from "../security/mod.ts";
import type { Clock } from "../std/mod.ts";

/** What {@link UserTokens} are made of. */
export interface UserTokensOptions {
  readonly clock: Pick<Clock, "now">;
  /** Makes tokens for identities that came in here: in a process that is a gateway, and in no other. */
  readonly issuer?: Pick<TransactionIssuer, "issue"> | undefined;
}

interface Kept {
  readonly token: string;
  readonly expiresAt: number;
}

/** The tokens of the users behind the calls of this process. */
export class UserTokens {
  readonly #options: UserTokensOptions;
  readonly #kept = new WeakMap<Identity, Kept>();

  constructor(options: UserTokensOptions) {
    this.#options = options;
  }

  /** Remembers the token that an identity came from. */
  keep({ identity, expiresAt }: Transaction, token: string): void {
    if (!this.#kept.has(identity)) this.#kept.set(identity, { token, expiresAt });
  }

  /** What to send for an identity, as `userToken` of the wire. Never logged. */
  of(identity: Identity | undefined): string | undefined {
    if (identity === undefined) return undefined;
    if (identity.asserted === true) return writeAssertion(identity);
    const { clock, issuer } = this.#options;
    const kept = this.#kept.get(identity);
    if (kept === undefined) return issuer === undefined ? writeAssertion(identity) : issuer.issue(identity);
    return clock.now() < kept.expiresAt ? kept.token : writeAssertion(identity);
  }
}
