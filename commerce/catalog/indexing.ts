/** What the search knows of a product, and the events that say so: both change in the product's own transaction. */
import type { EventWriter } from "@isomer/kernel/events";
import type { Reader } from "@isomer/kernel/store";
import { catalog } from "./contract.ts";
import { partsOf } from "./rows.ts";
import { addFacet, addTerm, allAttributes, dropFacets, dropTerms } from "./store.ts";
import type { ProductRow, Tables, VariantRow } from "./tables.ts";
import { facetsOf, weighTerms } from "./terms.ts";

/** The transaction that the catalogue works in. */
export type CatalogTx = EventWriter<Tables>;

/** The codes of the attributes that searches count and filter by. */
export async function facetAttributesOf(db: Reader<Tables>): Promise<Set<string>> {
  const attributes = await db.all(allAttributes, {});
  return new Set(attributes.filter((attribute) => attribute.facet === 1).map((attribute) => attribute.code));
}

/** Puts a published product into the index as it is now, and says so. */
export async function show(
  tx: CatalogTx,
  row: ProductRow,
  variants: readonly VariantRow[],
  { facetAttributes, what }: { readonly facetAttributes: ReadonlySet<string>; readonly what: "published" | "updated" },
): Promise<void> {
  const productId = row.id;
  const { options, attributes } = partsOf(row);
  const skus = variants.filter((variant) => variant.active === 1).map((variant) => variant.sku);
  const { title, description, brand } = row;
  await unindex(tx, productId);
  for (const [term, weight] of weighTerms({
    title,
    description,
    brand,
    options,
    attributes,
    skus,
  })) {
    await tx.run(addTerm, { term, productId, weight });
  }
  for (const { code, value } of facetsOf({ options, attributes }, facetAttributes)) {
    await tx.run(addFacet, { code, value, productId });
  }
  const event = what === "published" ? catalog.events.productPublished : catalog.events.productUpdated;
  await tx.emit(event, { productId, slug: row.slug, title, version: row.version, skus });
}

/** Takes a product that was published out of the index, and says so. */
export async function hide(tx: CatalogTx, row: ProductRow, variants: readonly VariantRow[]): Promise<void> {
  await unindex(tx, row.id);
  const { id: productId, slug, title, version } = row;
  const skus = variants.map((variant) => variant.sku);
  await tx.emit(catalog.events.productUnpublished, { productId, slug, title, version, skus });
}

async function unindex(tx: CatalogTx, productId: string): Promise<void> {
  await tx.run(dropTerms, { productId });
  await tx.run(dropFacets, { productId });
}
