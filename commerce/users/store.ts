/** The tables of users, and the statements over them. */
import { statements } from "@isomer/kernel/store";

/** The tables as SQL has them. */
export interface Tables {
  profile: {
    user_id: string;
    email: string | null;
    name: string;
    phone: string;
    locale: string;
    email_updates: number;
    sms_updates: number;
    marketing: number;
    version: number;
    created_at: number;
    updated_at: number;
    erased_at: number | null;
  };
  address: {
    address_id: string;
    user_id: string;
    label: string;
    body: string;
    is_default: number;
    version: number;
    created_at: number;
  };
  consent: { user_id: string; at: number; purpose: string; given: number };
}

const sql = statements<Tables>();

/** A profile, erased or not. */
export const profileById = sql((db, p: { userId: string }) =>
  db.selectFrom("profile").selectAll().where("user_id", "=", p.userId),
);

/** Makes a profile; one that is there already stays as it is. */
export const addProfile = sql((db, p: Tables["profile"]) =>
  db
    .insertInto("profile")
    .values(p)
    .onConflict((conflict) => conflict.column("user_id").doNothing()),
);

/** Fills in what sign-up says, where the person has not said otherwise since. */
export const signUp = sql((db, p: { userId: string; email: string; name: string }) =>
  db
    .updateTable("profile")
    .set((eb) => ({ email: p.email, name: eb.case().when("name", "=", "").then(p.name).else(eb.ref("name")).end() }))
    .where("user_id", "=", p.userId)
    .where("erased_at", "is", null),
);

/** Changes a profile that is at this version. */
export const setProfile = sql((db, p: { userId: string; name: string; phone: string; version: number; now: number }) =>
  db
    .updateTable("profile")
    .set((eb) => ({ name: p.name, phone: p.phone, updated_at: p.now, version: eb("version", "+", 1) }))
    .where("user_id", "=", p.userId)
    .where("version", "=", p.version),
);

/** Sets the preferences. */
export const setPreferences = sql(
  (
    db,
    p: { userId: string; locale: string; emailUpdates: number; smsUpdates: number; marketing: number; now: number },
  ) =>
    db
      .updateTable("profile")
      .set((eb) => ({
        locale: p.locale,
        email_updates: p.emailUpdates,
        sms_updates: p.smsUpdates,
        marketing: p.marketing,
        updated_at: p.now,
        version: eb("version", "+", 1),
      }))
      .where("user_id", "=", p.userId),
);

/** Empties a profile for good. */
export const eraseProfile = sql((db, p: { userId: string; now: number }) =>
  db
    .updateTable("profile")
    .set({
      email: null,
      name: "",
      phone: "",
      locale: "en",
      email_updates: 0,
      sms_updates: 0,
      marketing: 0,
      updated_at: p.now,
      erased_at: p.now,
    })
    .where("user_id", "=", p.userId),
);

/** Somebody's addresses, as they were added. */
export const addressesOf = sql((db, p: { userId: string }) =>
  db.selectFrom("address").selectAll().where("user_id", "=", p.userId).orderBy("created_at").orderBy("address_id"),
);

/** An address, if it is this person's. */
export const addressById = sql((db, p: { userId: string; addressId: string }) =>
  db.selectFrom("address").selectAll().where("address_id", "=", p.addressId).where("user_id", "=", p.userId),
);

/** A new address. */
export const addAddress = sql((db, p: Tables["address"]) => db.insertInto("address").values(p));

/** Changes an address. */
export const setAddress = sql((db, p: { addressId: string; label: string; body: string; isDefault: number }) =>
  db
    .updateTable("address")
    .set((eb) => ({ label: p.label, body: p.body, is_default: p.isDefault, version: eb("version", "+", 1) }))
    .where("address_id", "=", p.addressId),
);

/** Leaves one address as the default. */
export const clearDefaults = sql((db, p: { userId: string; addressId: string }) =>
  db
    .updateTable("address")
    .set({ is_default: 0 })
    .where("user_id", "=", p.userId)
    .where("address_id", "<>", p.addressId),
);

/** Forgets an address. */
export const dropAddress = sql((db, p: { userId: string; addressId: string }) =>
  db.deleteFrom("address").where("user_id", "=", p.userId).where("address_id", "=", p.addressId),
);

/** Forgets all addresses. */
export const dropAddresses = sql((db, p: { userId: string }) =>
  db.deleteFrom("address").where("user_id", "=", p.userId),
);

/** Notes that consent was given, or taken back. */
export const noteConsent = sql((db, p: Tables["consent"]) =>
  db
    .insertInto("consent")
    .values(p)
    .onConflict((conflict) =>
      conflict.columns(["user_id", "purpose", "at"]).doUpdateSet((eb) => ({ given: eb.ref("excluded.given") })),
    ),
);

/** What somebody consented to, and when. */
export const consentsOf = sql((db, p: { userId: string }) =>
  db.selectFrom("consent").selectAll().where("user_id", "=", p.userId).orderBy("at").limit(1_000),
);

/** Profiles by age, newest first. */
export const profilesBefore = sql((db, p: { before: string; limit: number }) =>
  db
    .selectFrom("profile")
    .selectAll()
    .where("erased_at", "is", null)
    .where("user_id", "<", p.before)
    .orderBy("user_id", "desc")
    .limit(p.limit),
);

/** The same, of those whose email is between two texts. */
export const profilesByEmail = sql((db, p: { from: string; to: string; before: string; limit: number }) =>
  db
    .selectFrom("profile")
    .selectAll()
    .where("erased_at", "is", null)
    .where("email", ">=", p.from)
    .where("email", "<", p.to)
    .where("user_id", "<", p.before)
    .orderBy("user_id", "desc")
    .limit(p.limit),
);
