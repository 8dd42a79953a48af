import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { currencies, exponentOf, isCurrency } from "./currency.ts";
import {
  type Money,
  add,
  allocate,
  compare,
  format,
  fromDecimal,
  money,
  multiplyByQuantity,
  negate,
  scaleByRatio,
  subtract,
  sum,
  toDecimal,
  zero,
} from "./money.ts";

const eur = (amount: number): Money => money(amount, "EUR");
const amounts = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });

describe("currencies", () => {
  test("have the minor units of ISO 4217", () => {
    const counts = new Map<number, number>();
    for (const code of currencies) counts.set(exponentOf(code), (counts.get(exponentOf(code)) ?? 0) + 1);
    assert.deepEqual(
      [...counts].toSorted(([a], [b]) => a - b),
      [
        [0, 17],
        [2, 139],
        [3, 7],
        [4, 2],
      ],
    );
    assert.deepEqual(["EUR", "JPY", "KWD", "CLF", "HUF"].map(exponentOf), [2, 0, 3, 4, 2]);
    assert.equal(isCurrency("XAU"), false);
    assert.throws(() => exponentOf("EURO"), TypeError);
  });
});

describe("arithmetic", () => {
  test("refuses to mix currencies", () => {
    for (const mix of [add, subtract, compare]) assert.throws(() => mix(eur(1), money(1, "USD")), TypeError);
    assert.throws(() => sum([eur(1), money(1, "USD")], "EUR"), TypeError);
  });

  test("refuses amounts that a double cannot hold, and quantities with fractions", () => {
    assert.throws(() => add(eur(Number.MAX_SAFE_INTEGER), eur(1)), RangeError);
    assert.throws(() => multiplyByQuantity(eur(Number.MAX_SAFE_INTEGER), 2), RangeError);
    assert.throws(() => multiplyByQuantity(eur(100), 1.5), RangeError);
    assert.throws(() => money(0.1, "EUR"), RangeError);
  });

  test("adds and subtracts exactly", () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        assert.deepEqual(subtract(add(eur(a), eur(b)), eur(b)), eur(a));
        assert.equal(add(eur(a), negate(eur(a))).amount, 0);
      }),
    );
    assert.deepEqual(sum([], "JPY"), zero("JPY"));
  });
});

describe("scaling", () => {
  test("rounds halves to even, and up on request", () => {
    const tenths = [5, 15, 25, 35, -5, -15, -25];
    assert.deepEqual(
      tenths.map((n) => scaleByRatio(eur(n), 1, 10).amount),
      [0, 2, 2, 4, 0, -2, -2],
    );
    assert.deepEqual(
      tenths.map((n) => scaleByRatio(eur(n), 1, 10, "half-up").amount),
      [1, 2, 3, 4, -1, -2, -3],
    );
  });

  test("agrees with exact arithmetic, also where a double is too small", () => {
    const anyRatio = fc.record({
      amount: fc.integer({ min: 0, max: 1_000_000_000_000 }),
      numerator: fc.integer({ min: 0, max: 1_000_000 }),
      denominator: fc.integer({ min: 1, max: 1_000_000_000 }),
    });
    fc.assert(
      fc.property(anyRatio, ({ amount, numerator, denominator }) => {
        fc.pre((amount * numerator) / denominator < 9e15);
        const exact = BigInt(amount) * BigInt(numerator);
        const got = BigInt(scaleByRatio(eur(amount), numerator, denominator).amount) * BigInt(denominator);
        const error = got > exact ? got - exact : exact - got;
        assert.ok(error * 2n <= BigInt(denominator), "at most half a unit away");
      }),
    );
  });

  test("refuses ratios that are none", () => {
    assert.throws(() => scaleByRatio(eur(1), 1, 0), RangeError);
    assert.throws(() => scaleByRatio(eur(1), 0.19, 1), RangeError);
  });

  test("meets the vectors of other shops", () => {
    // commercetools, TaxCalculationMode: 3 × $1.08 at 19 %, by line and by unit.
    const price = money(108, "USD");
    const line = multiplyByQuantity(price, 3);
    assert.equal(add(line, scaleByRatio(line, 19, 100)).amount, 386);
    assert.equal(multiplyByQuantity(add(price, scaleByRatio(price, 19, 100)), 3).amount, 387);
    // Medusa issue 14818: 24.99 at 10.75 % plus 6.44 shipping is 34.12, not 34.116425.
    const item = money(2499, "USD");
    assert.equal(sum([item, scaleByRatio(item, 1075, 10_000), money(644, "USD")], "USD").amount, 3412);
    // UCP: 79 × 150 × 10^-2 = 118.5, which UCP rounds up.
    assert.equal(scaleByRatio(money(79, "JPY"), 150, 100, "half-up").amount, 119);
    assert.equal(scaleByRatio(money(79, "JPY"), 150, 100).amount, 118);
  });
});

describe("allocation", () => {
  test("gives parts that add up, each within one unit of its exact share", () => {
    const weights = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        const parts = allocate(eur(amount), shares);
        assert.equal(sum(parts, "EUR").amount, amount);
        const whole = shares.reduce((a, b) => a + b, 0);
        if (whole === 0) return;
        for (const [index, part] of parts.entries()) {
          assert.ok(Math.abs(part.amount - (amount * (shares[index] ?? 0)) / whole) < 1 + 1e-6);
          if (shares[index] === 0) assert.equal(part.amount, 0);
        }
      }),
    );
  });

  test("gives odd units to the largest remainder, then to the first", () => {
    const split = (amount: number, ...weights: number[]) => allocate(eur(amount), weights).map((part) => part.amount);
    assert.deepEqual(split(100, 1, 1, 1), [34, 33, 33]);
    assert.deepEqual(split(-100, 1, 1, 1), [-34, -33, -33]);
    assert.deepEqual(split(10, 1, 5, 3), [1, 6, 3]);
    assert.deepEqual(split(5, 0, 0), [3, 2]);
    assert.throws(() => split(5), RangeError);
    assert.throws(() => split(5, 1, -1), RangeError);
  });
});

describe("text", () => {
  test("has the places of the currency", () => {
    const shown = [
      ["EUR", 1999],
      ["EUR", -5],
      ["JPY", 1200],
      ["KWD", 1],
      ["CLF", 12_345],
    ] as const;
    assert.deepEqual(
      shown.map(([code, amount]) => toDecimal({ amount, currency: code })),
      ["19.99", "-0.05", "1200", "0.001", "1.2345"],
    );
    assert.equal(format(eur(123_456)), "€1,234.56");
    assert.equal(format(money(1200, "JPY")), "¥1,200");
    assert.match(format(money(1, "IQD")), /0\.001$/);
  });

  test("reads back what it wrote", () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom(...currencies), (amount, code) => {
        assert.deepEqual(fromDecimal(toDecimal({ amount, currency: code }), code), { amount, currency: code });
      }),
    );
    for (const bad of ["1.999", "", "1,00", "1e3", " 1"]) assert.throws(() => fromDecimal(bad, "EUR"), RangeError);
  });
});
