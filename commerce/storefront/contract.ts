/** storefront: pages of the shop, joined from several services. It owns nothing. */
import { anyone, contract, http, query } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { Availability } from "../inventory/contract.ts";
import { BadCursor, Currency, Money, pageFields, pageOf } from "../shared/mod.ts";
import { NoCategory, NoProduct, Product, ProductCard, Slug, Variant } from "../catalog/contract.ts";

/** The parts of a page that it can do without. */
const Degraded = t.array(t.oneOf(["price", "stock", "reviews"]), {
  description: "Parts that could not be had just now: they are null. Ask again later.",
});

/** What a variant costs. */
export const VariantPrice = t.object({ price: Money, compareAt: t.optional(Money) });

const VariantView = t.object({
  ...Variant.properties,
  price: t.nullable(VariantPrice),
  stock: t.nullable(Availability),
});

const ProductView = t.object({
  ...Product.properties,
  variants: t.array(VariantView, { maxItems: 100 }),
});

const Card = t.object({
  ...ProductCard.properties,
  fromPrice: t.nullable(Money),
  inStock: t.nullable(t.boolean()),
});

export const storefront = contract("storefront", {
  version: "1.0.0",
  summary: "Pages of the shop, joined from catalogue, prices and stock.",
  queries: {
    productPage: query({
      summary: "A product with prices and stock",
      input: t.object({ slug: Slug, currency: t.optional(Currency) }),
      output: t.object({
        product: ProductView,
        reviews: t.nullable(t.object({ count: t.integer(), average: t.number() })),
        degraded: Degraded,
      }),
      faults: [NoProduct],
      allow: [anyone],
      deadlineMs: 1_500,
      http: http("GET /v1/storefront/products/:slug"),
    }),
    productList: query({
      summary: "Products with prices and stock",
      input: t.object({
        category: t.optional(Slug),
        currency: t.optional(Currency),
        ...pageFields,
      }),
      output: t.object({ ...pageOf(Card).properties, degraded: Degraded }),
      faults: [BadCursor, NoCategory],
      allow: [anyone],
      deadlineMs: 1_500,
      http: http("GET /v1/storefront/products"),
    }),
    /** Until a shop has photographs: a picture drawn of the name alone, the same every time. */
    media: query({
      summary: "A drawn stand-in for a product's picture",
      input: t.object({ name: t.text({ minLength: 5, maxLength: 120, pattern: "^[a-z0-9]+(-[a-z0-9]+)*\\.svg$" }) }),
      output: t.object({ content: t.text({ maxLength: 4_000 }) }),
      allow: [anyone],
      deadlineMs: 500,
      criticality: "sheddable",
      http: http("GET /v1/media/:name", { contentType: "image/svg+xml", publicMaxAgeSeconds: 86_400 }),
    }),
  },
});
