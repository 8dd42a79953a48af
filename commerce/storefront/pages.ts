/** How pages are put together from parts, some of which may not have come. Pure. */
import type { InputOf, OutputOf } from "@isomer/kernel/contract";
import { type Availability, type inventory } from "../inventory/contract.ts";
import type { pricing } from "../pricing/contract.ts";
import type { Product, ProductCard } from "../catalog/contract.ts";
import { type Money, compare } from "../shared/mod.ts";
import type { storefront } from "./contract.ts";

/** The currency of pages that ask for none. */
export const DEFAULT_CURRENCY = "EUR";

/** The most skus that one call to a service asks about. */
export const SKUS_MAX = 1_000;

type Prices = OutputOf<(typeof pricing)["queries"]["prices"]>["prices"];
type Page = OutputOf<(typeof storefront)["queries"]["productPage"]>;
type List = OutputOf<(typeof storefront)["queries"]["productList"]>;
type Part = Page["degraded"][number];

/** What is known of some skus; a part that did not come is undefined. */
export interface Parts {
  readonly prices: ReadonlyMap<string, Prices[number]> | undefined;
  readonly stock: ReadonlyMap<string, Availability> | undefined;
}

/** The input of a question about many skus, in pieces that one call takes. */
export function inPieces(skus: readonly string[]): InputOf<(typeof inventory)["queries"]["availability"]>[] {
  const pieces = [];
  for (let at = 0; at < skus.length; at += SKUS_MAX) pieces.push({ skus: skus.slice(at, at + SKUS_MAX) });
  return pieces;
}

/** A product's page. A variant without a price in the currency has none, and that is no failure. */
export function productPage(product: Product, { prices, stock }: Parts): Page {
  return {
    product: {
      ...product,
      variants: product.variants.map((variant) => ({
        ...variant,
        price: priceOf(prices?.get(variant.sku)),
        stock: stock?.get(variant.sku) ?? null,
      })),
    },
    reviews: null,
    degraded: missing({ prices, stock }),
  };
}

function priceOf(found: Prices[number] | undefined) {
  if (found === undefined) return null;
  return found.compareAt === undefined ? { price: found.price } : { price: found.price, compareAt: found.compareAt };
}

/** A list of products, each with its lowest price. */
export function productList(
  page: { readonly items: readonly ProductCard[]; readonly nextCursor?: string },
  { prices, stock }: Parts,
): List {
  const { nextCursor } = page;
  return {
    items: page.items.map((card) => ({
      ...card,
      fromPrice: lowest(card.skus.flatMap((sku) => prices?.get(sku)?.price ?? [])),
      inStock: stock === undefined ? null : card.skus.some((sku) => (stock.get(sku)?.available ?? 0) > 0),
    })),
    ...(nextCursor === undefined ? {} : { nextCursor }),
    degraded: missing({ prices, stock }),
  };
}

function lowest(prices: readonly Money[]): Money | null {
  const [first, ...others] = prices;
  return first === undefined
    ? null
    : others.reduce((least, price) => (compare(price, least) < 0 ? price : least), first);
}

function missing({ prices, stock }: Parts): Part[] {
  return [...(prices === undefined ? (["price"] as const) : []), ...(stock === undefined ? (["stock"] as const) : [])];
}
