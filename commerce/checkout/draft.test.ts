import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Cart } from "../cart/contract.ts";
import { CartIncomplete } from "../cart/contract.ts";
import { mistakeIn } from "../orders/domain.ts";
import { type Offer, priceCart } from "../pricing/domain.ts";
import { money } from "../shared/mod.ts";
import { draftOf } from "./draft.ts";

const eur = (amount: number) => money(amount, "EUR");
const ids = { orderId: "o1", checkoutId: "c1", subject: "ada" };
const ADDRESS = { name: "Ada", line1: "1", city: "Hamburg", postalCode: "20457", country: "DE" };

interface Bought {
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

function cartOf(bought: readonly Bought[], offers: readonly Offer[], taxBp: number, included: boolean): Cart {
  const shipping = eur(490);
  const priced = priceCart({
    currency: "EUR",
    lines: bought.map(({ sku, quantity, price }) => ({
      sku,
      quantity,
      unitPrice: eur(price),
      taxCategory: "standard",
    })),
    offers,
    shipping,
    taxes: [{ country: "DE", category: "standard", rateBp: taxBp, included }],
  });
  return {
    cartId: "01890000-0000-7000-8000-000000000001",
    status: "active",
    currency: "EUR",
    country: "DE",
    email: "ada@example.com",
    lines: bought.map(({ sku, quantity }) => ({
      sku,
      quantity,
      productId: `p-${sku}`,
      slug: sku.toLowerCase(),
      title: `Thing ${sku}`,
      variantTitle: sku === "A" ? "" : "blue",
      imageUrl: sku === "A" ? null : "/a.svg",
    })),
    couponCodes: ["ONE", "DEAD"],
    shippingAddress: ADDRESS,
    shippingOption: { code: "standard", label: "Standard", carrier: "Post", price: shipping, daysMin: 1, daysMax: 2 },
    quote: {
      ...priced,
      lines: [...priced.lines],
      discounts: [...priced.discounts],
      couponProblems: [],
      currency: "EUR",
      hash: "h",
    },
    problems: [],
    missing: [],
    version: 1,
    updatedAt: "2026-01-01T00:00:00.000Z",
  };
}

const percent = (bp: number): Offer => ({
  promotion: { promotionId: "p", label: "Off", benefit: { kind: "percent", bp }, needsCoupon: true },
  code: "ONE",
});
const free: Offer = {
  promotion: { promotionId: "f", label: "Free", benefit: { kind: "freeShipping" }, needsCoupon: true },
  code: "FREESHIP",
};

describe("the order that a cart becomes", () => {
  test("adds up by the rules of orders, whatever the cart costs", () => {
    const bought = fc.uniqueArray(
      fc.record({
        sku: fc.constantFrom("A", "B", "C"),
        quantity: fc.integer({ min: 1, max: 999 }),
        price: fc.integer({ min: 0, max: 1_000_000 }),
      }),
      { selector: ({ sku }) => sku, minLength: 1 },
    );
    fc.assert(
      fc.property(
        bought,
        fc.integer({ min: 1, max: 10_000 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 2_500 }),
        fc.boolean(),
        (lines, bp, isFree, tax, isIn) => {
          const cart = cartOf(lines, isFree ? [percent(bp), free] : [percent(bp)], tax, isIn);
          const { draft } = draftOf(cart, ids);
          assert.equal(mistakeIn(draft), undefined);
          assert.deepEqual(draft.totals.total, cart.quote?.total, "what was agreed is what is ordered");
          assert.equal(draft.shippingOption.price.amount, isFree ? 0 : 490);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("keeps what was shown, and only the coupons that count", () => {
    const cart = cartOf(
      [
        { sku: "A", quantity: 2, price: 500 },
        { sku: "B", quantity: 1, price: 100 },
      ],
      [percent(1_000)],
      0,
      true,
    );
    const { draft, coupons } = draftOf(cart, ids);
    assert.deepEqual(coupons, ["ONE"], "a code that did nothing is not used up");
    assert.deepEqual(draft.couponCodes, coupons);
    const [first, second] = draft.lines;
    assert.deepEqual([first?.title, first?.variantTitle, first?.imageUrl], ["Thing A", undefined, undefined]);
    assert.deepEqual([second?.productId, second?.variantTitle, second?.imageUrl], ["p-B", "blue", "/a.svg"]);
    assert.deepEqual(
      draft.lines.map(({ lineId }) => lineId),
      ["1", "2"],
    );
    assert.equal("billingAddress" in draft, false);
    assert.deepEqual(draftOf({ ...cart, billingAddress: ADDRESS }, ids).draft.billingAddress, ADDRESS);
  });

  test("is refused for a cart that lost what it needs", () => {
    const { email: _, ...cart } = cartOf([{ sku: "A", quantity: 1, price: 500 }], [], 0, true);
    assert.throws(() => draftOf(cart, ids), CartIncomplete.is);
    assert.throws(() => draftOf({ ...cart, email: "ada@example.com", quote: null }, ids), CartIncomplete.is);
  });
});
