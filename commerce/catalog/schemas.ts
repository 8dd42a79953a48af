/** What the catalogue's contract speaks of. */
import { type TypeOf, t } from "@isomer/kernel/schema";
import { Sku, Version } from "../shared/mod.ts";

/** A name in addresses: lower case, digits and single hyphens. */
export const Slug = t.text({
  minLength: 1,
  maxLength: 100,
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  description: "A name in addresses: lower case letters, digits and hyphens.",
  examples: ["ridge-two-tent"],
});

/** The code of an attribute, or of a choice of one. */
export const Code = t.text({
  minLength: 1,
  maxLength: 60,
  pattern: "^[a-z0-9]+([_-][a-z0-9]+)*$",
  examples: ["material"],
});

export const PRODUCT_STATES = ["draft", "published", "archived"] as const;
/** Where a product is in its life. Only published ones are shown and sold. */
export const ProductState = t.oneOf(PRODUCT_STATES);

/** A way in which the variants of a product differ, and its values in the order to show them. */
export const Option = t.object({
  name: t.text({ minLength: 1, maxLength: 40, examples: ["Size"] }),
  values: t.array(t.text({ minLength: 1, maxLength: 60 }), { minItems: 1, maxItems: 60 }),
});
/** A way in which the variants of a product differ. */
export type Option = TypeOf<typeof Option>;

/** A picture, film or document about a product. */
/** A picture, film or document about a product. */
export type Media = TypeOf<typeof Media>;
export const Media = t.object({
  url: t.text({
    minLength: 1,
    maxLength: 500,
    pattern: "^(/|https://)[^\\s]*$",
    description: "Own path, or https address.",
  }),
  alt: t.text({ maxLength: 200, description: "What it shows, for those who cannot see it." }),
  kind: t.oneOf(["image", "video", "document"]),
});

/** The value of an attribute; its type is the attribute's. */
export const AttributeValue = t.union(t.text({ maxLength: 200 }), t.number(), t.boolean());
/** The value of an attribute. */
export type AttributeValue = TypeOf<typeof AttributeValue>;

/** A property that products may have, with a type. */
export const Attribute = t.object({
  code: Code,
  name: t.text({ minLength: 1, maxLength: 60 }),
  type: t.oneOf(["text", "number", "boolean", "choice"]),
  choices: t.optional(t.array(t.text({ minLength: 1, maxLength: 60 }), { maxItems: 100 })),
  unit: t.optional(t.text({ maxLength: 20, examples: ["g"] })),
  facet: t.boolean({ description: "Whether searches count and filter by it." }),
});
/** A property that products may have, with a type. */
export type Attribute = TypeOf<typeof Attribute>;

/** A node of the category tree. */
export const Category = t.object({
  id: t.id(),
  slug: Slug,
  name: t.text({ minLength: 1, maxLength: 80 }),
  description: t.text({ maxLength: 1_000 }),
  parentId: t.nullable(t.id()),
  position: t.integer({ minimum: 0, maximum: 10_000 }),
  version: Version,
});
/** A node of the category tree. */
export type Category = TypeOf<typeof Category>;

/** What a variant is made of. */
export const variantFields = {
  sku: Sku,
  title: t.optional(t.text({ minLength: 1, maxLength: 200, description: "Made of its options unless given." })),
  options: t.record(t.text({ minLength: 1, maxLength: 60 }), {
    description: "A value for each of the product's options.",
  }),
  weightGrams: t.optional(t.integer({ minimum: 0, maximum: 1_000_000 })),
  barcode: t.optional(t.text({ maxLength: 40 })),
};

/** A variant to add. */
export const NewVariant = t.object(variantFields);
/** A variant to add. */
export type NewVariant = TypeOf<typeof NewVariant>;

/** A variant of a product: what is priced, stocked and sold. */
export const Variant = t.object({
  sku: Sku,
  title: t.text({ maxLength: 200 }),
  options: t.record(t.text({ maxLength: 60 })),
  weightGrams: t.integer({ minimum: 0 }),
  barcode: t.optional(t.text({ maxLength: 40 })),
  active: t.boolean({ description: "Whether it is sold while its product is published." }),
  version: Version,
});
/** A variant of a product. */
export type Variant = TypeOf<typeof Variant>;

/** What a product is made of, besides its variants. */
export const productFields = {
  slug: Slug,
  title: t.text({ minLength: 1, maxLength: 200 }),
  description: t.text({ maxLength: 10_000 }),
  brand: t.text({ maxLength: 80 }),
  taxCategory: Code,
  options: t.array(Option, { maxItems: 3 }),
  attributes: t.record(AttributeValue),
  media: t.array(Media, { maxItems: 30 }),
  categories: t.array(Slug, { maxItems: 10, description: "Slugs of categories." }),
};

/** A product to add, with its variants. */
export const NewProduct = t.object({
  slug: productFields.slug,
  title: productFields.title,
  description: t.optional(productFields.description),
  brand: t.optional(productFields.brand),
  taxCategory: t.optional(productFields.taxCategory),
  options: t.optional(productFields.options),
  attributes: t.optional(productFields.attributes),
  media: t.optional(productFields.media),
  categories: t.optional(productFields.categories),
  variants: t.optional(t.array(NewVariant, { maxItems: 100 })),
});
/** A product to add, with its variants. */
export type NewProduct = TypeOf<typeof NewProduct>;

/** A product with all that is known of it. */
export const Product = t.object({
  id: t.id(),
  ...productFields,
  status: ProductState,
  variants: t.array(Variant, { maxItems: 100 }),
  version: Version,
  createdAt: t.instant(),
  updatedAt: t.instant(),
  publishedAt: t.nullable(t.instant()),
});
/** A product with all that is known of it. */
export type Product = TypeOf<typeof Product>;

/** A product as lists show it. */
export const ProductCard = t.object({
  id: t.id(),
  slug: Slug,
  title: t.text({ maxLength: 200 }),
  brand: t.text({ maxLength: 80 }),
  status: ProductState,
  image: t.nullable(Media),
  skus: t.array(Sku, { maxItems: 100 }),
});
/** A product as lists show it. */
export type ProductCard = TypeOf<typeof ProductCard>;

/** What other services need to know of a variant to price, hold and describe it. */
export const VariantInfo = t.object({
  sku: Sku,
  productId: t.id(),
  slug: Slug,
  title: t.text({ maxLength: 200, description: "The product's." }),
  variantTitle: t.text({ maxLength: 200 }),
  options: t.record(t.text({ maxLength: 60 })),
  imageUrl: t.nullable(t.text({ maxLength: 500 })),
  weightGrams: t.integer({ minimum: 0 }),
  taxCategory: Code,
  sellable: t.boolean({ description: "Active, and its product published." }),
});
/** What other services need to know of a variant. */
export type VariantInfo = TypeOf<typeof VariantInfo>;
