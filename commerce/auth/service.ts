/**
 * auth, as it runs.
 *
 * Across a crash: a session, its key and its draft are committed together, and completing a draft changes nothing, so
 * an answer that was lost is made again by repeating the request. What must be remembered of a refused call (wrong
 * passwords, stolen tokens) is committed before the refusal.
 */
import { type Job, implement, subscribe } from "@isomer/kernel/runtime";
import { toInstant } from "@isomer/kernel/std";
import { PAGE_LIMIT, decodeCursor, normaliseEmail, pageFrom } from "../shared/mod.ts";
import { users } from "../users/contract.ts";
import {
  changeRoles,
  createUser,
  register,
  requestEmailVerification,
  requestPasswordReset,
  resetPassword,
  userOf,
  verifyEmail,
} from "./accounts.ts";
import { completeApiKey, createApiKey, dropApiKey, listApiKeys, resolveApiKey } from "./api-keys.ts";
import type { Reading } from "./context.ts";
import { BadToken, type Role, WrongCredentials, auth } from "./contract.ts";
import { completeSession } from "./drafts.ts";
import { holderOf, published, readDeriver, rotate } from "./keyring.ts";
import { tellAgain, tellSoon } from "./revoked.ts";
import { changePassword, guest, login, logout, refresh, revokeAll, revokeMine } from "./sessions.ts";
import { Settings } from "./settings.ts";
import {
  type Tables,
  accountByEmail,
  accountById,
  accountsBefore,
  clearThrottle,
  dropAccount,
  dropLinks,
  dropSessions,
  linkById,
  pruneLinks,
  pruneSessions,
  pruneThrottles,
  sessionsOfUser,
} from "./store.ts";

const DAY_MS = 86_400_000;
/** No user id sorts after it. */
const LAST = "~";

async function listAccounts(
  { email, cursor, limit = PAGE_LIMIT }: { email?: string; cursor?: string; limit?: number },
  ctx: Reading,
) {
  const [before] = cursor === undefined ? [LAST] : decodeCursor(cursor, ["string"]);
  const rows = await ctx.read((db) =>
    email === undefined
      ? db.all(accountsBefore, { before, limit: limit + 1 })
      : db.all(accountByEmail, { email: normaliseEmail(email) }),
  );
  const page = pageFrom(rows, limit, (row) => [row.user_id]);
  const items = page.items.map((row) => ({
    userId: row.user_id,
    email: row.email,
    verified: row.verified === 1,
    roles: JSON.parse(row.roles) as Role[],
    createdAt: toInstant(row.created_at),
  }));
  return { ...page, items };
}

async function mySessions(_: unknown, ctx: Reading) {
  const userId = userOf(ctx.identity) ?? "";
  const rows = await ctx.read((db) => db.all(sessionsOfUser, { userId, now: ctx.now() }));
  return {
    items: rows.map((row) => ({
      sessionId: row.session_id,
      createdAt: toInstant(row.created_at),
      usedAt: toInstant(row.used_at),
      current: row.session_id === ctx.identity?.session,
    })),
  };
}

async function linkToken({ linkId }: { linkId: string }, ctx: Reading) {
  const { row, derive } = await ctx.read(async (db) => ({
    row: await db.first(linkById, { linkId }),
    derive: await readDeriver(db, ctx),
  }));
  if (row === undefined || derive === undefined || row.used_at !== null || row.expires_at <= ctx.now())
    throw BadToken.with({});
  return { token: derive.make("link", linkId) };
}

const rotateKeys: Job<Tables, never, Settings> = {
  name: "rotateKeys",
  everyMs: 60_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      await rotate(tx, ctx);
      return false;
    }),
};

const prune: Job<Tables, never, Settings> = {
  name: "prune",
  everyMs: 600_000,
  run: (ctx) =>
    ctx.transaction(async (tx) => {
      // A week later than they ended: repetitions of the requests that made them are answered until then.
      const before = ctx.now() - 7 * DAY_MS;
      await tx.run(pruneSessions, { before });
      await tx.run(pruneLinks, { before });
      // Forgotten after a day: guesses at made-up addresses must not fill the table.
      await tx.run(pruneThrottles, { before: ctx.now() - DAY_MS });
      return false;
    }),
};

export default implement<Tables>()(auth, {
  uses: [],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  settings: Settings,
  revokes: true,
  commands: {
    register,
    login,
    guest,
    refresh,
    logout,
    requestPasswordReset,
    resetPassword,
    changePassword,
    verifyEmail,
    requestEmailVerification,
    revokeSession: revokeMine,
    createUser,
    setRoles: changeRoles,
    revokeSessions: revokeAll,
    createApiKey,
    revokeApiKey: dropApiKey,
  },
  // What is committed of these is a draft: keys and refusals are applied to it when it is given out.
  incomplete: ["login", "guest", "refresh", "createApiKey", "changePassword"],
  after: {
    login: completeSession,
    guest: completeSession,
    async refresh(output, ctx) {
      return completeSession(await tellSoon(output, ctx), ctx);
    },
    logout: tellSoon,
    revokeSession: tellSoon,
    revokeSessions: tellSoon,
    resetPassword: tellSoon,
    createApiKey: completeApiKey,
    async changePassword(output, ctx) {
      await tellSoon(output, ctx);
      if (!output.done) throw WrongCredentials.with({});
      return output;
    },
  },
  queries: {
    jwks: async (_, ctx) => ({ keys: [...(await ctx.read((db) => published(db, ctx))).keys] }),
    identify: async ({ token }, ctx) => {
      const holder = await ctx.read((db) => holderOf(db, ctx, token));
      if (holder === undefined) throw BadToken.with({});
      return holder;
    },
    resolveApiKey,
    linkToken,
    sessions: mySessions,
    users: listAccounts,
    apiKeys: listApiKeys,
  },
  on: [
    subscribe<Tables, Settings>()(users.events.customerErased, async ({ data: { userId } }, tx) => {
      const account = await tx.first(accountById, { userId });
      if (account === undefined) return;
      for (const kind of ["account", "notice", "verify", "reset"])
        await tx.run(clearThrottle, { key: `${kind}:${account.email}` });
      await tx.run(dropSessions, { userId });
      await tx.run(dropLinks, { userId });
      await tx.run(dropAccount, { userId });
    }),
  ],
  jobs: [rotateKeys, prune, tellAgain],
});
