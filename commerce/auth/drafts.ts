/**
 * Sessions in two steps. The transaction commits a *draft*: what the tokens will say, without a signature, so that the
 * recorded answer of a command holds nothing that opens anything. After the commit, the draft is completed: Ed25519
 * and HMAC give the same bytes each time, so a repeated request gets the very same tokens.
 *
 * A draft may also be a *refusal*: what must be remembered although the call fails (a wrong password, a stolen refresh
 * token) is committed with it, and the fault is thrown when it is completed. A fault thrown in the transaction would
 * have rolled the memory back.
 */
import { signToken } from "@isomer/kernel/security";
import type { TokenClaims } from "@isomer/kernel/security";
import type { Reading } from "./context.ts";
import { BadToken, type Role, type Session, WrongCredentials } from "./contract.ts";
import { refreshName } from "./derived.ts";
import { ACCESS_TOKEN, readDeriver, readKeys } from "./keyring.ts";
import { livesOf, partiesOf, type Settings } from "./settings.ts";

/** Nobody: whose session a refused one would have been. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

type Claims = TokenClaims & {
  readonly client_id: string;
  readonly sid?: string;
  readonly roles: Role[];
  readonly guest: boolean;
};

/** What a committed session holds in place of its access token, as JSON. */
type Draft =
  | {
      readonly kid: string;
      readonly claims: Claims;
      readonly refresh?: { readonly sessionId: string; readonly generation: number };
    }
  | { readonly refused: Refusal };

/** Why there is no session. */
export type Refusal = "credentials" | "token";

/** Who a session is for. */
export interface Holder {
  readonly subject: string;
  readonly roles: Role[];
  readonly guest: boolean;
  readonly session?: { readonly sessionId: string; readonly generation: number };
}

/** What else a draft says. */
export interface DraftOptions {
  readonly settings: Settings;
  readonly kid: string;
  /** The id of the token. */
  readonly jti: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A session that is still to be signed. */
export function draftSession(holder: Holder, { settings, kid, jti, now }: DraftOptions): Session {
  const { subject, roles, guest, session } = holder;
  const { issuer, audience } = partiesOf(settings);
  const { accessSeconds, guestSeconds } = livesOf(settings);
  const lifeSeconds = guest ? guestSeconds : accessSeconds;
  const iat = Math.floor(now / 1_000);
  const claims: Claims = {
    iss: issuer,
    aud: audience,
    sub: subject,
    client_id: issuer,
    jti,
    iat,
    exp: iat + lifeSeconds,
    ...(session === undefined ? {} : { sid: session.sessionId }),
    roles,
    guest,
  };
  const draft: Draft = { kid, claims, ...(session === undefined ? {} : { refresh: session }) };
  return {
    userId: subject,
    accessToken: JSON.stringify(draft),
    tokenType: "Bearer",
    expiresInSeconds: lifeSeconds,
    roles,
  };
}

/** A session that there will not be: completing it throws. */
export function draftRefusal(refused: Refusal): Session {
  const draft: Draft = { refused };
  return { userId: NOBODY, accessToken: JSON.stringify(draft), tokenType: "Bearer", expiresInSeconds: 0, roles: [] };
}

/**
 * Signs a committed draft.
 * @throws {WrongCredentials}, {@link BadToken} for a refusal; {@link BadToken} for a repetition so late that its key is gone.
 */
export async function completeSession(committed: Session, ctx: Reading): Promise<Session> {
  const draft = JSON.parse(committed.accessToken) as Draft;
  if ("refused" in draft) throw draft.refused === "credentials" ? WrongCredentials.with({}) : BadToken.with({});
  const { keys, derive } = await ctx.read(async (db) => ({
    keys: await readKeys(db),
    derive: await readDeriver(db, ctx),
  }));
  const key = keys.find(({ kid }) => kid === draft.kid);
  if (key === undefined) throw BadToken.with({});
  const accessToken = signToken({ crypto: ctx.crypto, key, typ: ACCESS_TOKEN, claims: draft.claims });
  if (draft.refresh === undefined || derive === undefined) return { ...committed, accessToken };
  const { sessionId, generation } = draft.refresh;
  return { ...committed, accessToken, refreshToken: derive.make("refresh", refreshName(sessionId, generation)) };
}
