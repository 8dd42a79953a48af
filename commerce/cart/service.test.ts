import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Call, Identity } from "@isomer/kernel/contract";
import type { Service } from "@isomer/kernel/runtime";
import { Unreachable } from "@isomer/kernel/transport";
import { auth } from "../auth/contract.ts";
import { catalog } from "../catalog/contract.ts";
import { checkout } from "../checkout/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { orders } from "../orders/contract.ts";
import { type Price, pricing } from "../pricing/contract.ts";
import pricingService from "../pricing/service.ts";
import { shipping } from "../shipping/contract.ts";
import shippingService from "../shipping/service.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import {
  type Cart,
  CartChanged,
  CartClosed,
  CartFull,
  CartIncomplete,
  NoCart,
  NoShippingOption,
  NotForSale,
  PriceChanged,
  cart,
} from "./contract.ts";
import { COUPONS_MAX, LINES_MAX, QUANTITY_MAX } from "./schemas.ts";
import service from "./service.ts";

const ADA: Identity = { subject: "ada", roles: ["customer"], guest: false };
const GUEST: Identity = { subject: "guest-1", roles: ["guest"], guest: true };
const EVE: Identity = { subject: "eve", roles: ["customer"], guest: false };
const ADMIN: Identity = { subject: "root", roles: ["admin"], guest: false };
const ADDRESS = { name: "Ada", line1: "12 Harbour Street", city: "Hamburg", postalCode: "20457", country: "DE" };
const SHIPPING = { carrierUrl: "http://x", apiKey: "k", webhookSecrets: ["s"] };

/** Pricing that cannot be asked while `isDown` says so. */
function pricingThatMay(isDown: () => boolean): Service {
  const { quote, ...others } = pricingService.queries;
  const answer: typeof quote = async (input, ctx) => {
    if (isDown()) throw Unreachable.with({ service: "pricing", reason: "nobody listens" });
    return quote?.(input, ctx);
  };
  return { ...pricingService, queries: { ...others, quote: answer } };
}

/** A world with real prices and rates; the catalogue knows every sku but `GONE`, and tokens are subjects. */
async function shop(isDown = (): boolean => false): Promise<TestWorld> {
  const queries = {
    variants: ({ skus }: { skus: string[] }) => ({
      variants: skus.filter((sku) => sku !== "NOTHING").map((sku) => variant(sku)),
    }),
  };
  const world = await testWorld({
    services: [
      service,
      pricingThatMay(isDown),
      shippingService,
      standIn(catalog, { queries }),
      standIn(auth, {
        queries: { identify: ({ token }: { token: string }) => ({ subject: token, guest: token.startsWith("guest") }) },
      }),
      standIn(inventory),
      standIn(orders, { uses: [shipping, pricing] }),
      standIn(checkout, { uses: [cart, pricing] }),
    ],
    settings: { shipping: SHIPPING },
    roles: { admin: ["pricing.manage", "shipping.manage"], customer: [], guest: [] },
  });
  const prices: Price[] = Array.from({ length: LINES_MAX + 1 }, (_, index) => ({
    sku: `SKU-${index}`,
    price: { amount: 1_000, currency: "EUR" },
    taxCategory: "standard",
  }));
  await world.call(pricing.setPrices({ prices }), { identity: ADMIN });
  const benefit = { kind: "percent" as const, bp: 1_000 };
  await world.call(pricing.putPromotion({ promotionId: "ten", label: "10 %", benefit, needsCoupon: true }), {
    identity: ADMIN,
  });
  await world.call(pricing.putCoupon({ code: "TEN", promotionId: "ten" }), { identity: ADMIN });
  return world;
}

const variant = (sku: string) => ({
  sku,
  productId: "01890000-0000-7000-8000-000000000001",
  slug: sku.toLowerCase(),
  title: `Thing ${sku}`,
  variantTitle: "",
  imageUrl: null,
  sellable: sku !== "GONE",
  weightGrams: 1,
  options: {},
  taxCategory: "standard",
});

/** A call by checkout. */
async function byCheckout<Output>(world: TestWorld, call: Call<string, Output>): Promise<Output> {
  const { clock, ids } = world.host.world;
  const reply = await world.host.transport.send({
    ...call,
    key: ids.next(),
    clientKey: false,
    attempt: 1,
    deadlineAt: clock.monotonicMs() + 10_000,
    caller: "checkout",
    identity: undefined,
    trace: undefined,
    criticality: "critical",
    signal: undefined,
  });
  return reply.output as Output;
}

const create = (world: TestWorld, identity = ADA, currency = "EUR") =>
  world.call(cart.create({ currency, country: "DE" }), { identity });
const add = (world: TestWorld, cartId: string, sku: string, quantity: number, identity = ADA) =>
  world.call(cart.addLine({ cartId, sku, quantity }), { identity });
const contents = ({ lines }: Cart) => Object.fromEntries(lines.map(({ sku, quantity }) => [sku, quantity]));

/** A cart that can be bought. */
async function complete(world: TestWorld): Promise<Cart> {
  const { cartId } = await create(world);
  await add(world, cartId, "SKU-1", 2);
  const details = { email: "Ada@Example.com ", shippingAddress: ADDRESS, shippingOption: "standard" };
  return world.call(cart.update({ cartId, ...details, email: details.email.trim() }), { identity: ADA });
}

const freeze = (world: TestWorld, { cartId, quote }: Cart, checkoutId = "c1", hash = quote?.hash ?? "") =>
  byCheckout(world, cart.freeze({ cartId, checkoutId, hash }));

describe("filling a cart", () => {
  test("prices it, counts pieces of a line together, and counts its versions", async () => {
    await using world = await shop();
    const { cartId, version } = await create(world);
    await add(world, cartId, "SKU-1", 2);
    const filled = await add(world, cartId, "SKU-1", 3);
    assert.deepEqual(
      [contents(filled), filled.quote?.total.amount, filled.version],
      [{ "SKU-1": 5 }, 5_000, version + 2],
    );
    const set = await world.call(cart.setQuantity({ cartId, sku: "SKU-1", quantity: 1 }), { identity: ADA });
    assert.equal(set.lines[0]?.total?.amount, 1_000);
    const emptied = await world.call(cart.setQuantity({ cartId, sku: "SKU-1", quantity: 0 }), { identity: ADA });
    assert.deepEqual([emptied.lines, emptied.quote], [[], null]);
    assert.deepEqual((await world.call(cart.removeLine({ cartId, sku: "SKU-1" }), { identity: ADA })).lines, []);
    for (const sku of ["GONE", "NOTHING"]) {
      assert.ok(NotForSale.is(await world.fault(cart.addLine({ cartId, sku, quantity: 1 }), { identity: ADA })));
    }
  });

  test("stops at its bounds: pieces of a line, lines, coupons", async () => {
    await using world = await shop();
    const { cartId } = await create(world);
    await add(world, cartId, "SKU-0", QUANTITY_MAX);
    assert.ok(CartFull.is(await world.fault(cart.addLine({ cartId, sku: "SKU-0", quantity: 1 }), { identity: ADA })));
    for (let index = 1; index < LINES_MAX; index += 1) await add(world, cartId, `SKU-${index}`, 1);
    const onceMore = cart.addLine({ cartId, sku: `SKU-${LINES_MAX}`, quantity: 1 });
    assert.ok(CartFull.is(await world.fault(onceMore, { identity: ADA })));
    assert.equal((await add(world, cartId, "SKU-1", 1)).lines.length, LINES_MAX, "a line that is there may grow");
    for (let index = 0; index < COUPONS_MAX; index += 1) {
      await world.call(cart.applyCoupon({ cartId, code: `CODE-${index}` }), { identity: ADA });
    }
    assert.ok(CartFull.is(await world.fault(cart.applyCoupon({ cartId, code: "ONE-MORE" }), { identity: ADA })));
  });

  test("a code that is none is refused at once, and one that does nothing is told", async () => {
    await using world = await shop();
    const { cartId } = await create(world);
    await add(world, cartId, "SKU-1", 1);
    const hostile = await world.fault(cart.applyCoupon({ cartId, code: "'; DROP" }), { identity: ADA });
    assert.equal(hostile.code, "kernel/invalid");
    const told = await world.call(cart.applyCoupon({ cartId, code: "nothing" }), { identity: ADA });
    assert.deepEqual([told.problems[0]?.code, told.quote?.total.amount], ["coupon", 1_000]);
    const reduced = await world.call(cart.applyCoupon({ cartId, code: "ten" }), { identity: ADA });
    assert.equal(reduced.quote?.total.amount, 900);
    const back = await world.call(cart.removeCoupon({ cartId, code: "TEN" }), { identity: ADA });
    assert.deepEqual([back.couponCodes, back.quote?.total.amount], [["NOTHING"], 1_000]);
  });

  test("is shown when it has no price, with what stands in the way", async () => {
    await using world = await shop();
    const { cartId } = await create(world, ADA, "JPY");
    const shown = await add(world, cartId, "SKU-1", 1);
    assert.deepEqual([shown.quote, shown.problems[0]?.code], [null, "pricing/no-price"]);
    assert.ok(shown.missing.length > 0);
  });

  test("belongs to whoever made it", async () => {
    await using world = await shop();
    const { cartId } = await create(world);
    for (const call of [
      cart.get({ cartId }),
      cart.addLine({ cartId, sku: "SKU-1", quantity: 1 }),
      cart.shippingOptions({ cartId }),
    ]) {
      assert.equal((await world.fault(call, { identity: EVE })).kind, "missing");
    }
    assert.equal((await world.call(cart.mine({}), { identity: ADA })).cartId, cartId);
    assert.ok(NoCart.is(await world.fault(cart.mine({}), { identity: EVE })));
  });
});

describe("how it is sent", () => {
  test("is added to what the goods cost, and depends on where to", async () => {
    await using world = await shop();
    const ready = await complete(world);
    assert.deepEqual([ready.quote?.shipping.amount, ready.quote?.total.amount, ready.missing], [490, 2_490, []]);
    const { cartId } = ready;
    const { options } = await world.call(cart.shippingOptions({ cartId }), { identity: ADA });
    assert.deepEqual(
      options.map(({ code }) => code),
      ["standard", "express", "pickup-point"],
    );
    const more = await add(world, cartId, "SKU-2", 3);
    assert.equal(more.quote?.shipping.amount, 0, "free from 50 on");
    const refused = await world.fault(cart.update({ cartId, shippingOption: "drone" }), { identity: ADA });
    assert.ok(NoShippingOption.is(refused));
    assert.equal(ready.email, "ada@example.com");
  });

  test("follows the address: a country beside it does not make it cheaper", async () => {
    await using world = await shop();
    const { cartId } = await complete(world);
    const abroad = { ...ADDRESS, country: "US" };
    const moved = await world.call(cart.update({ cartId, shippingAddress: abroad }), { identity: ADA });
    assert.deepEqual([moved.country, moved.quote?.shipping.amount], ["US", 2_790]);
    const tricked = await world.call(cart.update({ cartId, country: "DE" }), { identity: ADA });
    assert.deepEqual([tricked.country, tricked.quote?.shipping.amount], ["US", 2_790]);
    const nowhere = await world.call(
      cart.update({ cartId, shippingAddress: { ...ADDRESS, country: "JP" }, shippingOption: "express" }),
      {
        identity: ADA,
      },
    );
    assert.equal(nowhere.shippingOption?.code, "express");
    const gone = await world.fault(cart.update({ cartId, shippingOption: "pickup-point" }), { identity: ADA });
    assert.ok(NoShippingOption.is(gone), "not on offer there");
  });
});

describe("merging a guest's cart after signing in", () => {
  const merge = (world: TestWorld, guestToken: string, identity = ADA) =>
    world.call(cart.merge({ guestToken }), { identity });

  test("adds quantities up, capped, and closes the guest's cart once", async () => {
    await using world = await shop();
    const mine = await create(world);
    await add(world, mine.cartId, "SKU-1", 600);
    await add(world, mine.cartId, "SKU-2", 1);
    const theirs = await create(world, GUEST);
    await add(world, theirs.cartId, "SKU-1", 500, GUEST);
    await add(world, theirs.cartId, "SKU-3", 2, GUEST);
    await world.call(cart.applyCoupon({ cartId: theirs.cartId, code: "TEN" }), { identity: GUEST });
    const merged = await merge(world, GUEST.subject);
    const expected = { "SKU-1": QUANTITY_MAX, "SKU-2": 1, "SKU-3": 2 };
    assert.deepEqual([merged.cartId, contents(merged), merged.couponCodes], [mine.cartId, expected, ["TEN"]]);
    assert.deepEqual(contents(await merge(world, GUEST.subject)), expected, "again adds nothing");
    const closed = await world.fault(cart.addLine({ cartId: theirs.cartId, sku: "SKU-1", quantity: 1 }), {
      identity: GUEST,
    });
    assert.ok(CartClosed.is(closed));
    assert.equal((await world.events(cart.events.cartMerged)).length, 1);
  });

  test("hands it over where there is none of one's own", async () => {
    await using world = await shop();
    const theirs = await create(world, GUEST);
    await add(world, theirs.cartId, "SKU-1", 2, GUEST);
    assert.equal((await merge(world, GUEST.subject)).cartId, theirs.cartId);
    assert.equal((await world.fault(cart.get({ cartId: theirs.cartId }), { identity: GUEST })).kind, "missing");
    assert.ok(NoCart.is(await world.fault(cart.merge({ guestToken: "guest-9" }), { identity: EVE })));
  });

  test("keeps to the most lines, and never takes another customer's cart", async () => {
    await using world = await shop();
    const mine = await create(world);
    for (let index = 0; index < LINES_MAX; index += 1) await add(world, mine.cartId, `SKU-${index}`, 1);
    const theirs = await create(world, GUEST);
    await add(world, theirs.cartId, `SKU-${LINES_MAX}`, 1, GUEST);
    await add(world, theirs.cartId, "SKU-0", 1, GUEST);
    const merged = await merge(world, GUEST.subject);
    assert.deepEqual([merged.lines.length, contents(merged)["SKU-0"]], [LINES_MAX, 2]);
    const eves = await create(world, EVE);
    await add(world, eves.cartId, "SKU-1", 1, EVE);
    await merge(world, EVE.subject);
    assert.deepEqual(contents(await world.call(cart.get({ cartId: eves.cartId }), { identity: EVE })), { "SKU-1": 1 });
  });
});

describe("while it is bought", () => {
  test("a frozen cart does not change, and only its own checkout lets it go", async () => {
    await using world = await shop();
    const ready = await complete(world);
    const { cartId } = ready;
    const frozen = await freeze(world, ready);
    assert.equal(frozen.quote?.total.amount, 2_490);
    for (const call of [
      cart.addLine({ cartId, sku: "SKU-1", quantity: 1 }),
      cart.removeLine({ cartId, sku: "SKU-1" }),
      cart.update({ cartId, email: "eve@example.com" }),
      cart.applyCoupon({ cartId, code: "TEN" }),
    ]) {
      assert.ok(CartClosed.is(await world.fault(call, { identity: ADA })), call.operation);
    }
    await freeze(world, ready, "c1");
    await assert.rejects(freeze(world, ready, "c2"), CartClosed.is);
    const unfreeze = (checkoutId: string) => byCheckout(world, cart.unfreeze({ cartId, checkoutId }));
    assert.equal((await unfreeze("c2")).status, "frozen");
    assert.equal((await unfreeze("c1")).status, "active");
    assert.equal((await unfreeze("c1")).status, "active", "also when there is nothing to undo");
    await add(world, cartId, "SKU-1", 1);
  });

  test("a checkout that gave it up cannot freeze it any more: its request was late on its way", async () => {
    await using world = await shop();
    const ready = await complete(world);
    const { cartId } = ready;
    assert.equal((await byCheckout(world, cart.unfreeze({ cartId, checkoutId: "c1" }))).status, "active");
    await assert.rejects(freeze(world, ready, "c1"), CartChanged.is);
    await freeze(world, ready, "c2");
  });

  test("it is frozen only when it is complete and costs what the buyer saw", async () => {
    await using world = await shop();
    const bare = await create(world);
    await add(world, bare.cartId, "SKU-1", 1);
    await assert.rejects(freeze(world, bare), CartIncomplete.is);
    const ready = await complete(world);
    await assert.rejects(freeze(world, ready, "c1", "another hash"), PriceChanged.is);
    const price = { sku: "SKU-1", price: { amount: 1_001, currency: "EUR" }, taxCategory: "standard" };
    await world.call(pricing.setPrices({ prices: [price] }), { identity: ADMIN });
    await assert.rejects(freeze(world, ready), PriceChanged.is);
    const again = await world.call(cart.get({ cartId: ready.cartId }), { identity: ADA });
    await freeze(world, again);
  });

  test("it is not frozen, and not called incomplete, while nobody can say what it costs", async () => {
    const state = { down: false };
    await using world = await shop(() => state.down);
    const ready = await complete(world);
    state.down = true;
    const shown = await world.call(cart.get({ cartId: ready.cartId }), { identity: ADA });
    assert.deepEqual([shown.quote, shown.problems[0]?.code], [null, Unreachable.code], "it can be shown all the same");
    await assert.rejects(freeze(world, ready), Unreachable.is);
    state.down = false;
    assert.equal((await freeze(world, ready)).quote?.hash, ready.quote?.hash);
  });

  test("of a change and a freeze at the same moment the frozen cart has just one outcome", async () => {
    await using world = await shop();
    const ready = await complete(world);
    const [frozen, changed] = await Promise.allSettled([freeze(world, ready), add(world, ready.cartId, "SKU-2", 1)]);
    if (frozen.status === "fulfilled") {
      assert.deepEqual(contents(frozen.value), { "SKU-1": 2 });
      const shown = await world.call(cart.get({ cartId: ready.cartId }), { identity: ADA });
      assert.deepEqual(contents(shown), contents(frozen.value), "what was frozen is what is there");
      assert.ok(changed.status === "rejected" && CartClosed.is(changed.reason));
    } else {
      assert.ok(CartChanged.is(frozen.reason) || PriceChanged.is(frozen.reason));
      assert.equal(changed.status, "fulfilled");
    }
  });

  test("it is completed once, for one order, and told of", async () => {
    await using world = await shop();
    const ready = await complete(world);
    const { cartId } = ready;
    const done = (checkoutId: string, orderId: string) =>
      byCheckout(world, cart.complete({ cartId, checkoutId, orderId }));
    await assert.rejects(done("c1", "o1"), CartClosed.is, "not without being frozen");
    await freeze(world, ready);
    await assert.rejects(done("c2", "o1"), CartClosed.is);
    await done("c1", "o1");
    await done("c1", "o1");
    await assert.rejects(done("c1", "o2"), CartClosed.is, "not for another order");
    assert.equal((await byCheckout(world, cart.unfreeze({ cartId, checkoutId: "c1" }))).status, "completed");
    assert.equal((await world.events(cart.events.cartCompleted)).length, 1);
    assert.ok(NoCart.is(await world.fault(cart.mine({}), { identity: ADA })));
  });
});

describe("left alone", () => {
  test("it is told of as abandoned after a day, once, and expires later for customers than for guests", async () => {
    await using world = await shop();
    const DAY_MS = 86_400_000;
    const ready = await complete(world);
    const guests = await create(world, GUEST);
    const jobs = async () => {
      await world.host.runJob("cart", "findAbandoned");
      await world.host.runJob("cart", "expireCarts");
    };
    world.move(DAY_MS + 1_000);
    await jobs();
    await jobs();
    const told = await world.events(cart.events.cartAbandoned);
    assert.deepEqual(
      told.map(({ cartId, email, items }) => [cartId, email, items]),
      [[ready.cartId, "ada@example.com", 2]],
    );
    world.move(30 * DAY_MS);
    await jobs();
    const expired = async () => (await world.events(cart.events.cartExpired)).map(({ cartId }) => cartId);
    assert.deepEqual(await expired(), [guests.cartId]);
    await freeze(world, await world.call(cart.get({ cartId: ready.cartId }), { identity: ADA }));
    world.move(90 * DAY_MS);
    await jobs();
    assert.deepEqual(await expired(), [guests.cartId], "one that is being bought stays");
  });
});
