/** catalog: reads, asks the domain, records. The work is in products.ts, variants.ts, categories.ts, views.ts and search.ts. */
import { type Context, implement } from "@isomer/kernel/runtime";
import { createCategory, defineAttribute, deleteCategory, updateCategory } from "./categories.ts";
import { catalog } from "./contract.ts";
import { type Around, changeState, importProducts, updateProduct } from "./products.ts";
import { search } from "./search.ts";
import type { Tables } from "./tables.ts";
import { addVariant, updateVariant } from "./variants.ts";
import { allProducts, attributes, categories, product, products, variants } from "./views.ts";

export default implement<Tables>()(catalog, {
  database: { migrations: new URL("./migrations", import.meta.url) },
  commands: {
    createProduct: (input, ctx) =>
      ctx.transaction(async (tx) => {
        const [saved] = await importProducts(tx, { products: [input] }, around(ctx));
        if (saved === undefined) throw new TypeError("One product went in, and none came out.");
        return saved;
      }),
    updateProduct: (input, ctx) => ctx.transaction((tx) => updateProduct(tx, input, around(ctx))),
    publish: (input, ctx) => ctx.transaction((tx) => changeState(tx, { ...input, action: "published" }, around(ctx))),
    unpublish: (input, ctx) =>
      ctx.transaction((tx) => changeState(tx, { ...input, action: "unpublished" }, around(ctx))),
    archive: (input, ctx) => ctx.transaction((tx) => changeState(tx, { ...input, action: "archived" }, around(ctx))),
    addVariant: (input, ctx) => ctx.transaction((tx) => addVariant(tx, input, around(ctx))),
    updateVariant: (input, ctx) => ctx.transaction((tx) => updateVariant(tx, input, around(ctx))),
    bulkImport: (input, ctx) =>
      ctx.transaction(async (tx) => {
        const saved = await importProducts(tx, input, around(ctx));
        return { products: saved.map(({ slug, id }) => ({ slug, id })) };
      }),
    createCategory: (input, ctx) => ctx.transaction((tx) => createCategory(tx, input, around(ctx))),
    updateCategory: (input, ctx) => ctx.transaction((tx) => updateCategory(tx, input)),
    deleteCategory: ({ id }, ctx) => ctx.transaction((tx) => deleteCategory(tx, id)),
    defineAttribute: (input, ctx) => ctx.transaction((tx) => defineAttribute(tx, input)),
  },
  queries: {
    product: ({ ref }, ctx) => ctx.read((db) => product(db, ref, ctx.can("catalog.manage"))),
    products: (input, ctx) => ctx.read((db) => products(db, input)),
    allProducts: (input, ctx) => ctx.read((db) => allProducts(db, input)),
    search: (input, ctx) => ctx.read((db) => search(db, input)),
    categories: (_, ctx) => ctx.read((db) => categories(db)),
    attributes: (_, ctx) => ctx.read((db) => attributes(db)),
    variants: ({ skus }, ctx) => ctx.read(async (db) => ({ variants: await variants(db, skus) })),
  },
});

function around(ctx: Pick<Context, "now" | "ids">): Around {
  return { now: () => ctx.now(), ids: ctx.ids };
}
