/** users, as it runs. */
import { type CommandContext, type QueryContext, implement, subscribe } from "@isomer/kernel/runtime";
import type { Reader } from "@isomer/kernel/store";
import { toInstant } from "@isomer/kernel/std";
import type { OutputOf } from "@isomer/kernel/contract";
import { auth } from "../auth/contract.ts";
import { orders } from "../orders/contract.ts";
import { PAGE_LIMIT, PAGE_LIMIT_MAX, decodeCursor, normaliseEmail, pageFrom } from "../shared/mod.ts";
import { changeAddress, keepAddress } from "./addresses.ts";
import { Changed, NoProfile, type Preferences, type Profile, users } from "./contract.ts";
import {
  type Tables,
  addProfile,
  addressesOf,
  consentsOf,
  dropAddress,
  dropAddresses,
  eraseProfile,
  noteConsent,
  profileById,
  profilesBefore,
  profilesByEmail,
  setPreferences,
  setProfile,
  signUp,
} from "./store.ts";
import { addressView, blankProfile, preferencesOf, profileView } from "./views.ts";

type Ctx = CommandContext<Tables, "orders">;
type Reading = QueryContext<Tables, "orders">;

const ACCOUNT = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
/** No user id sorts after it: where a list from the newest starts. */
const LAST = "~";
const MARKETING = "marketing";

/** The caller's user id. @throws {NoProfile} for guests and for keys, which are nobody. */
export function memberOf({ identity }: Pick<Reading, "identity">): string {
  if (identity === undefined || identity.guest || !ACCOUNT.test(identity.subject)) throw NoProfile.with({});
  return identity.subject;
}

/**
 * The caller's profile. Sign-up is heard of a moment after it happened, so who asks at once gets a blank one.
 * @throws {NoProfile} when it was erased.
 */
async function profileOf(db: Reader<Tables>, userId: string, now: number): Promise<Tables["profile"]> {
  const row = (await db.first(profileById, { userId })) ?? blankProfile(userId, now);
  if (row.erased_at !== null) throw NoProfile.with({});
  return row;
}

function updateMe(
  { version, name, phone }: { version: number; name?: string; phone?: string },
  ctx: Ctx,
): Promise<Profile> {
  const userId = memberOf(ctx);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const row = await profileOf(tx, userId, now);
    if (row.version !== version) throw Changed.with({ what: "profile", version: row.version });
    await tx.run(addProfile, row);
    const next = { ...row, name: name ?? row.name, phone: phone ?? row.phone, version: version + 1, updated_at: now };
    await tx.run(setProfile, { userId, name: next.name, phone: next.phone, version, now });
    await tx.emit(users.events.profileUpdated, { userId, name: next.name, phone: next.phone });
    return profileView(next);
  });
}

function choose(wanted: Partial<Preferences>, ctx: Ctx): Promise<Preferences> {
  const userId = memberOf(ctx);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const row = await profileOf(tx, userId, now);
    const before = preferencesOf(row);
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    const preferences: Preferences = { ...before, ...given };
    await tx.run(addProfile, row);
    await tx.run(setPreferences, {
      userId,
      locale: preferences.locale,
      emailUpdates: Number(preferences.emailUpdates),
      smsUpdates: Number(preferences.smsUpdates),
      marketing: Number(preferences.marketing),
      now,
    });
    if (preferences.marketing !== before.marketing) {
      await tx.run(noteConsent, { user_id: userId, at: now, purpose: MARKETING, given: Number(preferences.marketing) });
    }
    await tx.emit(users.events.preferencesChanged, { userId, preferences });
    return preferences;
  });
}

function erase(_: unknown, ctx: Ctx): Promise<{ erased: true }> {
  const userId = memberOf(ctx);
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    await tx.run(addProfile, await profileOf(tx, userId, now));
    await tx.run(eraseProfile, { userId, now });
    await tx.run(dropAddresses, { userId });
    await tx.emit(users.events.customerErased, { userId });
    return { erased: true as const };
  });
}

/** All orders of the caller, in full. Fails when orders do not answer: half of an export would look like all of it. */
async function ordersOf(ctx: Reading): Promise<OutputOf<(typeof orders)["queries"]["get"]>[]> {
  const found = [];
  let cursor: string | undefined;
  do {
    const page: OutputOf<(typeof orders)["queries"]["mine"]> = await ctx.call(
      orders.mine({ limit: PAGE_LIMIT_MAX, ...(cursor === undefined ? {} : { cursor }) }),
    );
    for (const { orderId } of page.items) found.push(await ctx.call(orders.get({ orderId })));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function exportMe(_: unknown, ctx: Reading) {
  const userId = memberOf(ctx);
  const bought = await ordersOf(ctx);
  return ctx.read(async (db) => ({
    profile: profileView(await profileOf(db, userId, ctx.now())),
    addresses: (await db.all(addressesOf, { userId })).map(addressView),
    consents: (await db.all(consentsOf, { userId })).map(({ purpose, given, at }) => ({
      purpose,
      given: given === 1,
      at: toInstant(at),
    })),
    orders: bought,
    exportedAt: toInstant(ctx.now()),
  }));
}

export default implement<Tables>()(users, {
  uses: [orders],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  commands: {
    updateMe,
    setPreferences: choose,
    addAddress: (input, ctx) => keepAddress(memberOf(ctx), input, ctx),
    updateAddress: (input, ctx) => changeAddress(memberOf(ctx), input, ctx),
    removeAddress: ({ addressId }, ctx) => {
      const userId = memberOf(ctx);
      return ctx.transaction(async (tx) => {
        await tx.run(dropAddress, { userId, addressId });
        return {};
      });
    },
    erase,
  },
  queries: {
    me: async (_, ctx) => {
      const userId = memberOf(ctx);
      return profileView(await ctx.read((db) => profileOf(db, userId, ctx.now())));
    },
    addresses: async (_, ctx) => {
      const userId = memberOf(ctx);
      return { items: (await ctx.read((db) => db.all(addressesOf, { userId }))).map(addressView) };
    },
    exportMe,
    list: async ({ search, cursor, limit = PAGE_LIMIT }, ctx) => {
      const [before] = cursor === undefined ? [LAST] : decodeCursor(cursor, ["string"]);
      const from = normaliseEmail(search ?? "");
      const rows = await ctx.read((db) =>
        search === undefined
          ? db.all(profilesBefore, { before, limit: limit + 1 })
          : db.all(profilesByEmail, { from, to: `${from}\uffff`, before, limit: limit + 1 }),
      );
      const page = pageFrom(rows, limit, (row) => [row.user_id]);
      return { ...page, items: page.items.map(profileView) };
    },
    get: async ({ userId }, ctx) => {
      const row = await ctx.read((db) => db.first(profileById, { userId }));
      if (row === undefined || row.erased_at !== null) throw NoProfile.with({});
      return profileView(row);
    },
  },
  on: [
    subscribe<Tables>()(auth.events.userRegistered, async ({ data }, tx, ctx) => {
      const { userId, email, name = "" } = data;
      await tx.run(addProfile, { ...blankProfile(userId, ctx.now()), email, name });
      await tx.run(signUp, { userId, email, name });
    }),
  ],
});
