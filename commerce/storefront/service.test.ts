import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "@isomer/kernel/contract";
import { Broken } from "@isomer/kernel/std";
import { NoProduct, type Product, type ProductCard } from "../catalog/contract.ts";
import { oneService } from "../seed/testing/one-service.ts";
import { storefront } from "./contract.ts";
import { SKUS_MAX, inPieces } from "./pages.ts";
import service from "./service.ts";

const id = "01890a5d-ac96-774b-bcce-b302099a8057";
const at = "2026-01-01T00:00:00.000Z";
const variant = (sku: string) => ({
  sku,
  title: sku,
  options: {},
  weightGrams: 1,
  active: true,
  version: 1,
});
const card: ProductCard = {
  id,
  slug: "tent",
  title: "Tent",
  brand: "",
  status: "published",
  image: null,
  skus: ["T-1", "T-2"],
};
const product: Product = {
  id,
  slug: "tent",
  title: "Tent",
  description: "",
  brand: "",
  taxCategory: "standard",
  options: [],
  attributes: {},
  media: [],
  categories: [],
  status: "published",
  variants: [variant("T-1"), variant("T-2")],
  version: 1,
  createdAt: at,
  updatedAt: at,
  publishedAt: at,
};
const eur = (amount: number) => ({ amount, currency: "EUR" });

const answers: Readonly<Record<string, unknown>> = {
  "catalog.product": product,
  "catalog.products": { items: [card], nextCursor: "next" },
  "pricing.prices": {
    prices: [
      { sku: "T-1", price: eur(900), compareAt: eur(1_200), taxCategory: "standard" },
      { sku: "T-2", price: eur(700), taxCategory: "standard" },
    ],
  },
  "inventory.availability": { items: [{ sku: "T-1", available: 2, status: "low" }] },
};

const answering = (failing: readonly string[]) => ({
  answer: ({ service: name, operation }: Call) =>
    failing.includes(name) ? Promise.reject(Broken.with(undefined)) : Promise.resolve(answers[`${name}.${operation}`]),
});

test("a page joins its parts", async () => {
  await using shop = await oneService(service, answering([]));
  const page = await shop.call(storefront.productPage({ slug: "tent" }));
  assert.deepEqual(page.degraded, []);
  assert.deepEqual(
    page.product.variants.map(({ price, stock }) => [price, stock]),
    [
      [
        { price: eur(900), compareAt: eur(1_200) },
        { sku: "T-1", available: 2, status: "low" },
      ],
      [{ price: eur(700) }, null],
    ],
  );
  const list = await shop.call(storefront.productList({ currency: "EUR" }));
  assert.deepEqual([list.items[0]?.fromPrice, list.items[0]?.inStock, list.nextCursor], [eur(700), true, "next"]);
});

test("a page does without prices or stock, and says so", async () => {
  await using shop = await oneService(service, answering(["pricing"]));
  const page = await shop.call(storefront.productPage({ slug: "tent" }));
  assert.deepEqual([page.degraded, page.product.variants[0]?.price], [["price"], null]);
  assert.equal(page.product.variants[0]?.stock?.available, 2);
  await using alone = await oneService(service, answering(["pricing", "inventory"]));
  const list = await alone.call(storefront.productList({}));
  assert.deepEqual([list.degraded, list.items[0]?.inStock], [["price", "stock"], null]);
});

test("a page without a product is missing", async () => {
  const answer = () => Promise.reject(NoProduct.with({ product: "tent" }));
  await using shop = await oneService(service, { answer });
  await assert.rejects(shop.call(storefront.productPage({ slug: "tent" })), NoProduct.is);
});

test("no call asks about more skus than its contract takes", () => {
  const skus = Array.from({ length: 2 * SKUS_MAX + 1 }, (_, n) => `S-${n}`);
  assert.deepEqual(
    inPieces(skus).map((piece) => piece.skus.length),
    [SKUS_MAX, SKUS_MAX, 1],
  );
  assert.deepEqual(inPieces([]), []);
});

test("a picture is drawn for any name, and only for a name", async () => {
  await using shop = await oneService(service);
  const draw = (name: string) => shop.call(storefront.media({ name }));
  const { content } = await draw("ridge-two-tent.svg");
  assert.match(content, /^<svg .*>RT<.*<\/svg>$/s);
  assert.equal((await draw("ridge-two-tent.svg")).content, content);
  assert.notEqual((await draw("enamel-mug.svg")).content, content);
  for (const name of ["a<b.svg", "../x.svg", "x.png"]) await assert.rejects(draw(name), { code: "kernel/invalid" });
});
