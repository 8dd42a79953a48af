/** The seed's catalogue: products with their variants, prices and stock, made of what `data/` writes down. */
import type { InputOf } from "@isomer/kernel/contract";
import type { NewProduct, NewVariant } from "../catalog/contract.ts";
import type { inventory } from "../inventory/contract.ts";
import type { Price } from "../pricing/contract.ts";
import { camp } from "./data/camp.ts";
import { clothing } from "./data/clothing.ts";
import { home } from "./data/home.ts";
import { packsAndFootwear } from "./data/packs-and-footwear.ts";
import type { SeedProduct } from "./data/product.ts";
import { shelterAndSleep } from "./data/shelter-and-sleep.ts";
import { type SeedCategory, attributes, categories } from "./data/tree.ts";
import type { Attribute } from "../catalog/contract.ts";

type Arrival = InputOf<(typeof inventory)["commands"]["receive"]>["lines"][number];
type Location = InputOf<(typeof inventory)["commands"]["createLocation"]>;

/** A whole shop, as the commands of its services take it. */
export interface SeedCatalogue {
  readonly categories: readonly SeedCategory[];
  readonly attributes: readonly Attribute[];
  readonly products: readonly NewProduct[];
  readonly prices: readonly Price[];
  readonly locations: readonly Location[];
  readonly stock: readonly Arrival[];
}

const LOCATIONS = [
  { code: "rotterdam", name: "Rotterdam warehouse", country: "NL", priority: 10 },
  { code: "graz", name: "Graz shop", country: "AT", priority: 20 },
] as const;

/** How many pieces of a variant at a location count as low. */
const LOW_AT = 3;
const USD_PER_EUR = 1.12;
const YEN_PER_EUR = 162;

/** The pictures are drawn by the storefront: see its `media` query. */
function mediaOf(product: SeedProduct): NonNullable<NewProduct["media"]> {
  return [{ url: `/v1/media/${product.slug}.svg`, alt: product.title, kind: "image" }];
}

/** A part of a sku that stands for an option's value: `Signal red` is SR, `Moss` MOS, `0.5 l` 05L. */
export function skuPart(value: string): string {
  const words = value.toUpperCase().match(/[A-Z0-9]+/g) ?? [];
  if (/\d/.test(value)) return words.join("");
  return words.length > 1 ? words.map((word) => word.charAt(0)).join("") : (words[0] ?? "").slice(0, 3);
}

function variantsOf(product: SeedProduct): NewVariant[] {
  const names = Object.keys(product.options ?? {});
  const values = Object.values(product.options ?? {});
  const combinations = values.reduce<string[][]>(
    (all, each) => all.flatMap((chosen) => each.map((value) => [...chosen, value])),
    [[]],
  );
  return combinations.map((chosen) => ({
    sku: [product.code, ...chosen.map(skuPart)].join("-"),
    options: Object.fromEntries(names.map((name, index) => [name, chosen[index] ?? ""])),
    weightGrams: product.weightGrams,
  }));
}

function productOf(product: SeedProduct): NewProduct {
  const { slug, title, brand, description, attributes: values, taxCategory = "standard" } = product;
  return {
    slug,
    title,
    brand,
    description,
    taxCategory,
    options: Object.entries(product.options ?? {}).map(([name, each]) => ({ name, values: [...each] })),
    attributes: { ...values },
    media: mediaOf(product),
    categories: [...product.categories],
    variants: variantsOf(product),
  };
}

function pricesOf(product: SeedProduct): Price[] {
  const taxCategory = product.taxCategory ?? "standard";
  return variantsOf(product).flatMap(({ sku, options }) => {
    const extra = Object.values(options).reduce((sum, value) => sum + (product.extra?.[value] ?? 0), 0);
    const inCurrency = (currency: string, toMinor: (cents: number) => number): Price => ({
      sku,
      price: { amount: toMinor(product.eur + extra), currency },
      ...(product.wasEur === undefined ? {} : { compareAt: { amount: toMinor(product.wasEur + extra), currency } }),
      taxCategory,
    });
    return [
      inCurrency("EUR", (cents) => cents),
      inCurrency("USD", (cents) => Math.round((cents * USD_PER_EUR) / 100) * 100 - 5),
      ...(product.jpy === true ? [inCurrency("JPY", (cents) => Math.round((cents * YEN_PER_EUR) / 10_000) * 100)] : []),
    ];
  });
}

function stockOf(product: SeedProduct): Arrival[] {
  return variantsOf(product).flatMap(({ sku }) =>
    LOCATIONS.map(({ code: location }, index) => {
      return { sku, location, quantity: product.stock?.[index] ?? piecesOf(`${sku}@${location}`), lowAt: LOW_AT };
    }),
  );
}

/** Some pieces, by chance that is the same every time: one level in twelve is empty, one in eight nearly. */
function piecesOf(level: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < level.length; index += 1) {
    hash = Math.imul(hash ^ level.charCodeAt(index), 0x01000193) >>> 0;
  }
  const draw = hash % 96;
  if (draw < 8) return 0;
  return draw < 20 ? 1 + (draw % 3) : 6 + ((hash >>> 8) % 50);
}

const written = [...shelterAndSleep, ...packsAndFootwear, ...clothing, ...camp, ...home];

/** An outdoor and home shop of our own making. */
export const seedCatalogue: SeedCatalogue = {
  categories,
  attributes,
  products: written.map(productOf),
  prices: written.flatMap(pricesOf),
  locations: LOCATIONS,
  stock: written.flatMap(stockOf),
};
