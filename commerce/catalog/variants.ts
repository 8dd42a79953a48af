/** How variants change: each change is one of their product too, so its version counts up. */
import { NoVariant, VersionConflict, catalog } from "./contract.ts";
import { problemsOf, titleOf } from "./domain.ts";
import { type CatalogTx, facetAttributesOf, show } from "./indexing.ts";
import { type Around, find, keptOf, knownFor, merge, mustFit, refuse, save, variantRow, viewOf } from "./products.ts";
import { variantView } from "./rows.ts";
import type { NewVariant, Variant } from "./schemas.ts";
import { addVariant as insertVariant, variantBySku, variantsOf, writeVariant } from "./store.ts";
import type { VariantRow } from "./tables.ts";

/** Adds a variant: it fits the product's options, and no other has the same. */
export async function addVariant(
  tx: CatalogTx,
  { productId, ...variant }: NewVariant & { readonly productId: string },
  around: Around,
): Promise<Variant> {
  const row = await find(tx, productId);
  mustFit(row, "changed");
  const variants = await tx.all(variantsOf, { productId });
  const product = merge(await viewOf(tx, row, variants), {});
  const next = { ...product, variants: [...(product.variants ?? []), variant] };
  const { known } = await knownFor(tx, [{ ...next, variants: [variant] }]);
  refuse(
    problemsOf(next, { ...known, slugs: new Set() }).map((problem) => ({
      row: 0,
      slug: row.slug,
      ...problem,
    })),
  );
  const title = titleOf(product.options ?? [], variant) || row.title;
  const added = variantRow(row.id, variants.length, title, variant);
  await tx.run(insertVariant, added);
  const saved = await save(tx, { ...row, ...keptOf(row, around) });
  await tx.emit(catalog.events.variantAdded, { productId, sku: added.sku, title });
  if (saved.status === "published") {
    await show(tx, saved, [...variants, added], { facetAttributes: await facetAttributesOf(tx), what: "updated" });
  }
  return variantView(added);
}

/** Changes a variant; its sku and options are what it is, and stay. */
export async function updateVariant(
  tx: CatalogTx,
  input: {
    readonly sku: string;
    readonly version: number;
    readonly title?: string | undefined;
    readonly weightGrams?: number | undefined;
    readonly barcode?: string | undefined;
    readonly active?: boolean | undefined;
  },
  around: Around,
): Promise<Variant> {
  const before = await tx.first(variantBySku, { sku: input.sku });
  if (before === undefined) throw NoVariant.with({ sku: input.sku });
  if (before.version !== input.version) {
    throw VersionConflict.with({ expected: input.version, actual: before.version });
  }
  const after: VariantRow = {
    ...before,
    title: input.title ?? before.title,
    weight_grams: input.weightGrams ?? before.weight_grams,
    barcode: input.barcode ?? before.barcode,
    active: input.active === undefined ? before.active : Number(input.active),
    version: before.version + 1,
  };
  const { sku, title, weight_grams: weight, barcode, active } = after;
  const written = await tx.run(writeVariant, {
    sku,
    title,
    weight,
    barcode,
    active,
    before: before.version,
  });
  if (written === 0) throw VersionConflict.with({ expected: before.version, actual: before.version + 1 });
  const row = await find(tx, before.product_id);
  const saved = await save(tx, { ...row, ...keptOf(row, around) });
  if (saved.status === "published") {
    const variants = await tx.all(variantsOf, { productId: row.id });
    await show(tx, saved, variants, { facetAttributes: await facetAttributesOf(tx), what: "updated" });
  }
  return variantView(after);
}
