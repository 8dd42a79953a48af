import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "@isomer/kernel/contract";
import { validator } from "@isomer/kernel/schema";
import { catalog } from "../catalog/contract.ts";
import catalogService from "../catalog/service.ts";
import { inventory } from "../inventory/contract.ts";
import inventoryService from "../inventory/service.ts";
import { pricing } from "../pricing/contract.ts";
import { seedCatalogue } from "./catalogue.ts";
import { seedCoupons, seedPromotions, seedTaxRates } from "./offers.ts";
import { type SeedCall, seedShop } from "./seed.ts";
import { type OneService, oneService } from "./testing/one-service.ts";

/** A shop of catalogue and inventory, whose connection breaks before call number `breaksAt`. */
async function shop() {
  const services: Record<string, OneService> = {
    catalog: await oneService(catalogService),
    inventory: await oneService(inventoryService),
  };
  const state = { calls: 0, breaksAt: Infinity };
  const call: SeedCall = async <Output>(made: Call<string, Output>) => {
    state.calls += 1;
    if (state.calls === state.breaksAt) throw new Error("power cut");
    if (made.service !== "pricing") return services[made.service]?.call(made) as Promise<Output>;
    const { input } = pricing.commands[made.operation as keyof typeof pricing.commands];
    return validator(input, made.operation).parse(made.input) as Output;
  };
  return {
    call,
    state,
    async [Symbol.asyncDispose]() {
      for (const service of Object.values(services)) await service[Symbol.asyncDispose]();
    },
  };
}

test("the catalogue is of the size that it promises, and its skus are its own", () => {
  const { products, prices, stock, categories } = seedCatalogue;
  const skus = products.flatMap((product) => (product.variants ?? []).map((variant) => variant.sku));
  assert.equal(new Set(skus).size, skus.length);
  assert.ok(products.length >= 60 && skus.length >= 300, `${products.length} products, ${skus.length} variants`);
  assert.ok(categories.length >= 12);
  assert.deepEqual([...new Set(prices.map((price) => price.price.currency))].toSorted(), ["EUR", "JPY", "USD"]);
  assert.ok(prices.every(({ price, compareAt }) => price.amount > 0 && (compareAt?.amount ?? Infinity) > price.amount));
  const levels = stock.map((line) => line.quantity);
  for (const wanted of [levels.filter((n) => n === 0), levels.filter((n) => n > 0 && n < 4)]) {
    assert.ok(wanted.length > levels.length / 20, "some levels are empty, some are low");
  }
  const limited = stock.filter((line) => line.sku === "SUNMUG");
  assert.equal(
    limited.reduce((sum, line) => sum + line.quantity, 0),
    50,
  );
  const coupons = new Set(seedPromotions.map((promotion) => promotion.promotionId));
  assert.ok(seedCoupons.every((coupon) => coupons.has(coupon.promotionId)));
  assert.ok(seedTaxRates.length > 0);
});

test("an empty shop is filled once", async () => {
  await using empty = await shop();
  assert.equal(await seedShop(empty.call), "filled");
  const found = await empty.call(catalog.search({ q: "tent", category: "shelter" }));
  assert.ok(found.total >= 5);
  assert.deepEqual((await empty.call(inventory.audit({}))).violations, []);
  const calls = empty.state.calls;
  assert.equal(await seedShop(empty.call), "was filled");
  assert.equal(empty.state.calls, calls + 1);
});

test("seeding that breaks off anywhere goes on at the next start, without the keys being remembered", async () => {
  await using whole = await shop();
  await seedShop(whole.call);
  const counted = whole.state.calls;
  const wanted = await whole.call(inventory.movements({ limit: 100 }));
  for (let breaksAt = 2; breaksAt < counted; breaksAt += 7) {
    await using broken = await shop();
    broken.state.breaksAt = breaksAt;
    await assert.rejects(seedShop(broken.call), /power cut/);
    assert.equal(await seedShop(broken.call), "filled");
    assert.deepEqual(
      (await broken.call(inventory.movements({ limit: 100 }))).items.map(({ sku, quantity }) => [sku, quantity]),
      wanted.items.map(({ sku, quantity }) => [sku, quantity]),
    );
    assert.deepEqual((await broken.call(inventory.audit({}))).violations, []);
  }
});

test("a shop with products of its own is left alone", async () => {
  await using own = await shop();
  await own.call(catalog.createProduct({ slug: "own", title: "Own" }));
  assert.equal(await seedShop(own.call), "is somebody's own");
  assert.equal((await own.call(catalog.categories({}))).items.length, 0);
});
