import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type OneService, oneService } from "../seed/testing/one-service.ts";
import {
  BadProducts,
  CategoryInUse,
  NoProduct,
  NothingToSell,
  VersionConflict,
  WrongState,
  catalog,
} from "./contract.ts";
import type { NewProduct } from "./schemas.ts";
import service from "./service.ts";

async function shop(): Promise<OneService> {
  const shopped = await oneService(service, { may: false });
  await shopped.call(catalog.createCategory({ slug: "shelter", name: "Shelter" }));
  await shopped.call(catalog.createCategory({ slug: "tents", name: "Tents", parent: "shelter" }));
  await shopped.call(catalog.createCategory({ slug: "kitchen", name: "Kitchen" }));
  await shopped.call(
    catalog.defineAttribute({
      code: "material",
      name: "Material",
      type: "choice",
      choices: ["steel", "nylon"],
      facet: true,
    }),
  );
  await shopped.call(catalog.defineAttribute({ code: "persons", name: "Persons", type: "number", facet: true }));
  return shopped;
}

const tent = (slug: string, more: Partial<NewProduct> = {}): NewProduct => ({
  slug,
  title: "Ridge Tent",
  description: "Stands in any wind.",
  options: [{ name: "Colour", values: ["Moss", "Rust"] }],
  attributes: { material: "nylon", persons: 2 },
  media: [{ url: `/media/${slug}.svg`, alt: "A tent", kind: "image" }],
  categories: ["tents"],
  variants: ["Moss", "Rust"].map((colour) => ({
    sku: `${slug}-${colour}`.toUpperCase(),
    options: { Colour: colour },
    weightGrams: 1_900,
  })),
  ...more,
});

const mug: NewProduct = {
  slug: "camp-mug",
  title: "Camp Mug",
  description: "Keeps coffee warm in the tent.",
  attributes: { material: "steel" },
  categories: ["kitchen"],
  variants: [{ sku: "MUG-1", options: {} }],
};

describe("a product", () => {
  test("is drafted, published, changed and archived", async () => {
    await using shopped = await shop();
    const { id } = await shopped.call(catalog.createProduct(tent("ridge")));
    await assert.rejects(shopped.call(catalog.product({ ref: "ridge" })), NoProduct.is, "drafts are not shown");
    await shopped.call(catalog.publish({ id }));
    const shown = await shopped.call(catalog.product({ ref: "ridge" }));
    assert.deepEqual(
      shown.variants.map((variant) => variant.title),
      ["Moss", "Rust"],
    );
    assert.deepEqual([shown.version, shown.categories, shown.status], [2, ["tents"], "published"]);
    assert.equal((await shopped.call(catalog.product({ ref: id }))).slug, "ridge");
    const changed = await shopped.call(catalog.updateProduct({ id, version: 2, title: "Ridge Two" }));
    assert.equal(changed.version, 3);
    assert.equal((await shopped.call(catalog.product({ ref: id }))).description, "Stands in any wind.");
    await assert.rejects(shopped.call(catalog.updateProduct({ id, version: 2, title: "Lost" })), (error) => {
      assert.ok(VersionConflict.is(error));
      assert.deepEqual(error.data, { expected: 2, actual: 3 });
      return true;
    });
    await shopped.call(catalog.archive({ id, version: 3 }));
    await assert.rejects(shopped.call(catalog.publish({ id })), WrongState.is);
    assert.equal((await shopped.call(catalog.search({ q: "ridge" }))).total, 0);
    assert.deepEqual(await shopped.events(), ["productPublished", "productUpdated", "productUnpublished"]);
  });

  test("needs something to sell before it is published", async () => {
    await using shopped = await shop();
    const { id } = await shopped.call(catalog.createProduct(tent("ridge", { variants: [] })));
    await assert.rejects(shopped.call(catalog.publish({ id })), NothingToSell.is);
    const variant = { productId: id, sku: "R-1", options: { Colour: "Moss" } };
    assert.equal((await shopped.call(catalog.addVariant(variant))).title, "Moss");
    await assert.rejects(shopped.call(catalog.addVariant({ ...variant, sku: "R-2" })), BadProducts.is, "same options");
    await assert.rejects(shopped.call(catalog.addVariant({ ...variant, options: { Colour: "Rust" } })), BadProducts.is);
    await shopped.call(catalog.publish({ id }));
    await shopped.call(catalog.updateVariant({ sku: "R-1", version: 1, active: false }));
    await assert.rejects(shopped.call(catalog.updateVariant({ sku: "R-1", version: 1 })), VersionConflict.is);
    assert.deepEqual((await shopped.call(catalog.product({ ref: id }))).variants, []);
    const [info] = (await shopped.call(catalog.variants({ skus: ["R-1", "NONE"] }))).variants;
    assert.deepEqual([info?.sellable, info?.slug, info?.variantTitle], [false, "ridge", "Moss"]);
  });

  test("keeps options that its variants have", async () => {
    await using shopped = await shop();
    const { id } = await shopped.call(catalog.createProduct(tent("ridge")));
    const options = [{ name: "Colour", values: ["Moss"] }];
    await assert.rejects(shopped.call(catalog.updateProduct({ id, version: 1, options })), BadProducts.is);
    await shopped.call(catalog.updateProduct({ id, version: 1, slug: "ridge", categories: ["kitchen"] }));
    await shopped.call(catalog.publish({ id }));
    assert.deepEqual((await shopped.call(catalog.product({ ref: id }))).categories, ["kitchen"]);
  });
});

test("an import names what is wrong in which row, and changes nothing", async () => {
  await using shopped = await shop();
  await shopped.call(catalog.createProduct(mug));
  const bad = [
    tent("good"),
    tent("good"),
    { ...mug, categories: ["nowhere"] },
    tent("values", { attributes: { material: "wood", persons: "two", weight: 3 } }),
    tent("options", {
      variants: [
        { sku: "O-1", options: { Colour: "Pink" } },
        { sku: "O-2", options: { Size: "L" } },
      ],
    }),
    tent("empty", { variants: [] }),
  ];
  await assert.rejects(shopped.call(catalog.bulkImport({ products: bad, publish: true })), (error) => {
    assert.ok(BadProducts.is(error));
    const seen = error.data.problems.map(({ row, field }) => `${row} ${field}`);
    assert.deepEqual(seen, [
      "1 slug",
      "1 variants.GOOD-MOSS",
      "1 variants.GOOD-RUST",
      "2 slug",
      "2 categories",
      "2 variants.MUG-1",
      "3 attributes.material",
      "3 attributes.persons",
      "3 attributes.weight",
      "4 variants.O-1",
      "4 variants.O-2",
      "5 variants",
    ]);
    assert.match(error.message, /^Product 1 \(good\): slug "good" is in use\. And 11 more\. Nothing was changed\.$/);
    return true;
  });
  assert.equal((await shopped.call(catalog.allProducts({}))).items.length, 1);
  await shopped.call(catalog.bulkImport({ products: [tent("good"), tent("better")], publish: true }));
  assert.equal((await shopped.call(catalog.products({}))).items.length, 2);
  assert.deepEqual(await shopped.events(), ["productPublished", "productPublished"]);
});

describe("search", () => {
  async function stocked(): Promise<OneService> {
    const shopped = await shop();
    const products = [tent("ridge"), tent("valley", { title: "Valley Tarp", attributes: { persons: 4 } }), mug];
    await shopped.call(catalog.bulkImport({ products, publish: true }));
    return shopped;
  }
  const slugs = (found: { items: readonly { slug: string }[] }) => found.items.map((item) => item.slug);

  test("finds by beginnings of words, whole words and titles first", async () => {
    await using shopped = await stocked();
    assert.deepEqual(slugs(await shopped.call(catalog.search({ q: "tent" }))), ["ridge", "camp-mug"]);
    assert.deepEqual(slugs(await shopped.call(catalog.search({ q: "TÉN wi" }))), ["ridge"], "every word must match");
    assert.deepEqual(slugs(await shopped.call(catalog.search({ q: "valley-mo" }))), ["valley"], "parts of a sku");
    assert.deepEqual(slugs(await shopped.call(catalog.search({ q: "the" }))), []);
    assert.deepEqual(slugs(await shopped.call(catalog.search({ q: "%_'; --" }))), []);
  });

  test("counts facets of what it found, and filters by them", async () => {
    await using shopped = await stocked();
    const all = await shopped.call(catalog.search({}));
    assert.equal(all.total, 3);
    assert.deepEqual(
      all.facets.categories.map(({ slug, count }) => [slug, count]),
      [
        ["shelter", 2],
        ["tents", 2],
        ["kitchen", 1],
      ],
    );
    const colour = all.facets.attributes.find((facet) => facet.code === "colour");
    assert.deepEqual(colour, {
      code: "colour",
      name: "Colour",
      values: [
        { value: "Moss", count: 2 },
        { value: "Rust", count: 2 },
      ],
    });
    const some = catalog.search({
      filter: ["material:nylon", "material:steel"],
      category: "shelter",
    });
    assert.deepEqual(slugs(await shopped.call(some)), ["ridge"]);
    assert.deepEqual(slugs(await shopped.call(catalog.search({ filter: ["material:nylon", "persons:4"] }))), []);
  });

  test("and lists go on where they ended", async () => {
    await using shopped = await stocked();
    const whole = slugs(await shopped.call(catalog.search({})));
    const listed = slugs(await shopped.call(catalog.products({})));
    for (const [list, wanted] of [
      [catalog.search, whole],
      [catalog.products, listed],
    ] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await shopped.call(list({ limit: 1, ...(cursor === undefined ? {} : { cursor }) }));
        seen.push(...slugs(page));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, wanted);
    }
    await assert.rejects(shopped.call(catalog.products({ cursor: "bad" })), {
      code: "shop/bad-cursor",
    });
    assert.deepEqual(slugs(await shopped.call(catalog.products({ category: "shelter" }))), ["valley", "ridge"]);
  });
});

test("categories move with all that is in them, but not into themselves", async () => {
  await using shopped = await shop();
  await shopped.call(catalog.bulkImport({ products: [tent("ridge")], publish: true }));
  const { items } = await shopped.call(catalog.categories({}));
  const [kitchen, shelter, tents] = ["kitchen", "shelter", "tents"].map((slug) =>
    items.find((item) => item.slug === slug),
  );
  assert.ok(kitchen && shelter && tents);
  const into = (id: string, parent: string | null) => shopped.call(catalog.updateCategory({ id, version: 1, parent }));
  await assert.rejects(into(shelter.id, "tents"), CategoryInUse.is);
  await into(shelter.id, "kitchen");
  assert.equal((await shopped.call(catalog.products({ category: "kitchen" }))).items.length, 1);
  await assert.rejects(shopped.call(catalog.deleteCategory({ id: shelter.id })), CategoryInUse.is);
  await assert.rejects(shopped.call(catalog.deleteCategory({ id: tents.id })), CategoryInUse.is);
  await into(tents.id, null);
  assert.equal((await shopped.call(catalog.products({ category: "kitchen" }))).items.length, 0);
  await shopped.call(catalog.deleteCategory({ id: shelter.id }));
  await assert.rejects(shopped.call(catalog.createCategory({ slug: "tents", name: "Again" })), {
    code: "catalog/taken",
  });
});
