import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type OneService, oneService } from "../seed/testing/one-service.ts";
import {
  BadPrice,
  CouponUsedUp,
  CouponsClosed,
  CurrencyMismatch,
  LimitBelowUse,
  NoPrice,
  NoPromotion,
  pricing,
} from "./contract.ts";
import type { Promotion } from "./schemas.ts";
import service from "./service.ts";

const eur = (amount: number) => ({ amount, currency: "EUR" });
const welcome: Promotion = {
  promotionId: "welcome",
  label: "10 %",
  benefit: { kind: "percent", bp: 1_000 },
  needsCoupon: true,
};

async function shop(): Promise<OneService> {
  const opened = await oneService(service);
  await opened.call(
    pricing.setPrices({
      prices: [
        { sku: "MUG", price: eur(1_000), taxCategory: "standard" },
        { sku: "TENT", price: eur(20_000), compareAt: eur(25_000), taxCategory: "standard" },
      ],
    }),
  );
  await opened.call(
    pricing.setTaxRates({ rates: [{ country: "DE", category: "standard", rateBp: 1_900, included: true }] }),
  );
  await opened.call(pricing.putPromotion(welcome));
  await opened.call(pricing.putCoupon({ code: "welcome10", promotionId: "welcome", limit: 3, perCustomerLimit: 1 }));
  await opened.events();
  return opened;
}

const hold = (orderId: string, customer: string, codes = ["WELCOME10"]) =>
  pricing.holdCoupons({ orderId, codes, customer, ttlMs: 60_000 });
const commit = (orderId: string) => pricing.commitCoupons({ orderId });
const release = (orderId: string) => pricing.releaseCoupons({ orderId, reason: "test" });

/** How often the coupon is used: by its counter, by its redemptions. They must agree at every moment. */
async function uses(opened: OneService, code = "WELCOME10"): Promise<number> {
  const { held, committed } = await opened.call(pricing.coupon({ code }));
  const [row] = await opened.database.read({ label: "test" }, (connection) =>
    connection.all<{ used: number }>("SELECT used FROM coupon WHERE code = ?", [code]),
  );
  assert.equal(row?.used, held + committed, "the counter is the sum of the redemptions");
  return held + committed;
}

describe("coupons of orders", () => {
  test("are held, committed, and given back when the order is cancelled", async () => {
    await using opened = await shop();
    await opened.call(hold("o1", "ada", ["welcome10", "WELCOME10"]));
    await opened.call(hold("o1", "ada"));
    assert.equal(await uses(opened), 1, "asking again holds no more");
    await opened.call(commit("o1"));
    await opened.call(commit("o1"));
    assert.deepEqual((await opened.call(pricing.coupon({ code: "welcome10" }))).committed, 1);
    await opened.call(release("o1"));
    await opened.call(release("o1"));
    assert.equal(await uses(opened), 0);
    await assert.rejects(opened.call(hold("o1", "ada")), CouponsClosed.is);
    await assert.rejects(opened.call(commit("o1")), CouponsClosed.is);
    assert.deepEqual(await opened.events(), ["couponsHeld", "couponsRedeemed", "couponsReleased"]);
  });

  test("cannot be held by an order that was given up before it asked", async () => {
    await using opened = await shop();
    await opened.call(release("o1"));
    await assert.rejects(opened.call(hold("o1", "ada")), CouponsClosed.is);
    assert.deepEqual((await opened.call(commit("o2"))).codes, [], "an order without coupons has none to commit");
  });

  test("hold to their limits, also when everybody asks at once", async () => {
    await using opened = await shop();
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => opened.call(hold(`o${index}`, `customer-${index}`))),
    );
    assert.equal(asked.filter(({ status }) => status === "fulfilled").length, 3);
    for (const result of asked) if (result.status === "rejected") assert.ok(CouponUsedUp.is(result.reason));
    assert.equal(await uses(opened), 3);
    const quoted = await opened.call(quote(["WELCOME10"]));
    assert.deepEqual(quoted.couponProblems, [{ code: "WELCOME10", reason: "usedUp" }]);
  });

  test("hold to the limit of each customer, all codes or none", async () => {
    await using opened = await shop();
    await opened.call(pricing.putCoupon({ code: "OTHER", promotionId: "welcome" }));
    await opened.call(hold("o1", "ada"));
    await assert.rejects(opened.call(hold("o2", "ada", ["OTHER", "WELCOME10"])), CouponUsedUp.is);
    assert.deepEqual([await uses(opened), await uses(opened, "OTHER")], [1, 0], "nothing of a refused hold is kept");
    await opened.call(hold("o2", "ada", ["OTHER"]));
    await assert.rejects(opened.call(hold("o3", "eve", ["NOPE-1"])), NoPromotion.is);
  });

  test("a hold that ran out frees its use; an order that was paid all the same takes it anew, if there is one left", async () => {
    await using opened = await shop();
    await opened.call(pricing.putCoupon({ code: "LAST", promotionId: "welcome", limit: 1 }));
    await opened.call(hold("slow", "ada", ["LAST", "WELCOME10"]));
    await opened.clock.advance(61_000);
    await opened.job("expireHolds");
    assert.deepEqual([await uses(opened), await uses(opened, "LAST")], [0, 0]);
    await opened.call(hold("quick", "eve", ["LAST"]));
    await opened.call(commit("quick"));
    assert.deepEqual((await opened.call(commit("slow"))).codes, ["LAST", "WELCOME10"], "the buyer has paid the price");
    assert.deepEqual([await uses(opened), await uses(opened, "LAST")], [1, 1], "what is used up is not counted again");
    await opened.call(release("slow"));
    assert.deepEqual([await uses(opened), await uses(opened, "LAST")], [0, 1], "only its own use is given back");
    await opened.call(release("quick"));
    assert.equal(await uses(opened, "LAST"), 0);
  });

  test("in any history the counter is right and no limit is passed", async () => {
    const step = fc.tuple(
      fc.constantFrom("hold", "hold", "commit", "commit", "expire", "release"),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom("ada", "eve", "zoe"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await using opened = await shop();
        await opened.call(pricing.putCoupon({ code: "LAST", promotionId: "welcome", limit: 1 }));
        for (const [what, order, customer] of steps) {
          if (what === "expire") {
            await opened.clock.advance(61_000);
            await opened.job("expireHolds");
          } else {
            const call = {
              hold: hold(`o${order}`, customer, ["LAST", "WELCOME10"]),
              commit: commit(`o${order}`),
              release: release(`o${order}`),
            }[what];
            await opened.call(call).catch((error: unknown) => {
              if (!CouponUsedUp.is(error) && !CouponsClosed.is(error)) throw error;
            });
          }
          assert.ok((await uses(opened)) <= 3);
          assert.ok((await uses(opened, "LAST")) <= 1);
          const eager = await opened.database.read({ label: "test" }, (connection) =>
            connection.all(
              `SELECT customer FROM redemption WHERE code = 'WELCOME10' AND state IN ('held', 'committed')
               GROUP BY customer HAVING COUNT(*) > 1`,
            ),
          );
          assert.deepEqual(eager, [], "nobody has used it more often than they may");
        }
      }),
      { numRuns: 80 },
    );
  });

  test("a limit cannot be set below what is used", async () => {
    await using opened = await shop();
    for (const [order, customer] of [
      ["o1", "ada"],
      ["o2", "eve"],
    ] as const)
      await opened.call(hold(order, customer));
    await assert.rejects(
      opened.call(pricing.putCoupon({ code: "WELCOME10", promotionId: "welcome", limit: 1 })),
      LimitBelowUse.is,
    );
    await opened.call(pricing.putCoupon({ code: "WELCOME10", promotionId: "welcome", limit: 2 }));
    assert.equal(await uses(opened), 2);
    await assert.rejects(opened.call(pricing.putCoupon({ code: "NEW", promotionId: "nothing" })), NoPromotion.is);
  });
});

const quote = (
  couponCodes: string[],
  more: { customer?: string; shipping?: { amount: number; currency: string } | null } = {},
) =>
  pricing.quote({
    currency: "EUR",
    country: "DE",
    lines: [{ sku: "MUG", quantity: 2 }],
    couponCodes,
    shipping: null,
    ...more,
  });

describe("quotes", () => {
  test("are equal in their hash when they charge the same for the same", async () => {
    await using opened = await shop();
    const first = await opened.call(quote([]));
    assert.equal((await opened.call(quote([]))).hash, first.hash);
    assert.notEqual((await opened.call(quote(["WELCOME10"]))).hash, first.hash);
    assert.notEqual((await opened.call(quote([], { shipping: eur(490) }))).hash, first.hash);
    await opened.call(pricing.setPrices({ prices: [{ sku: "MUG", price: eur(1_001), taxCategory: "standard" }] }));
    assert.notEqual((await opened.call(quote([]))).hash, first.hash);
    assert.deepEqual(await opened.events(), ["priceChanged"]);
    await opened.call(pricing.setPrices({ prices: [{ sku: "MUG", price: eur(1_001), taxCategory: "standard" }] }));
    assert.deepEqual(await opened.events(), [], "the same price again is no change");
  });

  test("say why a code does nothing", async () => {
    await using opened = await shop();
    const now = opened.clock.now();
    const at = (ms: number) => new Date(now + ms).toISOString();
    for (const [promotionId, times] of [
      ["early", { startsAt: at(1_000) }],
      ["late", { endsAt: at(0) }],
    ] as const) {
      await opened.call(pricing.putPromotion({ ...welcome, promotionId, ...times }));
      await opened.call(pricing.putCoupon({ code: promotionId, promotionId }));
    }
    const { couponProblems } = await opened.call(quote(["early", "late", "nope"]));
    assert.deepEqual(
      couponProblems.map(({ reason }) => reason),
      ["notStarted", "ended", "unknown"],
    );
    await opened.clock.advance(1_000);
    assert.equal((await opened.call(quote(["early"]))).discount.amount, 200);
    await opened.call(hold("o1", "ada"));
    assert.equal((await opened.call(quote(["WELCOME10"], { customer: "ada" }))).couponProblems[0]?.reason, "usedUp");
    assert.equal((await opened.call(quote(["WELCOME10"], { customer: "eve" }))).discount.amount, 200);
  });

  test("two codes of one promotion take its discount once", async () => {
    await using opened = await shop();
    await opened.call(pricing.putCoupon({ code: "AGAIN", promotionId: "welcome" }));
    const quoted = await opened.call(quote(["WELCOME10", "AGAIN"]));
    assert.equal(quoted.discount.amount, 200);
    assert.deepEqual(quoted.couponProblems, [{ code: "AGAIN", reason: "notApplicable" }]);
  });

  test("of hostile input are refused, never broken", async () => {
    await using opened = await shop();
    await assert.rejects(opened.call(quote([], { shipping: { amount: 1, currency: "USD" } })), CurrencyMismatch.is);
    await assert.rejects(opened.call(quote([], { shipping: eur(Number.MAX_SAFE_INTEGER) })), {
      code: "kernel/invalid",
    });
    const tooMuch = { sku: "MUG", price: eur(Number.MAX_SAFE_INTEGER), taxCategory: "standard" };
    await assert.rejects(opened.call(pricing.setPrices({ prices: [tooMuch] })), { code: "kernel/invalid" });
    const mixed = { sku: "MUG", price: eur(1), compareAt: { amount: 2, currency: "USD" }, taxCategory: "standard" };
    await assert.rejects(opened.call(pricing.setPrices({ prices: [mixed] })), BadPrice.is);
    const lines = [{ sku: "NOTHING", quantity: 1 }];
    const asked = pricing.quote({ currency: "EUR", country: "DE", lines, couponCodes: [], shipping: null });
    await assert.rejects(opened.call(asked), NoPrice.is);
  });
});
