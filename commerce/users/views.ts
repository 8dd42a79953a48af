/** What is shown of rows. Pure. */
import { toInstant } from "@isomer/kernel/std";
import type { Address } from "../shared/mod.ts";
import type { Preferences, Profile, SavedAddress } from "./contract.ts";
import type { Tables } from "./store.ts";

/** The profile of somebody of whom nothing is known yet. Advertising needs consent, so it is off. */
export function blankProfile(userId: string, now: number): Tables["profile"] {
  return {
    user_id: userId,
    email: null,
    name: "",
    phone: "",
    locale: "en",
    email_updates: 1,
    sms_updates: 1,
    marketing: 0,
    version: 1,
    created_at: now,
    updated_at: now,
    erased_at: null,
  };
}

/** The preferences in a profile. */
export function preferencesOf(row: Tables["profile"]): Preferences {
  return {
    locale: row.locale,
    emailUpdates: row.email_updates === 1,
    smsUpdates: row.sms_updates === 1,
    marketing: row.marketing === 1,
  };
}

/** A profile as people see it. */
export function profileView(row: Tables["profile"]): Profile {
  return {
    userId: row.user_id,
    ...(row.email === null ? {} : { email: row.email }),
    name: row.name,
    phone: row.phone,
    preferences: preferencesOf(row),
    version: row.version,
    createdAt: toInstant(row.created_at),
  };
}

/** An address as people see it. */
export function addressView(row: Tables["address"]): SavedAddress {
  return {
    addressId: row.address_id,
    label: row.label,
    address: JSON.parse(row.body) as Address,
    isDefault: row.is_default === 1,
    version: row.version,
  };
}
