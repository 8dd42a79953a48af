/** The statements of the catalogue that run often, each prepared once. */
import { statements } from "@isomer/kernel/store";
import { listStatement } from "../shared/mod.ts";
import type { AttributeRow, CategoryRow, ProductRow, Tables, VariantRow } from "./tables.ts";

const sql = statements<Tables>();
type Texts = Readonly<Record<string, string>>;
type VariantInfoRow = Pick<VariantRow, "sku" | "product_id" | "options" | "weight_grams" | "active"> &
  Pick<ProductRow, "slug" | "title" | "media" | "tax_category" | "status"> & { variant_title: string };

/** A product by its id. */
export const productById = sql((db, p: { id: string }) => db.selectFrom("product").selectAll().where("id", "=", p.id));

/** A product by its slug. */
export const productBySlug = sql((db, p: { slug: string }) =>
  db.selectFrom("product").selectAll().where("slug", "=", p.slug),
);

/** The variants of a product, in order. */
export const variantsOf = sql((db, p: { productId: string }) =>
  db.selectFrom("variant").selectAll().where("product_id", "=", p.productId).orderBy("position").orderBy("sku"),
);

/** Which variants many products have, in order. */
export const variantsOfAll = listStatement<Tables, Pick<VariantRow, "sku" | "product_id" | "active">>((ids) =>
  sql((db, p: Texts) =>
    db
      .selectFrom("variant")
      .select(["sku", "product_id", "active"])
      .where("product_id", "in", ids(p))
      .orderBy("product_id")
      .orderBy("position")
      .orderBy("sku"),
  ),
);

/** One variant. */
export const variantBySku = sql((db, p: { sku: string }) =>
  db.selectFrom("variant").selectAll().where("sku", "=", p.sku),
);

/** Variants by sku. */
export const variantsBySku = listStatement<Tables, VariantRow>((skus) =>
  sql((db, p: Texts) => db.selectFrom("variant").selectAll().where("sku", "in", skus(p))),
);

/** Products by id. */
export const productsById = listStatement<Tables, ProductRow>((ids) =>
  sql((db, p: Texts) => db.selectFrom("product").selectAll().where("id", "in", ids(p))),
);

/** Which of some slugs are in use. */
export const slugsInUse = listStatement<Tables, { slug: string }>((slugs) =>
  sql((db, p: Texts) => db.selectFrom("product").select("slug").where("slug", "in", slugs(p))),
);

/** Categories by slug. */
export const categoriesBySlug = listStatement<Tables, CategoryRow>((slugs) =>
  sql((db, p: Texts) => db.selectFrom("category").selectAll().where("slug", "in", slugs(p))),
);

/** The categories that products are in, with the product. */
export const categoriesOfAll = listStatement<Tables, { product_id: string; slug: string; path: string }>((ids) =>
  sql((db, p: Texts) =>
    db
      .selectFrom("product_category")
      .innerJoin("category", "category.id", "product_category.category_id")
      .select(["product_category.product_id", "category.slug", "category.path"])
      .where("product_category.product_id", "in", ids(p))
      .orderBy("category.path"),
  ),
);

/** How often each facet's value occurs in some products, by code, the most frequent first. */
export const facetCounts = listStatement<Tables, { code: string; value: string; count: number }>((ids) =>
  sql((db, p: Texts) =>
    db
      .selectFrom("search_facet")
      .select((eb) => ["code", "value", eb.fn.countAll<number>().as("count")])
      .where("product_id", "in", ids(p))
      .groupBy(["code", "value"])
      .orderBy("code")
      .orderBy("count", "desc")
      .orderBy("value")
      .limit(2_000),
  ),
);

/** What other services need to know of variants. */
export const variantInfos = listStatement<Tables, VariantInfoRow>((skus) =>
  sql((db, p: Texts) =>
    db
      .selectFrom("variant")
      .innerJoin("product", "product.id", "variant.product_id")
      .select([
        "variant.sku",
        "variant.product_id",
        "variant.title as variant_title",
        "variant.options",
        "variant.weight_grams",
        "variant.active",
        "product.slug",
        "product.title",
        "product.media",
        "product.tax_category",
        "product.status",
      ])
      .where("variant.sku", "in", skus(p)),
  ),
);

const CARD = ["id", "slug", "title", "brand", "status", "media", "published_at"] as const;

/** A page of published products, newest first, before a place in the list. */
export const publishedBefore = sql((db, p: { at: number; id: string; limit: number }) =>
  db
    .selectFrom("product")
    .select(CARD)
    .where("status", "=", "published")
    .where((eb) => eb.or([eb("published_at", "<", p.at), eb.and([eb("published_at", "=", p.at), eb("id", "<", p.id)])]))
    .orderBy("published_at", "desc")
    .orderBy("id", "desc")
    .limit(p.limit),
);

/** The same of the categories whose paths lie in a range. */
export const publishedInBefore = sql(
  (db, p: { at: number; id: string; limit: number; path: string; pathEnd: string }) =>
    db
      .selectFrom("product")
      .select(CARD)
      .where("status", "=", "published")
      .where("id", "in", (eb) =>
        eb
          .selectFrom("product_category")
          .innerJoin("category", "category.id", "product_category.category_id")
          .select("product_category.product_id")
          .where("category.path", ">=", p.path)
          .where("category.path", "<", p.pathEnd),
      )
      .where((eb) =>
        eb.or([eb("published_at", "<", p.at), eb.and([eb("published_at", "=", p.at), eb("id", "<", p.id)])]),
      )
      .orderBy("published_at", "desc")
      .orderBy("id", "desc")
      .limit(p.limit),
);

/** A category by its id or slug. */
export const categoryByRef = sql((db, p: { ref: string }) =>
  db
    .selectFrom("category")
    .selectAll()
    .where((eb) => eb.or([eb("id", "=", p.ref), eb("slug", "=", p.ref)])),
);

/** The whole tree, parents before what is in them. */
export const allCategories = sql<Record<never, never>, CategoryRow>((db) =>
  db.selectFrom("category").selectAll().orderBy("path").limit(1_000),
);

/** All attributes. */
export const allAttributes = sql<Record<never, never>, AttributeRow>((db) =>
  db.selectFrom("attribute").selectAll().orderBy("code").limit(1_000),
);

/** Adds a product. */
export const addProduct = sql((db, p: { [K in keyof ProductRow]: ProductRow[K] }) =>
  db.insertInto("product").values({
    id: p.id,
    slug: p.slug,
    title: p.title,
    description: p.description,
    brand: p.brand,
    tax_category: p.tax_category,
    options: p.options,
    attributes: p.attributes,
    media: p.media,
    status: p.status,
    version: p.version,
    created_at: p.created_at,
    updated_at: p.updated_at,
    published_at: p.published_at,
  }),
);

/** Writes all of a product, if it is still at the version before: 1 row, or 0. */
export const writeProduct = sql((db, p: { [K in keyof ProductRow]: ProductRow[K] } & { before: number }) =>
  db
    .updateTable("product")
    .set({
      slug: p.slug,
      title: p.title,
      description: p.description,
      brand: p.brand,
      tax_category: p.tax_category,
      options: p.options,
      attributes: p.attributes,
      media: p.media,
      status: p.status,
      version: p.version,
      updated_at: p.updated_at,
      published_at: p.published_at,
    })
    .where("id", "=", p.id)
    .where("version", "=", p.before),
);

/** Adds a variant. */
export const addVariant = sql((db, p: { [K in keyof VariantRow]: VariantRow[K] }) =>
  db.insertInto("variant").values({
    sku: p.sku,
    product_id: p.product_id,
    position: p.position,
    title: p.title,
    options: p.options,
    weight_grams: p.weight_grams,
    barcode: p.barcode,
    active: p.active,
    version: p.version,
  }),
);

/** Writes what may change of a variant, if it is still at the version before: 1 row, or 0. */
export const writeVariant = sql(
  (
    db,
    p: {
      sku: string;
      title: string;
      weight: number;
      barcode: string | null;
      active: number;
      before: number;
    },
  ) =>
    db
      .updateTable("variant")
      .set((eb) => ({
        title: p.title,
        weight_grams: p.weight,
        barcode: p.barcode,
        active: p.active,
        version: eb("version", "+", 1),
      }))
      .where("sku", "=", p.sku)
      .where("version", "=", p.before),
);

/** Takes a product out of all categories. */
export const leaveCategories = sql((db, p: { productId: string }) =>
  db.deleteFrom("product_category").where("product_id", "=", p.productId),
);

/** Puts a product into a category. */
export const enterCategory = sql((db, p: { productId: string; categoryId: string }) =>
  db
    .insertInto("product_category")
    .values({ product_id: p.productId, category_id: p.categoryId })
    .onConflict((conflict) => conflict.columns(["product_id", "category_id"]).doNothing()),
);

/** Removes a product's words from the index. */
export const dropTerms = sql((db, p: { productId: string }) =>
  db.deleteFrom("search_term").where("product_id", "=", p.productId),
);

/** Adds a word of a product to the index. */
export const addTerm = sql((db, p: { term: string; productId: string; weight: number }) =>
  db.insertInto("search_term").values({ term: p.term, product_id: p.productId, weight: p.weight }),
);

/** Removes a product's facets. */
export const dropFacets = sql((db, p: { productId: string }) =>
  db.deleteFrom("search_facet").where("product_id", "=", p.productId),
);

/** Adds a facet of a product. */
export const addFacet = sql((db, p: { code: string; value: string; productId: string }) =>
  db.insertInto("search_facet").values({ code: p.code, value: p.value, product_id: p.productId }),
);
