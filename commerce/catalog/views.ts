/** What the catalogue shows. */
import type { Reader } from "@isomer/kernel/store";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { endOf } from "./categories.ts";
import { NoCategory, NoProduct } from "./contract.ts";
import { attributeView, type CardRow, cardView, categoryView, imageOf, productView } from "./rows.ts";
import type { Product, ProductCard, VariantInfo } from "./schemas.ts";
import {
  allAttributes,
  allCategories,
  categoriesOfAll,
  categoryByRef,
  productById,
  productBySlug,
  publishedBefore,
  publishedInBefore,
  variantInfos,
  variantsOf,
  variantsOfAll,
} from "./store.ts";
import type { CategoryRow, ProductState, Tables } from "./tables.ts";

type Db = Reader<Tables>;

interface PageInput {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

const UUID_LENGTH = 36;

/** A product by slug or id. Those who do not manage the catalogue see published ones, and what of them is sold. */
export async function product(db: Db, ref: string, seesAll: boolean): Promise<Product> {
  const byId = ref.length === UUID_LENGTH ? await db.first(productById, { id: ref }) : undefined;
  const row = byId ?? (await db.first(productBySlug, { slug: ref }));
  if (row === undefined || (row.status !== "published" && !seesAll)) throw NoProduct.with({ product: ref });
  const variants = await db.all(variantsOf, { productId: row.id });
  const categories = await categoriesOfAll(db, [row.id]);
  const shown = seesAll ? variants : variants.filter((variant) => variant.active === 1);
  return productView(
    row,
    shown,
    categories.map((category) => category.slug),
  );
}

/** Before which a list begins: after every moment and id that there is. */
const NEWEST = [Number.MAX_SAFE_INTEGER, ""] as const;

/** Published products, newest first, of a category and all below it if one is given. */
export async function products(db: Db, input: PageInput & { readonly category?: string | undefined }) {
  const limit = input.limit ?? PAGE_LIMIT;
  const [at, id] = input.cursor === undefined ? NEWEST : decodeCursor(input.cursor, ["number", "string"]);
  const place = { at, id, limit: limit + 1 };
  const path = input.category === undefined ? undefined : (await findCategory(db, input.category)).path;
  const rows =
    path === undefined
      ? await db.all(publishedBefore, place)
      : await db.all(publishedInBefore, { ...place, path, pathEnd: endOf(path) });
  const page = pageFrom(rows, limit, (row) => [row.published_at ?? 0, row.id]);
  return { ...page, items: await cards(db, page.items) };
}

/** Products in any state, newest first. */
export async function allProducts(db: Db, input: PageInput & { readonly status?: ProductState | undefined }) {
  const limit = input.limit ?? PAGE_LIMIT;
  const rows = await db.query((builder) => {
    let find = builder
      .selectFrom("product")
      .selectAll()
      .orderBy("id", "desc")
      .limit(limit + 1);
    if (input.status !== undefined) find = find.where("status", "=", input.status);
    if (input.cursor !== undefined) find = find.where("id", "<", decodeCursor(input.cursor, ["string"])[0]);
    return find;
  });
  const page = pageFrom(rows, limit, (row) => [row.id]);
  return { ...page, items: await cards(db, page.items) };
}

/** Products as lists show them, in the order given. */
export async function cards(db: Db, rows: readonly CardRow[]): Promise<ProductCard[]> {
  const variants = await variantsOfAll(
    db,
    rows.map((row) => row.id),
  );
  const byProduct = Map.groupBy(variants, (variant) => variant.product_id);
  return rows.map((row) => cardView(row, byProduct.get(row.id) ?? []));
}

/** A category by slug or id. @throws {NoCategory} */
export async function findCategory(db: Db, ref: string): Promise<CategoryRow> {
  const row = await db.first(categoryByRef, { ref });
  if (row === undefined) throw NoCategory.with({ category: ref });
  return row;
}

/** The category tree as a list, parents before what is in them. */
export async function categories(db: Db) {
  return { items: (await db.all(allCategories, {})).map(categoryView) };
}

/** All attributes. */
export async function attributes(db: Db) {
  return { items: (await db.all(allAttributes, {})).map(attributeView) };
}

/** What other services need to know of variants; unknown ones are left out. */
export async function variants(db: Db, skus: readonly string[]): Promise<VariantInfo[]> {
  return (await variantInfos(db, skus)).map((row) => ({
    sku: row.sku,
    productId: row.product_id,
    slug: row.slug,
    title: row.title,
    variantTitle: row.variant_title,
    options: JSON.parse(row.options) as Record<string, string>,
    imageUrl: imageOf(row)?.url ?? null,
    weightGrams: row.weight_grams,
    taxCategory: row.tax_category,
    sellable: row.active === 1 && row.status === "published",
  }));
}
