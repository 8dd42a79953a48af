import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Call, Identity } from "@isomer/kernel/contract";
import { cart } from "../cart/contract.ts";
import { checkout } from "../checkout/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { payments } from "../payments/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { money } from "../shared/mod.ts";
import { shipping } from "../shipping/contract.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import { type OrderDraft, orders } from "./contract.ts";
import service from "./service.ts";

const ADA: Identity = { subject: "ada", roles: ["customer"], guest: false };
const SAM: Identity = { subject: "sam", roles: ["support"], guest: false };
const DAY_MS = 86_400_000;

/** How the others behave. */
interface Others {
  /** Called when the shipment of an order is to be called off. */
  stopParcel: () => Promise<void> | void;
}

function open(others: Others): Promise<TestWorld> {
  return testWorld({
    services: [
      service,
      standIn(inventory, {
        commands: { release: ({ orderId }: { orderId: string }) => ({ orderId, state: "released" }) },
      }),
      standIn(payments, {
        commands: {
          cancel: ({ paymentId }: { paymentId: string }) => ({ paymentId, status: "voided", settled: true }),
        },
      }),
      standIn(pricing, {
        commands: { releaseCoupons: ({ orderId }: { orderId: string }) => ({ orderId, codes: [] }) },
      }),
      standIn(shipping, {
        commands: {
          cancelForOrder: async ({ orderId }: { orderId: string }) => {
            await others.stopParcel();
            return { orderId, cancelled: true };
          },
        },
      }),
      standIn(checkout, { uses: [orders, cart] }),
      standIn(cart),
    ],
    roles: { customer: [], support: ["orders.read", "orders.manage"] },
  });
}

function draftOf(orderId: string, currency = "EUR"): OrderDraft {
  const of = (amount: number) => money(amount, currency);
  return {
    orderId,
    checkoutId: "c1",
    subject: "ada",
    email: "ada@example.com",
    currency,
    lines: [
      {
        lineId: "1",
        sku: "MUG",
        productId: "p1",
        title: "Mug",
        quantity: 1,
        unitPrice: of(1_000),
        discount: of(0),
        tax: of(0),
        total: of(1_000),
      },
    ],
    totals: { subtotal: of(1_000), discount: of(0), shipping: of(0), tax: of(0), total: of(1_000) },
    shippingAddress: { name: "Ada", line1: "1", city: "Hamburg", postalCode: "20457", country: "DE" },
    shippingOption: { code: "standard", label: "Standard", carrier: "Post", price: of(0) },
    couponCodes: [],
  };
}

let calls = 0;
function asCheckout(world: TestWorld, { service: name, operation, input }: Call): Promise<unknown> {
  calls += 1;
  const key = `checkout-${calls}`;
  const about = { trace: undefined, signal: undefined, identity: undefined, criticality: "critical" } as const;
  const deadlineAt = world.host.world.clock.monotonicMs() + 5_000;
  const call = { service: name, operation, input, key, clientKey: false, attempt: 1, deadlineAt, caller: "checkout" };
  return world.host.transport.send({ ...call, ...about });
}

async function place(world: TestWorld, orderId: string, currency?: string, between?: () => void): Promise<void> {
  await asCheckout(world, orders.open(draftOf(orderId, currency)));
  between?.();
  await asCheckout(world, orders.place({ orderId, paymentId: `pay-${orderId}` }));
  await world.host.idle();
}

const eur = (amount: number) => money(amount, "EUR");
const paid = (orderId: string, captured: number) => ({
  paymentId: `pay-${orderId}`,
  orderId,
  amount: eur(1_000),
  status: "authorized" as const,
  authorized: eur(1_000),
  captured: eur(captured),
  refunded: eur(0),
});

describe("what a buyer sees of an order", () => {
  test("is not what the shop's people write to each other, nor who they are", async () => {
    await using world = await open({ stopParcel: () => {} });
    await place(world, "o1");
    await world.call(orders.addNote({ orderId: "o1", text: "Smells of fraud." }), { identity: SAM });
    await world.call(orders.hold({ orderId: "o1", reason: "fraud check" }), { identity: SAM });
    const get = orders.get({ orderId: "o1" });
    const history = orders.history({ orderId: "o1" });
    for (const call of [get, history] as readonly Call[]) {
      const shown = JSON.stringify(await world.call(call, { identity: ADA }));
      assert.doesNotMatch(shown, /fraud|sam/);
      assert.match(JSON.stringify(await world.call(call, { identity: SAM })), /fraud/);
    }
    const types = (await world.call(history, { identity: ADA })).items.map(({ type }) => type);
    assert.deepEqual(types, ["opened", "placed", "held"]);
  });
});

describe("cancelling", () => {
  test("asked again while it is under way, with news in between, is one cancellation", async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await open({ stopParcel: () => gate.promise });
    await place(world, "o1");
    const cancel = () => world.call(orders.cancel({ orderId: "o1" }), { identity: ADA });
    const first = cancel();
    const shown = () => world.call(orders.get({ orderId: "o1" }), { identity: ADA });
    while ((await shown()).lifecycle !== "cancelling");
    const origin = { caller: undefined, identity: undefined, trace: undefined, criticality: "normal" } as const;
    await world.host
      .runner("payments")
      .transact("test", origin, undefined, (tx) => tx.emit(payments.events.authorized, paid("o1", 0)));
    while ((await shown()).payment !== "authorized");
    const second = cancel();
    gate.resolve();
    assert.deepEqual([(await first).lifecycle, (await second).lifecycle], ["cancelled", "cancelled"]);
    assert.equal((await world.rows("orders", "SELECT id FROM isomer_saga")).length, 1);
  });

  test("that breaks before anything was given back leaves the order placed, to be asked again", async () => {
    let fails = true;
    const stopParcel = () => {
      if (fails) throw new Error("a bug");
    };
    await using world = await open({ stopParcel });
    await place(world, "o1");
    const cancel = () => world.call(orders.cancel({ orderId: "o1" }), { identity: ADA });
    assert.equal((await cancel()).lifecycle, "placed");
    fails = false;
    assert.equal((await cancel()).lifecycle, "cancelled");
  });
});

describe("sales", () => {
  test("of an order that was opened on one day and placed on the next are taken off the day they were counted", async () => {
    await using world = await open({ stopParcel: () => {} });
    await place(world, "o1", "EUR", () => world.move(DAY_MS));
    await world.call(orders.cancel({ orderId: "o1" }), { identity: ADA });
    await world.host.idle();
    const { items } = await world.call(orders.sales({ days: 7 }), { identity: SAM });
    assert.deepEqual(
      items.map(({ placed, cancelled, revenue }) => [placed, cancelled, revenue]),
      [[1, 1, 0]],
    );
  });

  test("are told for all currencies of the days that were asked for", async () => {
    await using world = await open({ stopParcel: () => {} });
    await place(world, "old");
    world.move(2 * DAY_MS);
    await place(world, "o1");
    await place(world, "o2", "USD");
    const days = async (count: number) =>
      (await world.call(orders.sales({ days: count }), { identity: SAM })).items.map(({ currency }) => currency);
    assert.deepEqual(
      [await days(1), await days(3)],
      [
        ["EUR", "USD"],
        ["EUR", "USD", "EUR"],
      ],
    );
  });
});
