/** Accounts: how they are made, and the mails that prove whose they are. */
import { passwordProblem, passwords } from "@isomer/kernel/security";
import type { Identity } from "@isomer/kernel/contract";
import { normaliseEmail } from "../shared/mod.ts";
import type { Ctx, Tx } from "./context.ts";
import { AddressTaken, BadToken, CommonPassword, NoAccount, type Role, auth } from "./contract.ts";
import { readDeriver, ensureDeriver } from "./keyring.ts";
import { LINK_LIFE_MS, type Purpose } from "./settings.ts";
import {
  accountByEmail,
  accountById,
  addAccount,
  addLink,
  clearThrottle,
  linkById,
  revokeSessions,
  setPassword,
  setRoles,
  setVerified,
  useLink,
  voidLinks,
} from "./store.ts";
import { MAIL_THROTTLE, mayNow } from "./throttling.ts";

const DONE = { done: true } as const;

/** A new account as it is asked for. */
export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
}

/** The throttle of an account's passwords. By address, so that accounts that do not exist have one too. */
export function accountKey(email: string): string {
  return `account:${email}`;
}

/** The user id of an account's holder, if the caller is one. */
export function userOf(identity: Identity | undefined): string | undefined {
  return identity === undefined || identity.guest ? undefined : identity.subject;
}

/** @throws {CommonPassword}; lengths are the schema's. */
export function refuseCommon(password: string): void {
  if (passwordProblem(password) !== undefined) throw CommonPassword.with({});
}

async function insert(
  tx: Tx,
  ctx: Ctx,
  account: { email: string; hash: string; name: string; roles: Role[]; verified: boolean },
) {
  const userId = ctx.ids.next();
  const now = ctx.now();
  const added = await tx.run(addAccount, {
    user_id: userId,
    email: account.email,
    password_hash: account.hash,
    name: account.name,
    roles: JSON.stringify(account.roles),
    verified: Number(account.verified),
    created_at: now,
    updated_at: now,
  });
  if (added === 0) return undefined;
  const { email, name } = account;
  await tx.emit(auth.events.userRegistered, { userId, email, ...(name === "" ? {} : { name }) });
  return userId;
}

/** Makes a link for a mail; links for the same purpose that were sent before stop working. */
async function link(tx: Tx, ctx: Ctx, userId: string, purpose: Purpose): Promise<string> {
  const now = ctx.now();
  const linkId = ctx.ids.next();
  await ensureDeriver(tx, ctx);
  await tx.run(voidLinks, { userId, purpose, now });
  await tx.run(addLink, {
    link_id: linkId,
    purpose,
    user_id: userId,
    created_at: now,
    expires_at: now + LINK_LIFE_MS[purpose],
    used_at: null,
  });
  return linkId;
}

/** Does the same work and answers alike, whether the address is taken or not; its owner learns of it by mail. */
export async function register({ email: given, password, name = "" }: NewAccount, ctx: Ctx) {
  refuseCommon(password);
  const email = normaliseEmail(given);
  const hash = await passwords(ctx).hash(password);
  return ctx.transaction(async (tx) => {
    const userId = await insert(tx, ctx, { email, hash, name, roles: ["customer"], verified: false });
    if (userId === undefined) {
      const owner = await tx.first(accountByEmail, { email });
      const key = `notice:${email}`;
      if (owner !== undefined && (await mayNow(tx, { key, policy: MAIL_THROTTLE }, ctx.now()))) {
        await tx.emit(auth.events.registrationRepeated, { userId: owner.user_id, email });
      }
    } else {
      const linkId = await link(tx, ctx, userId, "verify-email");
      await tx.emit(auth.events.emailVerificationRequested, { userId, email, linkId });
    }
    return { accepted: true as const };
  });
}

/** Makes an account for somebody. */
export async function createUser(
  { email: given, password, name = "", roles }: NewAccount & { roles: Role[] },
  ctx: Ctx,
) {
  refuseCommon(password);
  const email = normaliseEmail(given);
  const hash = await passwords(ctx).hash(password);
  return ctx.transaction(async (tx) => {
    const userId = await insert(tx, ctx, { email, hash, name, roles, verified: true });
    if (userId === undefined) throw AddressTaken.with({ email });
    await tx.emit(auth.events.rolesChanged, { userId, roles, by: ctx.identity?.subject ?? "system" });
    return { userId };
  });
}

/** Sends another mail to confirm the caller's address, if it needs one and none was sent just now. */
export function requestEmailVerification(_: unknown, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const account = await tx.first(accountById, { userId: userOf(ctx.identity) ?? "" });
    if (account !== undefined && account.verified === 0) {
      const { user_id: userId, email } = account;
      if (await mayNow(tx, { key: `verify:${email}`, policy: MAIL_THROTTLE }, ctx.now())) {
        const linkId = await link(tx, ctx, userId, "verify-email");
        await tx.emit(auth.events.emailVerificationRequested, { userId, email, linkId });
      }
    }
    return DONE;
  });
}

/** Sends a mail to set a new password, if there is such an account. The answer does not tell. */
export function requestPasswordReset({ email: given }: { email: string }, ctx: Ctx) {
  const email = normaliseEmail(given);
  return ctx.transaction(async (tx) => {
    const account = await tx.first(accountByEmail, { email });
    const may = await mayNow(tx, { key: `reset:${email}`, policy: MAIL_THROTTLE }, ctx.now());
    if (account !== undefined && may) {
      const linkId = await link(tx, ctx, account.user_id, "reset-password");
      await tx.emit(auth.events.passwordResetRequested, { userId: account.user_id, email, linkId });
    }
    return DONE;
  });
}

/** The id of the link that a token is of. @throws {BadToken} */
async function linkOf(token: string, ctx: Ctx): Promise<string> {
  const linkId = (await ctx.read((db) => readDeriver(db, ctx)))?.read("link", token);
  if (linkId === undefined) throw BadToken.with({});
  return linkId;
}

/** Uses a link up, once. @throws {BadToken} when it is expired, used, or for something else. */
async function follow(tx: Tx, linkId: string, purpose: Purpose, now: number): Promise<string> {
  if ((await tx.run(useLink, { linkId, purpose, now })) === 0) throw BadToken.with({});
  const used = await tx.first(linkById, { linkId });
  if (used === undefined) throw BadToken.with({});
  return used.user_id;
}

/** Confirms an address. */
export async function verifyEmail({ token }: { token: string }, ctx: Ctx) {
  const linkId = await linkOf(token, ctx);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const userId = await follow(tx, linkId, "verify-email", now);
    await tx.run(setVerified, { userId, now });
    await tx.emit(auth.events.emailVerified, { userId });
    return DONE;
  });
}

/** Sets a new password by the link of a mail. Who reads the mail owns the address, so it is confirmed as well. */
export async function resetPassword({ token, password }: { token: string; password: string }, ctx: Ctx) {
  refuseCommon(password);
  const linkId = await linkOf(token, ctx);
  const known = await ctx.read((db) => db.first(linkById, { linkId }));
  // Hashing is dear: a link that is no good must not cost it.
  if (known === undefined || known.used_at !== null || known.expires_at <= ctx.now()) throw BadToken.with({});
  const hash = await passwords(ctx).hash(password);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const userId = await follow(tx, linkId, "reset-password", now);
    const account = await tx.first(accountById, { userId });
    if (account === undefined) throw BadToken.with({});
    await tx.run(setPassword, { userId, hash, now });
    await tx.run(setVerified, { userId, now });
    await tx.run(clearThrottle, { key: accountKey(account.email) });
    await tx.run(revokeSessions, { userId, except: "", reason: "password reset", now });
    await tx.emit(auth.events.passwordChanged, { userId, email: account.email });
    return DONE;
  });
}

/** Sets somebody's roles. Access tokens that are out keep the old ones until they expire. */
export function changeRoles({ userId, roles }: { userId: string; roles: Role[] }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const changed = await tx.run(setRoles, { userId, roles: JSON.stringify(roles), now: ctx.now() });
    if (changed === 0) throw NoAccount.with({ what: `account ${userId}` });
    await tx.emit(auth.events.rolesChanged, { userId, roles, by: ctx.identity?.subject ?? "system" });
    return { userId, roles };
  });
}
