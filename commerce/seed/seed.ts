/**
 * Fills an empty shop through the commands of its services, like a person at the admin interface would.
 *
 * Holds across a crash at any point: every command has a key that is always the same, and each step is skipped when
 * its result is there, so another start goes on where this one ended. The last stock level is written last: where it
 * exists, there is nothing to do.
 */
import type { Call } from "@isomer/kernel/contract";
import { BadProducts, Taken, catalog } from "../catalog/contract.ts";
import { LocationTaken, inventory } from "../inventory/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { type SeedCatalogue, seedCatalogue } from "./catalogue.ts";
import { seedCoupons, seedPromotions, seedTaxRates } from "./offers.ts";

/** Makes a call as somebody who may do everything. Commands come with an idempotency key. */
export type SeedCall = <Output>(call: Call<string, Output>, key?: string) => Promise<Output>;

/** What seeding did. */
export type Seeded = "filled" | "was filled" | "is somebody's own";

const IMPORT_BATCH = 40;
const PRICE_BATCH = 500;
const STOCK_BATCH = 100;

/** Fills the shop if it is empty, or goes on filling it; leaves a shop with products of its own alone. */
export async function seedShop(call: SeedCall, data: SeedCatalogue = seedCatalogue): Promise<Seeded> {
  const last = data.stock.at(-1);
  if (last === undefined || (await isStocked(call, last))) return "was filled";
  if (!(await isOurs(call, data))) return "is somebody's own";
  await Promise.all([seedLocations(call, data), seedTree(call, data)]);
  await seedProducts(call, data);
  await seedOffers(call, data);
  await seedStock(call, data);
  return "filled";
}

async function isOurs(call: SeedCall, { locations }: SeedCatalogue): Promise<boolean> {
  const { items } = await call(catalog.allProducts({ limit: 1 }));
  if (items.length === 0) return true;
  const known = new Set((await call(inventory.locations({}))).items.map((location) => location.code));
  return locations.every((location) => known.has(location.code));
}

async function seedLocations(call: SeedCall, { locations }: SeedCatalogue): Promise<void> {
  for (const location of locations) {
    await unless(LocationTaken.is, call(inventory.createLocation(location), `seed-1-location-${location.code}`));
  }
}

async function seedTree(call: SeedCall, { categories, attributes }: SeedCatalogue): Promise<void> {
  for (const [position, category] of categories.entries()) {
    const added = call(catalog.createCategory({ ...category, position }), `seed-1-category-${category.slug}`);
    await unless(Taken.is, added);
  }
  await Promise.all(
    attributes.map((attribute) => call(catalog.defineAttribute(attribute), `seed-1-attribute-${attribute.code}`)),
  );
}

async function seedProducts(call: SeedCall, { products }: SeedCatalogue): Promise<void> {
  for (const [batch, rows] of inBatches(products, IMPORT_BATCH).entries()) {
    const imported = call(catalog.bulkImport({ products: [...rows], publish: true }), `seed-1-products-${batch}`);
    // A batch went in as a whole or not at all: "in use" for its first row says that it did.
    await unless((error) => BadProducts.is(error) && isInUse(error.data.problems[0]), imported);
  }
}

function isInUse(problem: { readonly row: number; readonly field: string } | undefined): boolean {
  return problem?.row === 0 && problem.field === "slug";
}

/** Prices, taxes, promotions and coupons: commands that set what is, so they may be repeated. */
export async function seedOffers(call: SeedCall, { prices }: Pick<SeedCatalogue, "prices">): Promise<void> {
  for (const [batch, rows] of inBatches(prices, PRICE_BATCH).entries()) {
    await call(pricing.setPrices({ prices: [...rows] }), `seed-1-prices-${batch}`);
  }
  await call(pricing.setTaxRates({ rates: [...seedTaxRates] }), "seed-1-taxes");
  for (const promotion of seedPromotions) {
    await call(pricing.putPromotion(promotion), `seed-1-promotion-${promotion.promotionId}`);
  }
  for (const coupon of seedCoupons) await call(pricing.putCoupon(coupon), `seed-1-coupon-${coupon.code}`);
}

async function seedStock(call: SeedCall, { stock }: SeedCatalogue): Promise<void> {
  for (const [batch, lines] of inBatches(stock, STOCK_BATCH).entries()) {
    const last = lines.at(-1);
    // Keys are forgotten after a while, and stock received twice would be stock that is not there.
    if (last !== undefined && (await isStocked(call, last))) continue;
    await call(inventory.receive({ lines: [...lines], reason: "opening stock" }), `seed-1-stock-${batch}`);
  }
}

async function isStocked(call: SeedCall, { sku, location }: { sku: string; location: string }): Promise<boolean> {
  return (await call(inventory.levels({ sku, location, limit: 1 }))).items.length > 0;
}

function inBatches<T>(rows: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, n) => rows.slice(n * size, (n + 1) * size));
}

async function unless(isFine: (error: unknown) => boolean, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isFine(error)) throw error;
  }
}
