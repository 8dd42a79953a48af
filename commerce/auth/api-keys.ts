/** API keys: for programs of the shop's own people. */
import { tokenDigest } from "@isomer/kernel/security";
import { toInstant } from "@isomer/kernel/std";
import type { Ctx, Reading } from "./context.ts";
import { BadToken, NoAccount, type Role } from "./contract.ts";
import { ensureDeriver, readDeriver } from "./keyring.ts";
import { addApiKey, apiKeyById, apiKeys, revokeApiKey } from "./store.ts";

/** Makes a key. The committed answer does not hold it; {@link completeApiKey} puts it in. */
export function createApiKey({ name, roles }: { name: string; roles: Role[] }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const keyId = ctx.ids.next();
    const derive = await ensureDeriver(tx, ctx);
    await tx.run(addApiKey, {
      key_id: keyId,
      name,
      roles: JSON.stringify(roles),
      digest: tokenDigest(ctx.crypto, derive.make("api-key", keyId)),
      created_by: ctx.identity?.subject ?? "system",
      created_at: ctx.now(),
      revoked_at: null,
    });
    return { keyId, key: "" };
  });
}

/** Puts the key into the committed answer. */
export async function completeApiKey({ keyId }: { keyId: string }, ctx: Reading) {
  const derive = await ctx.read((db) => readDeriver(db, ctx));
  if (derive === undefined) throw BadToken.with({});
  return { keyId, key: derive.make("api-key", keyId) };
}

/** Revokes a key, at once. */
export function dropApiKey({ keyId }: { keyId: string }, ctx: Ctx) {
  return ctx.transaction(async (tx) => {
    const found = await tx.run(revokeApiKey, { keyId, now: ctx.now() });
    if (found === 0) throw NoAccount.with({ what: `API key ${keyId}` });
    return { done: true as const };
  });
}

/** Who a key is of. Looked up by the id in it, and compared by digest, so that a new pepper leaves keys good. */
export async function resolveApiKey({ key }: { key: string }, ctx: Reading) {
  const keyId = /^isk_([0-9a-f-]{36})\./.exec(key)?.[1];
  const row = keyId === undefined ? undefined : await ctx.read((db) => db.first(apiKeyById, { keyId }));
  if (row === undefined || row.revoked_at !== null || row.digest !== tokenDigest(ctx.crypto, key))
    throw BadToken.with({});
  return { subject: `key:${row.key_id}`, roles: JSON.parse(row.roles) as Role[] };
}

/** All keys, without what makes them keys. */
export async function listApiKeys(_: unknown, ctx: Reading) {
  const rows = await ctx.read((db) => db.all(apiKeys, {}));
  return {
    items: rows.map((row) => ({
      keyId: row.key_id,
      name: row.name,
      roles: JSON.parse(row.roles) as Role[],
      createdAt: toInstant(row.created_at),
      revoked: row.revoked_at !== null,
    })),
  };
}
