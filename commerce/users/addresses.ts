/** The address book: at most one address is the default, and the first one is. */
import type { CommandContext, Tx } from "@isomer/kernel/runtime";
import type { Address } from "../shared/mod.ts";
import { ADDRESSES_MAX, Changed, NoAddress, NoProfile, type SavedAddress, TooManyAddresses } from "./contract.ts";
import { type Tables, addAddress, addressById, addressesOf, clearDefaults, profileById, setAddress } from "./store.ts";
import { addressView } from "./views.ts";

type Ctx = CommandContext<Tables, "orders">;

/** An address as it is to be kept. */
export interface AddressInput {
  readonly label?: string;
  readonly address: Address;
  readonly isDefault?: boolean;
}

/** Adds an address. */
export function keepAddress(userId: string, input: AddressInput, ctx: Ctx): Promise<SavedAddress> {
  return ctx.transaction(async (tx) => {
    const profile = await tx.first(profileById, { userId });
    if (profile !== undefined && profile.erased_at !== null) throw NoProfile.with({});
    const others = await tx.all(addressesOf, { userId });
    if (others.length >= ADDRESSES_MAX) throw TooManyAddresses.with({ max: ADDRESSES_MAX });
    const isDefault = others.length === 0 || input.isDefault === true;
    const row = {
      address_id: ctx.ids.next(),
      user_id: userId,
      label: input.label ?? "",
      body: JSON.stringify(input.address),
      is_default: Number(isDefault),
      version: 1,
      created_at: ctx.now(),
    };
    await tx.run(addAddress, row);
    if (isDefault) await tx.run(clearDefaults, { userId, addressId: row.address_id });
    return addressView(row);
  });
}

/** Changes an address that is at the version that the caller saw. */
export function changeAddress(
  userId: string,
  input: AddressInput & { readonly addressId: string; readonly version: number },
  ctx: Ctx,
): Promise<SavedAddress> {
  const { addressId } = input;
  return ctx.transaction(async (tx: Tx<Tables>) => {
    const row = await tx.first(addressById, { userId, addressId });
    if (row === undefined) throw NoAddress.with({ addressId });
    if (row.version !== input.version) throw Changed.with({ what: "address", version: row.version });
    const next = {
      ...row,
      label: input.label ?? row.label,
      body: JSON.stringify(input.address),
      is_default: Number(input.isDefault ?? row.is_default === 1),
      version: row.version + 1,
    };
    await tx.run(setAddress, { addressId, label: next.label, body: next.body, isDefault: next.is_default });
    if (next.is_default === 1) await tx.run(clearDefaults, { userId, addressId });
    return addressView(next);
  });
}
