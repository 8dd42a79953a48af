/** What sending costs: a pure function of a price list, and reading that list. */
import type { Reader, Writer } from "@isomer/kernel/store";
import { type Money, money } from "../shared/mod.ts";
import { NoService, type Rate, type ShippingOption } from "./contract.ts";
import {
  type RateRow,
  type Tables,
  allRates,
  allZones,
  clearZone,
  putRate,
  putZone,
  ratesFor,
  zoneOf,
} from "./store.ts";

/** What is to be sent. */
export interface Parcel {
  readonly currency: string;
  /** What remains to be paid for the goods: sending may be free from some sum on. */
  readonly subtotal: Money;
  /** Pieces. */
  readonly items: number;
}

/** What a rate asks for a parcel, in minor units. */
export function priceOf(
  rate: Pick<RateRow, "price" | "per_item" | "free_from">,
  { currency, subtotal, items }: Parcel,
): number {
  const isFree = rate.free_from !== null && subtotal.currency === currency && subtotal.amount >= rate.free_from;
  return isFree ? 0 : rate.price + rate.per_item * (items - 1);
}

/** The ways of sending a parcel to a country. @throws {NoService} */
export async function optionsFor(
  db: Reader<Tables>,
  parcel: Parcel & { readonly country: string },
): Promise<ShippingOption[]> {
  const { country, currency } = parcel;
  const rates = await db.all(ratesFor, { country, currency });
  if (rates.length === 0 && (await db.first(zoneOf, { country })) === undefined) throw NoService.with({ country });
  return rates.map((rate) => ({
    code: rate.code,
    label: rate.label,
    carrier: rate.carrier,
    price: money(priceOf(rate, parcel), currency),
    daysMin: rate.days_min,
    daysMax: rate.days_max,
  }));
}

/** Replaces the price lists of some zones; zones that are not named stay as they are. */
export async function setRates(
  tx: Writer<Tables>,
  zones: readonly { readonly zone: string; readonly countries: readonly string[]; readonly rates: readonly Rate[] }[],
): Promise<number> {
  let changed = 0;
  for (const { zone, countries, rates } of zones) {
    await tx.run(clearZone.countries, { zone });
    await tx.run(clearZone.rates, { zone });
    for (const country of countries) await tx.run(putZone, { country, zone });
    for (const [position, rate] of rates.entries()) await tx.run(putRate, rowOf(zone, position, rate));
    changed += rates.length;
  }
  return changed;
}

/** All price lists. */
export async function listRates(db: Reader<Tables>) {
  const zones = new Map<string, { zone: string; countries: string[]; rates: Rate[] }>();
  const zone = (name: string) => {
    const found = zones.get(name) ?? { zone: name, countries: [], rates: [] };
    zones.set(name, found);
    return found;
  };
  for (const row of await db.all(allZones, {})) zone(row.zone).countries.push(row.country);
  for (const row of await db.all(allRates, {})) zone(row.zone).rates.push(toRate(row));
  return { zones: [...zones.values()] };
}

function rowOf(zone: string, position: number, rate: Rate): RateRow {
  return {
    zone,
    currency: rate.currency,
    code: rate.code,
    position,
    label: rate.label,
    carrier: rate.carrier,
    price: rate.price,
    per_item: rate.perItem ?? 0,
    free_from: rate.freeFrom ?? null,
    days_min: rate.daysMin,
    days_max: Math.max(rate.daysMin, rate.daysMax),
  };
}

function toRate(row: RateRow): Rate {
  return {
    code: row.code,
    label: row.label,
    carrier: row.carrier,
    currency: row.currency,
    price: row.price,
    perItem: row.per_item,
    ...(row.free_from === null ? {} : { freeFrom: row.free_from }),
    daysMin: row.days_min,
    daysMax: row.days_max,
  };
}
