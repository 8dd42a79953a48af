/** The tables of auth, and the statements over them. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  account: {
    user_id: string;
    email: string;
    password_hash: string;
    name: string;
    roles: string;
    verified: number;
    created_at: number;
    updated_at: number;
  };
  session: {
    session_id: string;
    user_id: string;
    generation: number;
    created_at: number;
    used_at: number;
    expires_at: number;
    revoked_at: number | null;
    reason: string | null;
  };
  link: {
    link_id: string;
    purpose: string;
    user_id: string;
    created_at: number;
    expires_at: number;
    used_at: number | null;
  };
  api_key: {
    key_id: string;
    name: string;
    roles: string;
    digest: string;
    created_by: string;
    created_at: number;
    revoked_at: number | null;
  };
  throttle: { throttle_key: string; failures: number; failed_at: number };
  signing_key: { kid: string; private_jwk: string; active_from: number };
  secret: { name: string; value: string; created_at: number };
}

const sql = statements<Tables>();

/** The account of an address, in its normal form. */
export const accountByEmail = sql((db, p: { email: string }) =>
  db.selectFrom("account").selectAll().where("email", "=", p.email),
);

/** An account. */
export const accountById = sql((db, p: { userId: string }) =>
  db.selectFrom("account").selectAll().where("user_id", "=", p.userId),
);

/** Accounts, newest first. */
export const accountsBefore = sql((db, p: { before: string; limit: number }) =>
  db.selectFrom("account").selectAll().where("user_id", "<", p.before).orderBy("user_id", "desc").limit(p.limit),
);

/** A new account; none when the address is taken. */
export const addAccount = sql((db, p: Tables["account"]) =>
  db
    .insertInto("account")
    .values(p)
    .onConflict((conflict) => conflict.column("email").doNothing()),
);

/** Sets the password. */
export const setPassword = sql((db, p: { userId: string; hash: string; now: number }) =>
  db.updateTable("account").set({ password_hash: p.hash, updated_at: p.now }).where("user_id", "=", p.userId),
);

/** Notes that the address is the account's owner's. */
export const setVerified = sql((db, p: { userId: string; now: number }) =>
  db.updateTable("account").set({ verified: 1, updated_at: p.now }).where("user_id", "=", p.userId),
);

/** Sets the roles. */
export const setRoles = sql((db, p: { userId: string; roles: string; now: number }) =>
  db.updateTable("account").set({ roles: p.roles, updated_at: p.now }).where("user_id", "=", p.userId),
);

/** Forgets an account. */
export const dropAccount = sql((db, p: { userId: string }) => db.deleteFrom("account").where("user_id", "=", p.userId));

/** A session. */
export const sessionById = sql((db, p: { sessionId: string }) =>
  db.selectFrom("session").selectAll().where("session_id", "=", p.sessionId),
);

/** The sessions of a user that are good, newest first. */
export const sessionsOfUser = sql((db, p: { userId: string; now: number }) =>
  db
    .selectFrom("session")
    .selectAll()
    .where("user_id", "=", p.userId)
    .where("revoked_at", "is", null)
    .where("expires_at", ">", p.now)
    .orderBy("created_at", "desc")
    .limit(100),
);

/** A new session. */
export const addSession = sql((db, p: Tables["session"]) => db.insertInto("session").values(p));

/** Moves a session on to its next refresh token, unless somebody did before. */
export const rotateSession = sql((db, p: { sessionId: string; generation: number; expiresAt: number; now: number }) =>
  db
    .updateTable("session")
    .set((eb) => ({ generation: eb("generation", "+", 1), used_at: p.now, expires_at: p.expiresAt }))
    .where("session_id", "=", p.sessionId)
    .where("generation", "=", p.generation)
    .where("revoked_at", "is", null),
);

/** Ends a session. */
export const revokeSession = sql((db, p: { sessionId: string; userId: string; reason: string; now: number }) =>
  db
    .updateTable("session")
    .set({ revoked_at: p.now, reason: p.reason })
    .where("session_id", "=", p.sessionId)
    .where("user_id", "=", p.userId)
    .where("revoked_at", "is", null),
);

/** Sessions that were ended after a moment, oldest first; those of that moment from a session on. */
export const revokedAfter = sql((db, p: { at: number; sessionId: string; limit: number }) =>
  db
    .selectFrom("session")
    .select(["session_id", "revoked_at"])
    .where("revoked_at", ">=", p.at)
    .where((eb) => eb.or([eb("revoked_at", ">", p.at), eb("session_id", ">", p.sessionId)]))
    .orderBy("revoked_at")
    .orderBy("session_id")
    .limit(p.limit),
);

/** Ends all sessions of a user but one. */
export const revokeSessions = sql((db, p: { userId: string; except: string; reason: string; now: number }) =>
  db
    .updateTable("session")
    .set({ revoked_at: p.now, reason: p.reason })
    .where("user_id", "=", p.userId)
    .where("session_id", "<>", p.except)
    .where("revoked_at", "is", null),
);

/** Forgets all sessions of a user. */
export const dropSessions = sql((db, p: { userId: string }) =>
  db.deleteFrom("session").where("user_id", "=", p.userId),
);

/** Forgets sessions that ended before a moment. */
export const pruneSessions = sql((db, p: { before: number }) =>
  db.deleteFrom("session").where("expires_at", "<", p.before),
);

/** A link. */
export const linkById = sql((db, p: { linkId: string }) =>
  db.selectFrom("link").selectAll().where("link_id", "=", p.linkId),
);

/** A new link. */
export const addLink = sql((db, p: Tables["link"]) => db.insertInto("link").values(p));

/** Uses a link up, if it is good. */
export const useLink = sql((db, p: { linkId: string; purpose: string; now: number }) =>
  db
    .updateTable("link")
    .set({ used_at: p.now })
    .where("link_id", "=", p.linkId)
    .where("purpose", "=", p.purpose)
    .where("used_at", "is", null)
    .where("expires_at", ">", p.now),
);

/** Uses up all links of a user for one purpose. */
export const voidLinks = sql((db, p: { userId: string; purpose: string; now: number }) =>
  db
    .updateTable("link")
    .set({ used_at: p.now })
    .where("user_id", "=", p.userId)
    .where("purpose", "=", p.purpose)
    .where("used_at", "is", null),
);

/** Forgets all links of a user. */
export const dropLinks = sql((db, p: { userId: string }) => db.deleteFrom("link").where("user_id", "=", p.userId));

/** Forgets links that ended before a moment. */
export const pruneLinks = sql((db, p: { before: number }) => db.deleteFrom("link").where("expires_at", "<", p.before));

/** An API key. */
export const apiKeyById = sql((db, p: { keyId: string }) =>
  db.selectFrom("api_key").selectAll().where("key_id", "=", p.keyId),
);

/** All API keys, newest first. */
export const apiKeys = sql((db, _: Record<never, never>) =>
  db.selectFrom("api_key").selectAll().orderBy("key_id", "desc").limit(1_000),
);

/** A new API key. */
export const addApiKey = sql((db, p: Tables["api_key"]) => db.insertInto("api_key").values(p));

/** Revokes an API key; one that was keeps its first time. */
export const revokeApiKey = sql((db, p: { keyId: string; now: number }) =>
  db
    .updateTable("api_key")
    .set((eb) => ({ revoked_at: eb.fn.coalesce("revoked_at", eb.val(p.now)) }))
    .where("key_id", "=", p.keyId),
);

/** What is remembered of failures. */
export const throttleOf = sql((db, p: { key: string }) =>
  db.selectFrom("throttle").selectAll().where("throttle_key", "=", p.key),
);

/** Remembers failures. */
export const putThrottle = sql((db, p: Tables["throttle"]) =>
  db
    .insertInto("throttle")
    .values(p)
    .onConflict((conflict) =>
      conflict.column("throttle_key").doUpdateSet((eb) => ({
        failures: eb.ref("excluded.failures"),
        failed_at: eb.ref("excluded.failed_at"),
      })),
    ),
);

/** Forgets failures. */
export const clearThrottle = sql((db, p: { key: string }) =>
  db.deleteFrom("throttle").where("throttle_key", "=", p.key),
);

/** Forgets failures from before a moment. */
export const pruneThrottles = sql((db, p: { before: number }) =>
  db.deleteFrom("throttle").where("failed_at", "<", p.before),
);

/** All signing keys. */
export const signingKeys = sql((db, _: Record<never, never>) =>
  db.selectFrom("signing_key").selectAll().orderBy("active_from"),
);

/** A new signing key. */
export const addSigningKey = sql((db, p: Tables["signing_key"]) =>
  db
    .insertInto("signing_key")
    .values(p)
    .onConflict((conflict) => conflict.column("kid").doNothing()),
);

/** Removes a signing key whose tokens have all expired. */
export const dropSigningKey = sql((db, p: { kid: string }) => db.deleteFrom("signing_key").where("kid", "=", p.kid));

/** A secret. */
export const secretByName = sql((db, p: { name: string }) =>
  db.selectFrom("secret").selectAll().where("name", "=", p.name),
);

/** A new secret; the first one stays. */
export const addSecret = sql((db, p: Tables["secret"]) =>
  db
    .insertInto("secret")
    .values(p)
    .onConflict((conflict) => conflict.column("name").doNothing()),
);
