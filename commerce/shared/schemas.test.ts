import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFault } from "@isomer/kernel/std";
import { type Schema, validator } from "@isomer/kernel/schema";
import { Money, SignedMoney } from "./money.ts";
import { BadCursor, decodeCursor, encodeCursor, pageFrom } from "./page.ts";
import { Address, Email, Sku, Totals } from "./schemas.ts";

const fits = (schema: Schema, value: unknown): boolean => validator(schema, "value").check(value);

describe("schemas", () => {
  test("money is whole, has a currency, and only adjustments have a sign", () => {
    assert.ok(fits(Money, { amount: 0, currency: "EUR" }));
    for (const bad of [
      { amount: 1.5 },
      { amount: -1 },
      { amount: "1" },
      { amount: 1, currency: "eur" },
      { extra: 1 },
    ]) {
      assert.equal(fits(Money, { amount: 1, currency: "EUR", ...bad }), false, JSON.stringify(bad));
    }
    assert.ok(fits(SignedMoney, { amount: -1, currency: "EUR" }));
  });

  test("addresses, skus and emails are checked", () => {
    const address = { name: "Ada", line1: "1 Main St", city: "Graz", postalCode: "8010", country: "AT" };
    assert.ok(fits(Address, address));
    assert.equal(fits(Address, { ...address, country: "Austria" }), false);
    assert.ok(fits(Sku, "MUG-BLUE-L"));
    assert.equal(fits(Sku, "mug blue"), false);
    assert.ok(fits(Email, "ada@example.com"));
    assert.equal(fits(Email, "ada"), false);
    const price = { amount: 1, currency: "EUR" };
    assert.ok(fits(Totals, { subtotal: price, discount: price, shipping: price, tax: price, total: price }));
  });
});

describe("pages", () => {
  test("a cursor gives back its values, and foreign ones are refused", () => {
    const cursor = encodeCursor(["größe", 17]);
    assert.match(cursor, /^[\w-]+$/);
    assert.deepEqual(decodeCursor(cursor, ["string", "number"]), ["größe", 17]);
    for (const bad of ["", "%%%", "AAAA", encodeCursor([1, "x"]), encodeCursor(["x"])]) {
      assert.throws(
        () => decodeCursor(bad, ["string", "number"]),
        (error) => isFault(error) && BadCursor.is(error),
      );
    }
  });

  test("the row too many says that there is another page", () => {
    const first = pageFrom([{ n: 1 }, { n: 2 }, { n: 3 }], 2, (row) => [row.n]);
    assert.deepEqual(first.items, [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(decodeCursor(first.nextCursor ?? "", ["number"]), [2]);
    assert.equal(pageFrom([{ n: 3 }], 2, (row) => [row.n]).nextCursor, undefined);
  });
});
