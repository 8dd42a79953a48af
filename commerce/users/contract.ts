/** users: people who signed up: their profile, addresses and preferences, and their rights over them. */
import { command, contract, event, fault, http, permission, query, user } from "@isomer/kernel/contract";
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Address, Email, Locale, Version, pageFields, pageOf } from "../shared/mod.ts";

const UserId = t.id();
const AddressId = t.id();
const Phone = t.text({ maxLength: 30, pattern: "^[+0-9 ()./-]*$", examples: ["+43 316 1234"] });

/** The most addresses that one person keeps. */
export const ADDRESSES_MAX = 20;

/** What somebody wants to be told, and how. */
export const Preferences = t.object({
  locale: Locale,
  emailUpdates: t.boolean({ description: "Mails about where a parcel is. Confirmations always come." }),
  smsUpdates: t.boolean({ description: "Texts about where a parcel is, where a telephone number is known." }),
  marketing: t.boolean({ description: "Consent to advertising. Its time is kept." }),
});
/** What somebody wants to be told, and how. */
export type Preferences = TypeOf<typeof Preferences>;

/** A person's profile. The email is absent until sign-up has been heard of. */
export const Profile = t.object({
  userId: UserId,
  email: t.optional(Email),
  name: t.text({ maxLength: 200 }),
  phone: Phone,
  preferences: Preferences,
  version: Version,
  createdAt: t.instant(),
});
/** A person's profile. */
export type Profile = TypeOf<typeof Profile>;

/** An address in somebody's address book. */
export const SavedAddress = t.object({
  addressId: AddressId,
  label: t.text({ maxLength: 60 }),
  address: Address,
  isDefault: t.boolean(),
  version: Version,
});
/** An address in somebody's address book. */
export type SavedAddress = TypeOf<typeof SavedAddress>;

/** Guests, keys and erased accounts have no profile. */
export const NoProfile = fault("users/no-profile", {
  kind: "missing",
  data: t.object({}),
  message: () => "There is no profile. Sign in with an account; guests have none.",
});

/** No such address in the caller's address book. */
export const NoAddress = fault("users/no-address", {
  kind: "missing",
  data: t.object({ addressId: AddressId }),
  message: ({ addressId }) => `There is no address ${addressId}.`,
});

/** Somebody changed it since it was read. */
export const Changed = fault("users/changed", {
  kind: "conflict",
  data: t.object({ what: t.text(), version: Version }),
  message: ({ what, version }) => `The ${what} has changed: it is at version ${version}. Read it again, then decide.`,
});

/** The address book is full. */
export const TooManyAddresses = fault("users/too-many-addresses", {
  kind: "conflict",
  data: t.object({ max: t.integer() }),
  message: ({ max }) => `An address book holds at most ${max} addresses. Remove one first.`,
});

const mine = { allow: [user] };
const read = permission("users.read");
const AddressFields = {
  label: t.optional(t.text({ maxLength: 60 })),
  address: Address,
  isDefault: t.optional(t.boolean()),
};

export const users = contract("users", {
  version: "1.0.0",
  summary: "Profiles, addresses, preferences and personal data.",
  permissions: { "users.read": "See everybody's profile." },
  commands: {
    updateMe: command({
      ...mine,
      summary: "Change my profile",
      input: t.object({ version: Version, name: t.optional(t.text({ maxLength: 200 })), phone: t.optional(Phone) }),
      output: Profile,
      faults: [NoProfile, Changed],
      http: http("PATCH /v1/me", { etag: "version", ifMatch: "version" }),
    }),
    setPreferences: command({
      ...mine,
      summary: "Change what I am told, and how",
      input: t.object({
        locale: t.optional(Locale),
        emailUpdates: t.optional(t.boolean()),
        smsUpdates: t.optional(t.boolean()),
        marketing: t.optional(t.boolean()),
      }),
      output: Preferences,
      faults: [NoProfile],
      http: http("PATCH /v1/me/preferences"),
    }),
    addAddress: command({
      ...mine,
      summary: "Keep an address",
      input: t.object(AddressFields),
      output: SavedAddress,
      faults: [NoProfile, TooManyAddresses],
      http: http("POST /v1/me/addresses", { status: 201, etag: "version" }),
    }),
    updateAddress: command({
      ...mine,
      summary: "Change an address",
      input: t.object({ addressId: AddressId, version: Version, ...AddressFields }),
      output: SavedAddress,
      faults: [NoProfile, NoAddress, Changed],
      http: http("PUT /v1/me/addresses/:addressId", { etag: "version", ifMatch: "version" }),
    }),
    removeAddress: command({
      ...mine,
      summary: "Forget an address",
      input: t.object({ addressId: AddressId }),
      output: t.object({}),
      faults: [NoProfile],
      http: http("DELETE /v1/me/addresses/:addressId"),
    }),
    /** Orders stay, as the law on bookkeeping asks; everything else that tells who somebody is goes. */
    erase: command({
      ...mine,
      summary: "Erase my account and my personal data",
      input: t.object({ confirm: t.literal("erase my data") }),
      output: t.object({ erased: t.literal(true) }),
      faults: [NoProfile],
      http: http("POST /v1/me/erase"),
    }),
  },
  queries: {
    me: query({
      ...mine,
      summary: "My profile",
      input: t.object({}),
      output: Profile,
      faults: [NoProfile],
      http: http("GET /v1/me", { etag: "version" }),
    }),
    addresses: query({
      ...mine,
      summary: "My addresses",
      input: t.object({}),
      output: t.object({ items: t.array(SavedAddress) }),
      faults: [NoProfile],
      http: http("GET /v1/me/addresses"),
    }),
    /** Everything that the shop keeps of the caller, in a form that machines read (GDPR articles 15 and 20). */
    exportMe: query({
      ...mine,
      summary: "All data that is kept of me",
      input: t.object({}),
      output: t.object({
        profile: Profile,
        addresses: t.array(SavedAddress),
        consents: t.array(t.object({ purpose: t.text(), given: t.boolean(), at: t.instant() })),
        orders: t.array(t.unknown(), { description: "As GET /v1/orders/{orderId} shows them.", maxItems: 10_000 }),
        exportedAt: t.instant(),
      }),
      faults: [NoProfile],
      deadlineMs: 20_000,
      criticality: "sheddable",
      http: http("GET /v1/me/export"),
    }),
    list: query({
      summary: "List profiles",
      input: t.object({
        search: t.optional(t.text({ minLength: 1, maxLength: 100, description: "Beginning of an email address." })),
        ...pageFields,
      }),
      output: pageOf(Profile),
      allow: [read],
      http: http("GET /v1/users"),
    }),
    get: query({
      summary: "A profile",
      input: t.object({ userId: UserId }),
      output: Profile,
      faults: [NoProfile],
      allow: [read],
      http: http("GET /v1/users/:userId", { etag: "version" }),
    }),
  },
  events: {
    profileUpdated: event({
      key: "userId",
      data: t.object({ userId: UserId, name: t.text({ maxLength: 200 }), phone: Phone }),
    }),
    preferencesChanged: event({ key: "userId", data: t.object({ userId: UserId, preferences: Preferences }) }),
    /** Whoever keeps personal data of this person forgets it now. */
    customerErased: event({ key: "userId", data: t.object({ userId: UserId }) }),
  },
});
