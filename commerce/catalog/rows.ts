/** Between rows and what the contract shows. */
import { toInstant } from "@isomer/kernel/std";
import type { Attribute, AttributeValue, Category, Media, Option, Product, ProductCard, Variant } from "./schemas.ts";
import type { AttributeRow, CategoryRow, ProductRow, VariantRow } from "./tables.ts";

const parse = <T>(json: string): T => JSON.parse(json) as T;

/** The parts of a product that its row keeps as JSON. */
export function partsOf(row: Readonly<ProductRow>) {
  return {
    options: parse<Option[]>(row.options),
    attributes: parse<Record<string, AttributeValue>>(row.attributes),
    media: parse<Media[]>(row.media),
  };
}

/** A product in full. */
export function productView(
  row: Readonly<ProductRow>,
  variants: readonly VariantRow[],
  categories: readonly string[],
): Product {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    description: row.description,
    brand: row.brand,
    taxCategory: row.tax_category,
    ...partsOf(row),
    categories: [...categories],
    status: row.status,
    variants: variants.map(variantView),
    version: row.version,
    createdAt: toInstant(row.created_at),
    updatedAt: toInstant(row.updated_at),
    publishedAt: row.published_at === null ? null : toInstant(row.published_at),
  };
}

/** What of a product's row lists need. */
export type CardRow = Readonly<Pick<ProductRow, "id" | "slug" | "title" | "brand" | "status" | "media">>;

/** A product as lists show it. */
export function cardView(row: CardRow, variants: readonly Pick<VariantRow, "sku" | "active">[]): ProductCard {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    brand: row.brand,
    status: row.status,
    image: imageOf(row),
    skus: variants.filter((variant) => variant.active === 1).map((variant) => variant.sku),
  };
}

/** The picture that stands for a product. */
export function imageOf(row: Readonly<Pick<ProductRow, "media">>): Media | null {
  return parse<Media[]>(row.media).find((media) => media.kind === "image") ?? null;
}

/** A variant. */
export function variantView(row: Readonly<VariantRow>): Variant {
  return {
    sku: row.sku,
    title: row.title,
    options: parse<Record<string, string>>(row.options),
    weightGrams: row.weight_grams,
    ...(row.barcode === null ? {} : { barcode: row.barcode }),
    active: row.active === 1,
    version: row.version,
  };
}

/** A category. */
export function categoryView(row: Readonly<CategoryRow>): Category {
  const { id, slug, name, description, position, version } = row;
  return { id, slug, name, description, parentId: row.parent_id, position, version };
}

/** An attribute. */
export function attributeView(row: Readonly<AttributeRow>): Attribute {
  const choices = parse<string[]>(row.choices);
  return {
    code: row.code,
    name: row.name,
    type: row.type,
    ...(choices.length === 0 ? {} : { choices }),
    ...(row.unit === null ? {} : { unit: row.unit }),
    facet: row.facet === 1,
  };
}
