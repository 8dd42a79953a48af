/**
 * How products change. Each function is one transaction: the product, its place in the search's index and its event
 * are changed together, so the index never shows what the product is not.
 */
import type { Ids } from "@isomer/kernel/std";
import type { Reader } from "@isomer/kernel/store";
import { BadProducts, NoProduct, NothingToSell, VersionConflict, WrongState } from "./contract.ts";
import { type Action, type Known, batchProblems, nextState, problemsOf, titleOf } from "./domain.ts";
import { PROBLEMS_MAX } from "./faults.ts";
import { type CatalogTx, facetAttributesOf, hide, show } from "./indexing.ts";
import { attributeView, productView } from "./rows.ts";
import type { NewProduct, NewVariant, Product } from "./schemas.ts";
import {
  addProduct,
  addVariant as insertVariant,
  allAttributes,
  categoriesBySlug,
  categoriesOfAll,
  enterCategory,
  leaveCategories,
  productById,
  slugsInUse,
  variantsBySku,
  variantsOf,
  writeProduct,
} from "./store.ts";
import type { ProductRow, Tables, VariantRow } from "./tables.ts";

/** What surrounds a change. */
export interface Around {
  readonly now: () => number;
  readonly ids: Ids;
}

interface Saved {
  id: string;
  slug: string;
  status: ProductRow["status"];
  version: number;
}

const savedOf = ({ id, slug, status, version }: Saved): Saved => ({ id, slug, status, version });

/** Adds products with their variants: all, or {@link BadProducts} with what is wrong in which row. */
export async function importProducts(
  tx: CatalogTx,
  { products, publish = false }: { readonly products: readonly NewProduct[]; readonly publish?: boolean | undefined },
  around: Around,
): Promise<Saved[]> {
  const { known, categoryIds, facetAttributes } = await knownFor(tx, products);
  const problems = batchProblems(products, known);
  if (publish) problems.push(...emptyRows(products));
  refuse(problems);
  const saved: Saved[] = [];
  for (const product of products) {
    const row = newRow(product, publish ? "published" : "draft", around);
    await tx.run(addProduct, row);
    const variants = await addVariants(tx, row, product);
    for (const slug of product.categories ?? []) {
      await tx.run(enterCategory, { productId: row.id, categoryId: categoryIds.get(slug) ?? "" });
    }
    if (publish) await show(tx, row, variants, { facetAttributes, what: "published" });
    saved.push(savedOf(row));
  }
  return saved;
}

function emptyRows(products: readonly NewProduct[]) {
  return products.flatMap((product, row) =>
    (product.variants ?? []).length > 0
      ? []
      : [
          {
            row,
            slug: product.slug,
            field: "variants",
            problem: "is empty, so there is nothing to publish",
          },
        ],
  );
}

/** Refuses products that have problems. @throws {BadProducts} */
export function refuse(problems: readonly { row: number; slug: string; field: string; problem: string }[]): void {
  if (problems.length === 0) return;
  throw BadProducts.with({
    problems: problems.slice(0, PROBLEMS_MAX).map((each) => ({
      ...each,
      field: each.field.slice(0, 200),
      problem: each.problem.slice(0, 400),
    })),
  });
}

function newRow(product: NewProduct, status: ProductRow["status"], { ids, now }: Around): ProductRow {
  const at = now();
  return {
    id: ids.next(),
    slug: product.slug,
    title: product.title,
    description: product.description ?? "",
    brand: product.brand ?? "",
    tax_category: product.taxCategory ?? "standard",
    options: JSON.stringify(product.options ?? []),
    attributes: JSON.stringify(product.attributes ?? {}),
    media: JSON.stringify(product.media ?? []),
    status,
    version: 1,
    created_at: at,
    updated_at: at,
    published_at: status === "published" ? at : null,
  };
}

async function addVariants(tx: CatalogTx, row: ProductRow, product: NewProduct): Promise<VariantRow[]> {
  const rows = (product.variants ?? []).map((variant, position) => {
    return variantRow(row.id, position, titleOf(product.options ?? [], variant) || product.title, variant);
  });
  for (const variant of rows) await tx.run(insertVariant, variant);
  return rows;
}

/** The row of a new variant. */
export function variantRow(productId: string, position: number, title: string, variant: NewVariant): VariantRow {
  return {
    sku: variant.sku,
    product_id: productId,
    position,
    title,
    options: JSON.stringify(variant.options),
    weight_grams: variant.weightGrams ?? 0,
    barcode: variant.barcode ?? null,
    active: 1,
    version: 1,
  };
}

/** What products are checked against, besides themselves. */
export async function knownFor(db: Reader<Tables>, products: readonly NewProduct[]) {
  const categories = [...new Set(products.flatMap((product) => product.categories ?? []))];
  const skus = products.flatMap((product) => (product.variants ?? []).map((variant) => variant.sku));
  const categoryIds = new Map((await categoriesBySlug(db, categories)).map((row) => [row.slug, row.id]));
  const attributes = (await db.all(allAttributes, {})).map(attributeView);
  const known: Known = {
    attributes: new Map(attributes.map((attribute) => [attribute.code, attribute])),
    categories: new Set(categoryIds.keys()),
    slugs: new Set(
      (
        await slugsInUse(
          db,
          products.map((product) => product.slug),
        )
      ).map((row) => row.slug),
    ),
    skus: new Set((await variantsBySku(db, skus)).map((row) => row.sku)),
  };
  const facetAttributes = new Set(attributes.filter((attribute) => attribute.facet).map((attribute) => attribute.code));
  return { known, categoryIds, facetAttributes };
}

/** The fields of a product that an editor may give. */
export type ProductChanges = Partial<Omit<NewProduct, "variants">>;

/** Changes the fields that are given. Variants keep their options, so those must still fit. */
export async function updateProduct(
  tx: CatalogTx,
  { id, version, ...changes }: { readonly id: string; readonly version: number } & ProductChanges,
  around: Around,
): Promise<Saved> {
  const row = await find(tx, id, version);
  mustFit(row, "changed");
  const variants = await tx.all(variantsOf, { productId: id });
  const next = merge(await viewOf(tx, row, variants), changes);
  const { known, categoryIds, facetAttributes } = await knownFor(tx, [{ ...next, variants: [] }]);
  const slugs = new Set([...known.slugs].filter((slug) => slug !== row.slug));
  const problems = problemsOf(next, { ...known, slugs, skus: new Set() });
  refuse(problems.map((problem) => ({ row: 0, slug: next.slug, ...problem })));
  const saved = await save(tx, { ...newRow(next, row.status, around), ...keptOf(row, around) });
  if (changes.categories !== undefined) {
    await tx.run(leaveCategories, { productId: id });
    for (const slug of changes.categories) {
      await tx.run(enterCategory, { productId: id, categoryId: categoryIds.get(slug) ?? "" });
    }
  }
  if (saved.status === "published") await show(tx, saved, variants, { facetAttributes, what: "updated" });
  return savedOf(saved);
}

/** A product with some changes, in the form of a new one. */
export function merge(product: Product, changes: ProductChanges): NewProduct {
  const { slug, title, description, brand, taxCategory, options, attributes, media, categories } = product;
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const variants = product.variants.map((variant) => ({
    sku: variant.sku,
    options: variant.options,
  }));
  const before = {
    slug,
    title,
    description,
    brand,
    taxCategory,
    options,
    attributes,
    media,
    categories,
  };
  return { ...before, ...given, variants };
}

/** What a change of a product leaves as it is, and what it counts up. */
export function keptOf(row: ProductRow, { now }: Around) {
  return {
    id: row.id,
    version: row.version + 1,
    created_at: row.created_at,
    updated_at: now(),
    published_at: row.published_at,
  };
}

/** Publishes, takes back or archives. */
export async function changeState(
  tx: CatalogTx,
  { id, version, action }: { id: string; version?: number | undefined; action: Exclude<Action, "changed"> },
  around: Around,
): Promise<Saved> {
  const row = await find(tx, id, version);
  const status = mustFit(row, action);
  const variants = await tx.all(variantsOf, { productId: id });
  if (status === "published" && !variants.some((variant) => variant.active === 1)) {
    throw NothingToSell.with({ product: row.slug });
  }
  const kept = keptOf(row, around);
  const publishedAt = status === "published" ? (row.published_at ?? kept.updated_at) : row.published_at;
  const saved = await save(tx, { ...row, ...kept, status, published_at: publishedAt });
  if (status === "published")
    await show(tx, saved, variants, { facetAttributes: await facetAttributesOf(tx), what: "published" });
  else if (row.status === "published") await hide(tx, saved, variants);
  return savedOf(saved);
}

/** A product in full. */
export async function viewOf(db: Reader<Tables>, row: ProductRow, variants: readonly VariantRow[]): Promise<Product> {
  return productView(
    row,
    variants,
    (await categoriesOfAll(db, [row.id])).map((category) => category.slug),
  );
}

/** A product, at a version if one is given. @throws {NoProduct}, {VersionConflict} */
export async function find(tx: CatalogTx, id: string, version?: number): Promise<ProductRow> {
  const row = await tx.first(productById, { id });
  if (row === undefined) throw NoProduct.with({ product: id });
  if (version !== undefined && version !== row.version) {
    throw VersionConflict.with({ expected: version, actual: row.version });
  }
  return row;
}

/** The state after an action. @throws {WrongState} */
export function mustFit(row: ProductRow, action: Action): ProductRow["status"] {
  const status = nextState(row.status, action);
  if (status === undefined) throw WrongState.with({ status: row.status, action });
  return status;
}

/** Writes a product that was read at the version before. @throws {VersionConflict} */
export async function save(tx: CatalogTx, row: ProductRow): Promise<ProductRow> {
  const written = await tx.run(writeProduct, { ...row, before: row.version - 1 });
  if (written === 0) throw VersionConflict.with({ expected: row.version - 1, actual: row.version });
  return row;
}
