import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { oneService } from "../seed/testing/one-service.ts";
import { NoService, shipping } from "./contract.ts";
import service from "./service.ts";

const ask = (country: string, currency: string, amount: number, items = 1) =>
  shipping.options({ country, currency, subtotal: { amount, currency }, items });

describe("ways of sending", () => {
  test("begin with a price list for eight countries and four currencies", async () => {
    await using shop = await oneService(service);
    for (const country of ["DE", "AT", "FR", "NL", "GB", "US", "CH", "JP"]) {
      for (const currency of ["EUR", "USD", "GBP", "JPY"]) {
        const { options } = await shop.call(ask(country, currency, 0));
        assert.ok(
          options.some(({ code }) => code === "standard"),
          `${country} ${currency}`,
        );
        assert.ok(options.every(({ price, daysMin, daysMax }) => price.currency === currency && daysMin <= daysMax));
      }
    }
    const { options } = await shop.call(ask("DE", "EUR", 1_000));
    assert.deepEqual(
      options.map(({ code, price }) => [code, price.amount]),
      [
        ["standard", 490],
        ["express", 1_290],
        ["pickup-point", 390],
      ],
    );
  });

  test("cost nothing from a sum on, and more for each further piece", async () => {
    await using shop = await oneService(service);
    const price = async (amount: number, items: number) =>
      Object.fromEntries(
        (await shop.call(ask("DE", "EUR", amount, items))).options.map((each) => [each.code, each.price.amount]),
      );
    assert.deepEqual(await price(4_999, 3), { standard: 490, express: 1_690, "pickup-point": 0 });
    assert.deepEqual(await price(5_000, 3), { standard: 0, express: 1_690, "pickup-point": 0 });
  });

  test("are refused by name where nothing is sent to, and empty where there is no price in a currency", async () => {
    await using shop = await oneService(service);
    await assert.rejects(shop.call(ask("AQ", "EUR", 0)), NoService.is);
    assert.deepEqual(await shop.call(ask("DE", "CHF", 0)), { options: [] });
  });

  test("can be replaced zone by zone; a country moves with its new zone", async () => {
    await using shop = await oneService(service);
    const rate = {
      code: "sledge",
      label: "Sledge",
      carrier: "Dogs",
      currency: "EUR",
      price: 9_900,
      daysMin: 20,
      daysMax: 30,
    };
    const zones = [{ zone: "far", countries: ["AQ", "JP"], rates: [rate, { ...rate, label: "Sledge again" }] }];
    await shop.call(shipping.setRates({ zones }));
    for (const country of ["AQ", "JP"]) {
      const { options } = await shop.call(ask(country, "EUR", 0));
      assert.deepEqual(
        options.map(({ label }) => label),
        ["Sledge again"],
      );
    }
    assert.equal((await shop.call(ask("US", "EUR", 0))).options.length, 2, "the other zones stay");
    const listed = (await shop.call(shipping.rates({}))).zones.find(({ zone }) => zone === "far");
    assert.deepEqual(listed, {
      zone: "far",
      countries: ["AQ", "JP"],
      rates: [{ ...rate, label: "Sledge again", perItem: 0 }],
    });
  });
});
