/** Sessions: signing in, staying signed in, and the end of it. */
import { ACCOUNT_THROTTLE, ADDRESS_THROTTLE, passwords, rotateRefresh } from "@isomer/kernel/security";
import { normaliseEmail } from "../shared/mod.ts";
import { accountKey, refuseCommon, userOf } from "./accounts.ts";
import type { Ctx, Tx } from "./context.ts";
import { BadToken, NoAccount, type Role, type Session, WrongCredentials, auth } from "./contract.ts";
import { readRefreshName } from "./derived.ts";
import { draftRefusal, draftSession, type Holder } from "./drafts.ts";
import { ensureDeriver, readDeriver, signingKid } from "./keyring.ts";
import { sessionsOf } from "./settings.ts";
import {
  type Tables,
  accountByEmail,
  accountById,
  addSession,
  clearThrottle,
  revokeSession,
  revokeSessions,
  rotateSession,
  sessionById,
  setPassword,
} from "./store.ts";
import { noteFailure, requireUnblocked } from "./throttling.ts";

const DONE = { done: true } as const;
type Account = Tables["account"];

const rolesIn = (account: Account): Role[] => JSON.parse(account.roles) as Role[];

async function drafted(tx: Tx, ctx: Ctx, holder: Holder): Promise<Session> {
  const kid = await signingKid(tx, ctx);
  return draftSession(holder, { settings: ctx.settings, kid, jti: ctx.ids.next(), now: ctx.now() });
}

/** A guest: a subject of its own, and nothing to remember. */
export function guest(_: unknown, ctx: Ctx): Promise<Session> {
  return ctx.transaction((tx) => drafted(tx, ctx, { subject: ctx.ids.next(), roles: ["guest"], guest: true }));
}

async function open(tx: Tx, ctx: Ctx, account: Account): Promise<Session> {
  const now = ctx.now();
  const sessionId = ctx.ids.next();
  await ensureDeriver(tx, ctx);
  await tx.run(addSession, {
    session_id: sessionId,
    user_id: account.user_id,
    generation: 1,
    created_at: now,
    used_at: now,
    expires_at: now + sessionsOf(ctx.settings).idleMs,
    revoked_at: null,
    reason: null,
  });
  const session = { sessionId, generation: 1 };
  return drafted(tx, ctx, { subject: account.user_id, roles: rolesIn(account), guest: false, session });
}

/** What signing in takes. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** The client's network address, as the gateway knows it. */
  readonly address?: string;
}

/**
 * Signs in. An unknown account costs as much as a wrong password. Guesses that were made at once are judged one after
 * the other: those beyond the limit are refused even when they were right, so that racing gains nothing.
 */
export async function login({ email: given, password, address }: Credentials, ctx: Ctx): Promise<Session> {
  const email = normaliseEmail(given);
  const rows = [{ key: accountKey(email), policy: ACCOUNT_THROTTLE }];
  if (address !== undefined) rows.push({ key: `address:${address}`, policy: ADDRESS_THROTTLE });
  const known = await ctx.read(async (db) => {
    await requireUnblocked(db, rows, ctx.now());
    return db.first(accountByEmail, { email });
  });
  const hashing = passwords(ctx);
  const isRight = await hashing.verify(password, known?.password_hash);
  const better =
    isRight && known !== undefined && hashing.needsRehash(known.password_hash)
      ? await hashing.hash(password)
      : undefined;
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    await requireUnblocked(tx, rows, now);
    const account = await tx.first(accountByEmail, { email });
    const isCurrent = isRight && account !== undefined && account.password_hash === known?.password_hash;
    if (!isCurrent || (account.verified === 0 && ctx.settings.requireVerifiedEmail === true)) {
      for (const row of rows) await noteFailure(tx, row, now);
      if (account !== undefined) {
        const reason = isCurrent ? "address not confirmed" : "wrong password";
        await tx.emit(auth.events.loginFailed, { userId: account.user_id, reason });
      }
      return draftRefusal("credentials");
    }
    await tx.run(clearThrottle, { key: accountKey(email) });
    if (better !== undefined) await tx.run(setPassword, { userId: account.user_id, hash: better, now });
    return open(tx, ctx, account);
  });
}

/**
 * Exchanges a refresh token for the next one. A used one that turns up again ends the session: the end is committed,
 * and the refusal comes after.
 */
export async function refresh({ refreshToken }: { refreshToken: string }, ctx: Ctx): Promise<Session> {
  const name = (await ctx.read((db) => readDeriver(db, ctx)))?.read("refresh", refreshToken);
  if (name === undefined) throw BadToken.with({});
  const { sessionId, generation } = readRefreshName(name);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const row = await tx.first(sessionById, { sessionId });
    const outcome = rotateRefresh(recordOf(row, generation), row?.created_at ?? 0, now, sessionsOf(ctx.settings));
    if (outcome.kind === "refuse") return draftRefusal("token");
    const userId = outcome.subject;
    const account = outcome.kind === "rotate" ? await tx.first(accountById, { userId }) : undefined;
    if (outcome.kind === "reuse" || account === undefined) {
      await endSession(tx, { sessionId, userId, reason: "a refresh token was used twice", now });
      return draftRefusal("token");
    }
    await tx.run(rotateSession, { sessionId, generation, expiresAt: outcome.expiresAt, now });
    const session = { sessionId, generation: generation + 1 };
    return drafted(tx, ctx, { subject: userId, roles: rolesIn(account), guest: false, session });
  });
}

/** The record of one generation of a session's tokens. One that was never given out is unknown. */
function recordOf(row: Tables["session"] | undefined, generation: number) {
  if (row === undefined || generation > row.generation) return undefined;
  return {
    digest: "",
    family: row.session_id,
    subject: row.user_id,
    expiresAt: row.expires_at,
    usedAt: generation === row.generation ? undefined : row.used_at,
    revokedAt: row.revoked_at ?? undefined,
  };
}

async function endSession(
  tx: Tx,
  ending: { sessionId: string; userId: string; reason: string; now: number },
): Promise<void> {
  const ended = await tx.run(revokeSession, ending);
  if (ended > 0) await tx.emit(auth.events.sessionRevoked, { userId: ending.userId, reason: ending.reason });
}

/** Ends the session of a refresh token. Whoever has none that is good is signed out already. */
export async function logout({ refreshToken }: { refreshToken: string }, ctx: Ctx) {
  const name = (await ctx.read((db) => readDeriver(db, ctx)))?.read("refresh", refreshToken);
  return ctx.transaction(async (tx) => {
    const { sessionId } = readRefreshName(name ?? "");
    const row = await tx.first(sessionById, { sessionId });
    if (row !== undefined)
      await endSession(tx, { sessionId, userId: row.user_id, reason: "signed out", now: ctx.now() });
    return DONE;
  });
}

/** Ends one of the caller's sessions. Another's is none of the caller's, and stays. */
export function revokeMine({ sessionId }: { sessionId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const userId = userOf(ctx.identity) ?? "";
    await endSession(tx, { sessionId, userId, reason: "ended by its user", now: ctx.now() });
    return DONE;
  });
}

/** Ends all of somebody's sessions. */
export function revokeAll({ userId }: { userId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    if ((await tx.first(accountById, { userId })) === undefined) throw NoAccount.with({ what: `account ${userId}` });
    const reason = "ended by the shop";
    const ended = await tx.run(revokeSessions, { userId, except: "", reason, now: ctx.now() });
    if (ended > 0) await tx.emit(auth.events.sessionRevoked, { userId, reason });
    return DONE;
  });
}

/** Changes the caller's password, and ends the other sessions. A wrong guess counts like one at the door. */
export async function changePassword({ current, next }: { current: string; next: string }, ctx: Ctx) {
  refuseCommon(next);
  const userId = userOf(ctx.identity) ?? "";
  const account = await ctx.read((db) => db.first(accountById, { userId }));
  if (account === undefined) throw WrongCredentials.with({});
  const row = { key: accountKey(account.email), policy: ACCOUNT_THROTTLE };
  await ctx.read((db) => requireUnblocked(db, [row], ctx.now()));
  const hashing = passwords(ctx);
  const isRight = await hashing.verify(current, account.password_hash);
  const hash = isRight ? await hashing.hash(next) : "";
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    await requireUnblocked(tx, [row], now);
    const latest = await tx.first(accountById, { userId });
    if (!isRight || latest?.password_hash !== account.password_hash) {
      await noteFailure(tx, row, now);
      return { done: false };
    }
    await tx.run(setPassword, { userId, hash, now });
    await tx.run(clearThrottle, { key: row.key });
    await tx.run(revokeSessions, { userId, except: ctx.identity?.session ?? "", reason: "password changed", now });
    await tx.emit(auth.events.passwordChanged, { userId, email: account.email });
    return { done: true };
  });
}
