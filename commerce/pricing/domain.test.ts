import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { money } from "../shared/mod.ts";
import { type Offer, type PricedLine, type QuoteRequest, priceCart } from "./domain.ts";
import type { Benefit, Promotion, TaxRate } from "./schemas.ts";

const eur = (amount: number) => money(amount, "EUR");
const line = (sku: string, quantity: number, price: number, taxCategory = "standard"): PricedLine => ({
  sku,
  quantity,
  unitPrice: eur(price),
  taxCategory,
});
const tax = (rateBp: number, included: boolean, category = "standard"): TaxRate => ({
  country: "DE",
  category,
  rateBp,
  included,
});
const offer = (benefit: Benefit, more: Partial<Promotion> = {}, code?: string): Offer => ({
  promotion: {
    promotionId: more.promotionId ?? benefit.kind,
    label: "Offer",
    benefit,
    needsCoupon: code !== undefined,
    ...more,
  },
  ...(code === undefined ? {} : { code }),
});
const priced = (request: Partial<QuoteRequest>) =>
  priceCart({ currency: "EUR", lines: [], offers: [], shipping: null, taxes: [], ...request });
const percent = (bp: number) => ({ kind: "percent", bp }) as const;

const SKUS = ["A", "B", "C", "D"] as const;
const lines = fc.uniqueArray(
  fc
    .record({
      sku: fc.constantFrom(...SKUS),
      quantity: fc.integer({ min: 1, max: 9_999 }),
      price: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 1_000_000_000 })),
      category: fc.constantFrom("standard", "reduced", "unknown"),
    })
    .map(({ sku, quantity, price, category }) => line(sku, quantity, price, category)),
  { selector: (each) => each.sku, minLength: 1 },
);
const benefit: fc.Arbitrary<Benefit> = fc.oneof(
  fc.record({ kind: fc.constant("percent" as const), bp: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ kind: fc.constant("fixed" as const), amount: fc.integer({ min: 0, max: 5_000_000 }).map(eur) }),
  fc.record({ kind: fc.constant("freeShipping" as const) }),
  fc.record({
    kind: fc.constant("buyXGetY" as const),
    buy: fc.integer({ min: 1, max: 5 }),
    get: fc.integer({ min: 1, max: 5 }),
  }),
);
const offers = fc.array(
  fc
    .record({
      benefit,
      promotionId: fc.constantFrom("p1", "p2", "p3", "p4"),
      code: fc.option(fc.constantFrom("ONE", "TWO"), { nil: undefined }),
      skus: fc.option(fc.subarray([...SKUS], { minLength: 1 }), { nil: undefined }),
      minimum: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
    })
    .map((each) =>
      offer(
        each.benefit,
        {
          promotionId: each.promotionId,
          ...(each.skus === undefined ? {} : { skus: each.skus }),
          ...(each.minimum === undefined ? {} : { minSubtotal: eur(each.minimum) }),
        },
        each.code,
      ),
    ),
  { maxLength: 5 },
);
const request: fc.Arbitrary<QuoteRequest> = fc.record({
  currency: fc.constant("EUR"),
  lines,
  offers,
  shipping: fc.option(fc.integer({ min: 0, max: 10_000 }).map(eur)),
  taxes: fc
    .tuple(fc.integer({ min: 0, max: 10_000 }), fc.boolean(), fc.integer({ min: 0, max: 2_500 }), fc.boolean())
    .map(([standard, isIn, reduced, isReducedIn]) => [tax(standard, isIn), tax(reduced, isReducedIn, "reduced")]),
});

const total = (amounts: readonly { readonly amount: number }[]) => amounts.reduce((sum, { amount }) => sum + amount, 0);

describe("any cart", () => {
  test("adds up, in whole minor units, and nothing is negative", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const quote = priceCart(asked);
        assert.equal(
          quote.total.amount,
          quote.subtotal.amount - quote.discount.amount + quote.shipping.amount + quote.tax.amount,
        );
        assert.equal(total(quote.lines.map((each) => each.discount)), quote.discount.amount, "discounts of lines");
        assert.equal(
          total(quote.discounts.map((each) => each.amount)),
          quote.discount.amount,
          "discounts by promotion",
        );
        assert.equal(total(quote.lines.map((each) => each.tax)), quote.tax.amount);
        assert.equal(total(quote.lines.map((each) => each.total)) + quote.shipping.amount, quote.total.amount);
        for (const each of quote.lines) {
          assert.equal(each.subtotal.amount, each.unitPrice.amount * each.quantity);
          assert.equal(each.total.amount, each.subtotal.amount - each.discount.amount + each.tax.amount);
          assert.ok(each.discount.amount >= 0 && each.discount.amount <= each.subtotal.amount, "at most all of it");
          assert.ok(each.taxIncluded.amount <= each.subtotal.amount - each.discount.amount);
          for (const { amount } of [each.discount, each.tax, each.taxIncluded, each.total]) {
            assert.ok(Number.isSafeInteger(amount) && amount >= 0 && !Object.is(amount, -0), String(amount));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("gives a promotion once, and says of each code whether it counted", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const quote = priceCart(asked);
        const given = quote.discounts.map(({ promotionId }) => promotionId);
        assert.equal(new Set(given).size, given.length, "two codes of one promotion are one discount");
        const told = [...quote.discounts, ...quote.couponProblems].flatMap(({ code }) =>
          code === undefined ? [] : [code],
        );
        const askedFor = asked.offers.flatMap(({ code }) => (code === undefined ? [] : [code]));
        assert.deepEqual(told.toSorted(), askedFor.toSorted());
      }),
      { numRuns: 1_000 },
    );
  });

  test("costs no less with another piece, where nothing is taken off", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const plain = { ...asked, offers: [] };
        const [first, ...rest] = plain.lines;
        if (first === undefined) return;
        const more = { ...plain, lines: [{ ...first, quantity: first.quantity + 1 }, ...rest] };
        assert.ok(priceCart(more).total.amount >= priceCart(plain).total.amount);
      }),
    );
  });
});

describe("vectors that others published", () => {
  test("commercetools: 3 × 1.08 at 19 % is 3.86, taxed by the line", () => {
    const quote = priced({ lines: [line("A", 3, 108)], taxes: [tax(1_900, false)] });
    assert.deepEqual([quote.tax.amount, quote.total.amount], [62, 386]);
  });

  test("Medusa #14818: 24.99 at 10.75 % and 6.44 for sending is 34.12", () => {
    const quote = priced({ lines: [line("A", 1, 2_499)], taxes: [tax(1_075, false)], shipping: eur(644) });
    assert.deepEqual([quote.tax.amount, quote.total.amount], [269, 3_412]);
  });

  test("tax that prices include is told, and not added", () => {
    const quote = priced({ lines: [line("A", 1, 11_900)], taxes: [tax(1_900, true)] });
    assert.deepEqual([quote.tax.amount, quote.taxIncluded.amount, quote.total.amount], [0, 1_900, 11_900]);
  });

  test("a currency without minor units is never split", () => {
    const yen = (amount: number) => money(amount, "JPY");
    const quote = priceCart({
      currency: "JPY",
      lines: [1, 2, 3].map((n) => ({ sku: `S${n}`, quantity: 1, unitPrice: yen(100), taxCategory: "standard" })),
      offers: [offer({ kind: "fixed", amount: yen(100) })],
      shipping: yen(500),
      taxes: [tax(1_000, false)],
    });
    assert.deepEqual(
      quote.lines.map((each) => each.discount.amount),
      [34, 33, 33],
    );
    assert.deepEqual([quote.tax.amount, quote.total.amount], [7 + 7 + 7, 200 + 500 + 21]);
  });
});

describe("promotions", () => {
  test("a percentage is rounded once for the order, then split", () => {
    const quote = priced({
      lines: [line("A", 1, 333), line("B", 1, 333), line("C", 1, 333)],
      offers: [offer(percent(1_000))],
    });
    assert.deepEqual([quote.discount.amount, quote.lines.map((each) => each.discount.amount)], [100, [34, 33, 33]]);
  });

  test("buy two, get one: for each three of a line one is free", () => {
    const free = (quantity: number) =>
      priced({ lines: [line("A", quantity, 500)], offers: [offer({ kind: "buyXGetY", buy: 2, get: 1 })] }).discount
        .amount;
    assert.deepEqual([2, 3, 5, 6, 7].map(free), [0, 500, 500, 1_000, 1_000]);
  });

  test("one takes from what another left, and never more than there is", () => {
    const half = offer(percent(5_000), { promotionId: "half" });
    const quote = priced({ lines: [line("A", 1, 1_000)], offers: [half, offer({ kind: "fixed", amount: eur(800) })] });
    assert.deepEqual([quote.discount.amount, quote.total.amount], [1_000, 0]);
    assert.deepEqual(
      quote.discounts.map((each) => each.amount.amount),
      [500, 500],
    );
  });

  test("free sending makes sending free, before and after its price is known", () => {
    const free = offer({ kind: "freeShipping" }, {}, "FREESHIP");
    const quote = priced({ lines: [line("A", 1, 1_000)], offers: [free], shipping: eur(490) });
    assert.deepEqual([quote.shipping.amount, quote.freeShipping, quote.total.amount], [0, true, 1_000]);
    assert.equal(priced({ lines: [line("A", 1, 1_000)], offers: [free] }).freeShipping, true);
  });

  test("only some variants, from some sum on, in the right currency", () => {
    const some = offer(percent(1_000), { skus: ["B"] }, "SOME");
    const quote = priced({ lines: [line("A", 1, 1_000), line("B", 1, 1_000)], offers: [some] });
    assert.deepEqual(
      quote.lines.map((each) => each.discount.amount),
      [0, 100],
    );
    const problemWith = (more: Partial<Promotion>, given: Benefit = percent(1_000)) =>
      priced({ lines: [line("A", 1, 1_000)], offers: [offer(given, more, "SOME")] }).couponProblems[0]?.reason;
    assert.equal(problemWith({ skus: ["B"] }), "notApplicable");
    assert.equal(problemWith({ minSubtotal: eur(1_001) }), "belowMinimum");
    assert.equal(problemWith({ minSubtotal: eur(1_000) }), undefined);
    assert.equal(problemWith({ minSubtotal: money(1, "USD") }), "notApplicable");
    assert.equal(problemWith({}, { kind: "fixed", amount: money(100, "USD") }), "notApplicable");
  });
});
