/** catalog: what the shop offers. It owns products, variants, categories and attributes, and finds them. */
import { anyone, command, contract, event, http, permission, query } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";
import { BadCursor, Sku, Version, pageFields, pageOf } from "../shared/mod.ts";
import {
  BadProducts,
  CategoryInUse,
  NoCategory,
  NoProduct,
  NothingToSell,
  NoVariant,
  Taken,
  VersionConflict,
  WrongState,
} from "./faults.ts";
import {
  Attribute,
  Category,
  Code,
  NewProduct,
  Product,
  ProductCard,
  ProductState,
  Slug,
  Variant,
  VariantInfo,
  productFields,
  variantFields,
} from "./schemas.ts";

export {
  BadProducts,
  CategoryInUse,
  NoCategory,
  NoProduct,
  NothingToSell,
  NoVariant,
  Taken,
  VersionConflict,
  WrongState,
} from "./faults.ts";
export {
  Attribute,
  type AttributeValue,
  Category,
  NewProduct,
  NewVariant,
  Product,
  ProductCard,
  Slug,
  Variant,
  VariantInfo,
} from "./schemas.ts";

/** How many products an import takes at most. */
export const IMPORT_MAX = 100;

const manage = permission("catalog.manage");
const expectedVersion = t.optional(t.integer({ minimum: 1, description: "The version that was read: from If-Match." }));
const ProductId = t.id({ description: "The id of a product." });
const Saved = t.object({ id: t.id(), slug: Slug, status: ProductState, version: Version });
const CategoryRef = t.text({
  minLength: 1,
  maxLength: 100,
  description: "The slug or the id of a category.",
});

const step = (summary: string, verb: string, faults: Parameters<typeof command>[0]["faults"] = []) =>
  command({
    summary,
    input: t.object({ id: ProductId, version: expectedVersion }),
    output: Saved,
    faults: [NoProduct, VersionConflict, WrongState, ...faults],
    allow: [manage],
    deadlineMs: 2_000,
    http: http(`POST /v1/products/:id/${verb}`, { etag: "version", ifMatch: "version" }),
  });

const productEvent = (summary: string) =>
  event({
    summary,
    key: "productId",
    data: t.object({
      productId: t.id(),
      slug: Slug,
      title: t.text({ maxLength: 200 }),
      version: Version,
      skus: t.array(Sku, { maxItems: 100 }),
    }),
  });

export const catalog = contract("catalog", {
  version: "1.0.0",
  summary: "Products, variants, categories and attributes, and the search over them.",
  permissions: {
    "catalog.manage": "See drafts; create, change, publish and archive products and categories.",
  },
  commands: {
    createProduct: command({
      summary: "Create a product as a draft",
      input: NewProduct,
      output: Saved,
      faults: [BadProducts],
      allow: [manage],
      deadlineMs: 3_000,
      http: http("POST /v1/products", { status: 201, etag: "version" }),
    }),
    /** Changes the fields that are given. Lists and maps are replaced as a whole. */
    updateProduct: command({
      summary: "Change a product",
      input: t.object({
        id: ProductId,
        version: Version,
        slug: t.optional(productFields.slug),
        title: t.optional(productFields.title),
        description: t.optional(productFields.description),
        brand: t.optional(productFields.brand),
        taxCategory: t.optional(productFields.taxCategory),
        options: t.optional(productFields.options),
        attributes: t.optional(productFields.attributes),
        media: t.optional(productFields.media),
        categories: t.optional(productFields.categories),
      }),
      output: Saved,
      faults: [NoProduct, VersionConflict, WrongState, BadProducts],
      allow: [manage],
      deadlineMs: 3_000,
      http: http("PATCH /v1/products/:id", { etag: "version", ifMatch: "version" }),
    }),
    publish: step("Publish a product", "publish", [NothingToSell]),
    unpublish: step("Take a product back to draft", "unpublish"),
    archive: step("Archive a product for good", "archive"),
    addVariant: command({
      summary: "Add a variant to a product",
      input: t.object({ productId: ProductId, ...variantFields }),
      output: Variant,
      faults: [NoProduct, WrongState, BadProducts],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("POST /v1/products/:productId/variants", { status: 201, etag: "version" }),
    }),
    updateVariant: command({
      summary: "Change a variant",
      input: t.object({
        sku: Sku,
        version: Version,
        title: t.optional(t.text({ minLength: 1, maxLength: 200 })),
        weightGrams: variantFields.weightGrams,
        barcode: variantFields.barcode,
        active: t.optional(t.boolean()),
      }),
      output: Variant,
      faults: [NoVariant, VersionConflict],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("PATCH /v1/variants/:sku", { etag: "version", ifMatch: "version" }),
    }),
    /** Creates up to 100 products with their variants: all, or none and a list of what is wrong in which row. */
    bulkImport: command({
      summary: "Import products",
      input: t.object({
        products: t.array(NewProduct, { minItems: 1, maxItems: IMPORT_MAX }),
        publish: t.optional(t.boolean({ description: "Whether they are published at once." })),
      }),
      output: t.object({
        products: t.array(t.object({ slug: Slug, id: t.id() }), { maxItems: IMPORT_MAX }),
      }),
      faults: [BadProducts],
      allow: [manage],
      deadlineMs: 15_000,
      http: http("POST /v1/products/import", { bodyBytesMax: 4_000_000 }),
    }),
    createCategory: command({
      summary: "Add a category",
      input: t.object({
        slug: Slug,
        name: Category.properties.name,
        description: t.optional(Category.properties.description),
        parent: t.optional(CategoryRef),
        position: t.optional(Category.properties.position),
      }),
      output: Category,
      faults: [Taken, NoCategory, CategoryInUse],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("POST /v1/categories", { status: 201, etag: "version" }),
    }),
    /** Changes the fields that are given; a new `parent` moves it with all that is in it, `null` to the top. */
    updateCategory: command({
      summary: "Change or move a category",
      input: t.object({
        id: t.id(),
        version: Version,
        slug: t.optional(Slug),
        name: t.optional(Category.properties.name),
        description: t.optional(Category.properties.description),
        parent: t.optional(t.nullable(CategoryRef)),
        position: t.optional(Category.properties.position),
      }),
      output: Category,
      faults: [NoCategory, VersionConflict, Taken, CategoryInUse],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("PATCH /v1/categories/:id", { etag: "version", ifMatch: "version" }),
    }),
    deleteCategory: command({
      summary: "Delete an empty category",
      input: t.object({ id: t.id() }),
      output: t.object({ deleted: t.boolean() }),
      faults: [NoCategory, CategoryInUse],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("DELETE /v1/categories/:id"),
    }),
    /** Adds an attribute, or changes its name, choices, unit and whether it is a facet; its type stays. */
    defineAttribute: command({
      summary: "Define an attribute",
      input: Attribute,
      output: Attribute,
      faults: [Taken],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("PUT /v1/attributes/:code"),
    }),
  },
  queries: {
    product: query({
      summary: "Show a product",
      input: t.object({
        ref: t.text({
          minLength: 1,
          maxLength: 100,
          description: "The slug or the id of a product.",
        }),
      }),
      output: Product,
      faults: [NoProduct],
      allow: [anyone],
      deadlineMs: 1_000,
      http: http("GET /v1/products/:ref", { etag: "version" }),
    }),
    products: query({
      summary: "List products, newest first",
      input: t.object({ category: t.optional(CategoryRef), ...pageFields }),
      output: pageOf(ProductCard),
      faults: [BadCursor, NoCategory],
      allow: [anyone],
      deadlineMs: 1_000,
      staleMaxMs: 3_000,
      http: http("GET /v1/products"),
    }),
    /** Those in any state, for whoever manages them. */
    allProducts: query({
      summary: "List products in any state",
      input: t.object({ status: t.optional(ProductState), ...pageFields }),
      output: pageOf(ProductCard),
      faults: [BadCursor],
      allow: [manage],
      deadlineMs: 2_000,
      http: http("GET /v1/admin/products"),
    }),
    /** Every word must begin a word of the product. Counts facets over all that was found. */
    search: query({
      summary: "Search products, with facets",
      input: t.object({
        q: t.optional(
          t.text({
            minLength: 1,
            maxLength: 200,
            description: "Words; the last may be unfinished.",
          }),
        ),
        category: t.optional(CategoryRef),
        filter: t.optional(
          t.array(t.text({ maxLength: 130, pattern: "^[a-z0-9_-]+:.+$" }), {
            maxItems: 20,
            description: "`attribute:value`. Several of one attribute are alternatives.",
          }),
        ),
        ...pageFields,
      }),
      output: t.object({
        items: t.array(ProductCard, { maxItems: 100 }),
        nextCursor: t.optional(t.text({ maxLength: 500 })),
        total: t.integer({ minimum: 0 }),
        facets: t.object({
          categories: t.array(t.object({ slug: Slug, name: t.text(), count: t.integer() }), {
            maxItems: 200,
          }),
          attributes: t.array(
            t.object({
              code: Code,
              name: t.text(),
              values: t.array(t.object({ value: t.text(), count: t.integer() }), { maxItems: 100 }),
            }),
            { maxItems: 50 },
          ),
        }),
      }),
      faults: [BadCursor, NoCategory],
      allow: [anyone],
      deadlineMs: 1_000,
      criticality: "sheddable",
      staleMaxMs: 5_000,
      http: http("GET /v1/search"),
    }),
    categories: query({
      summary: "List all categories",
      input: t.object({}),
      output: t.object({ items: t.array(Category) }),
      allow: [anyone],
      deadlineMs: 1_000,
      staleMaxMs: 5_000,
      http: http("GET /v1/categories"),
    }),
    attributes: query({
      summary: "List all attributes",
      input: t.object({}),
      output: t.object({ items: t.array(Attribute) }),
      allow: [anyone],
      deadlineMs: 1_000,
      staleMaxMs: 5_000,
      http: http("GET /v1/attributes"),
    }),
    /** What carts, prices and orders need to know of variants. Unknown ones are left out. */
    variants: query({
      summary: "Describe variants by their skus",
      input: t.object({ skus: t.array(Sku, { minItems: 1, maxItems: 1_000 }) }),
      output: t.object({ variants: t.array(VariantInfo) }),
      allow: [anyone],
      deadlineMs: 1_000,
      criticality: "high",
    }),
  },
  events: {
    productPublished: productEvent("A product can be seen and bought."),
    productUpdated: productEvent("A published product, or one of its variants, changed."),
    productUnpublished: productEvent("A product can no longer be seen or bought."),
    variantAdded: event({
      summary: "A product has a new variant.",
      key: "productId",
      data: t.object({ productId: t.id(), sku: Sku, title: t.text({ maxLength: 200 }) }),
    }),
  },
});
