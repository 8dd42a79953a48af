/** The keys of auth, as the database has them. */
import type { Context, Tx } from "./context.ts";
import {
  type KeyRecord,
  type PrivateKeyJwk,
  currentKey,
  keysOf,
  planRotation,
  publicKeys,
  toBase64Url,
  verifyToken,
} from "@isomer/kernel/security";
import type { Reader } from "@isomer/kernel/store";
import { type Deriver, deriver } from "./derived.ts";
import { rotationOf, rulesOf } from "./settings.ts";
import { type Tables, addSecret, addSigningKey, dropSigningKey, secretByName, signingKeys } from "./store.ts";

const SECRET = "tokens";
const SECRET_BYTES = 32;

/** The kind of our access tokens (RFC 9068). */
export const ACCESS_TOKEN = "at+jwt";

/** All signing keys. */
export async function readKeys(db: Reader<Tables>): Promise<readonly KeyRecord[]> {
  return (await db.all(signingKeys, {})).map((row) => ({
    kid: row.kid,
    privateKey: JSON.parse(row.private_jwk) as PrivateKeyJwk,
    activeFrom: row.active_from,
  }));
}

/** Adds and removes keys as rotation asks, and resolves to all that there are then. */
export async function rotate(tx: Tx, ctx: Context): Promise<readonly KeyRecord[]> {
  const known = await readKeys(tx);
  const { add, remove } = planRotation(known, ctx.now(), rotationOf(ctx.settings), ctx.crypto);
  for (const { kid, privateKey, activeFrom } of add) {
    await tx.run(addSigningKey, { kid, private_jwk: JSON.stringify(privateKey), active_from: activeFrom });
  }
  for (const kid of remove) await tx.run(dropSigningKey, { kid });
  return add.length + remove.length === 0 ? known : readKeys(tx);
}

/** The id of the key that signs now; the first one is made here. */
export async function signingKid(tx: Tx, ctx: Context): Promise<string> {
  const key = currentKey(await readKeys(tx), ctx.now()) ?? currentKey(await rotate(tx, ctx), ctx.now());
  if (key === undefined) throw new TypeError("Rotation left no key to sign with.");
  return key.kid;
}

/** The deriver of secrets; its key is made at the first use. */
export async function ensureDeriver(tx: Tx, ctx: Context): Promise<Deriver> {
  const known = await readDeriver(tx, ctx);
  if (known !== undefined) return known;
  const value = toBase64Url(ctx.random.bytes(SECRET_BYTES));
  await tx.run(addSecret, { name: SECRET, value, created_at: ctx.now() });
  return deriver(ctx.crypto, value, ctx.settings.pepper);
}

/** The deriver of secrets, if one was ever needed. */
export async function readDeriver(db: Reader<Tables>, ctx: Context): Promise<Deriver | undefined> {
  const row = await db.first(secretByName, { name: SECRET });
  return row === undefined ? undefined : deriver(ctx.crypto, row.value, ctx.settings.pepper);
}

/** The key set that others verify with. */
export async function published(db: Reader<Tables>, ctx: Context) {
  return publicKeys(await readKeys(db), ctx.now(), rotationOf(ctx.settings));
}

/** Whose access token this is, or undefined when it is not good. */
export async function holderOf(db: Reader<Tables>, ctx: Context, token: string) {
  const keyOf = keysOf(await published(db, ctx));
  const rules = { ...rulesOf(ctx.settings), crypto: ctx.crypto, typ: ACCESS_TOKEN, keyOf };
  const verified = verifyToken(token, ctx.now(), rules);
  if (!verified.ok) return undefined;
  return { subject: verified.claims.sub, guest: verified.claims["guest"] === true };
}
