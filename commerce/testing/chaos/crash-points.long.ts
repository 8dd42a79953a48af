/**
 * A crash after each transaction on the way of an order, at the moment when it is durable and nobody knows: there the
 * difference between once and twice is made. One death for each place; the story goes on after it, and the books are
 * looked at in the end.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Settings } from "@isomer/kernel/runtime";
import { ShopClient } from "../client.ts";
import { describeViolations } from "../invariants/mod.ts";
import { until } from "../open-shop.ts";
import { QUICK, ShopProcess } from "./shop-process.ts";
import { type PersistentSend, type Told, type Wish, nothingSeen, persistent, shopFor } from "./shopper.ts";
import { seedStock } from "./wishes.ts";

/** What somebody lives through, and the transactions after which the shop dies meanwhile. */
interface Story {
  readonly name: string;
  readonly wish: Partial<Wish>;
  /** Whether the order is called off once it is placed. */
  readonly cancels?: boolean;
  readonly outcome: string;
  readonly moments: readonly string[];
}

const SELLING = [
  "cart.freeze",
  "orders.open",
  "inventory.reserve",
  "pricing.holdCoupons",
  "payments.create",
  "checkout.saga.journal",
];
const PAYING = [
  "sandboxpay.createIntent",
  "payments.authorise",
  "orders.on.payments.authorized",
  "checkout.on.payments.authorized",
];
const PLACING = [
  "inventory.commit",
  "pricing.commitCoupons",
  "orders.place",
  "cart.complete",
  "sandboxpay.captureIntent",
  "payments.capture",
];
const SENDING = [
  "notifications.on.orders.placed",
  "orders.on.orders.placed",
  "shipping.on.orders.placed",
  "sandboxship.createLabel",
  "shipping.tellCarrier",
  "shipping.autoShip",
  "inventory.fulfil",
  "shipping.saga.local",
  "sandboxship.handOver",
  "shipping.receiveWebhook",
  "sandboxship.moveParcels",
  "orders.on.shipping.shipmentDelivered",
];
const TAKING_BACK = [
  "payments.cancel",
  "pricing.releaseCoupons",
  "inventory.release",
  "orders.abandon",
  "cart.unfreeze",
];

const SOLD: readonly Story[] = [
  {
    name: "an order that is paid and sent",
    wish: { paymentToken: "tok_success" },
    outcome: "placed",
    moments: [
      ...[
        "auth.guest",
        "cart.create",
        "cart.addLine",
        "cart.applyCoupon",
        "cart.update",
        "checkout.begin",
        "checkout.complete",
      ],
      ...SELLING,
      ...PAYING,
      ...PLACING,
      ...SENDING,
      "sandboxpay.deliverWebhooks",
      "payments.receiveWebhook",
    ],
  },
  {
    name: "a payment that is declined",
    wish: { paymentToken: "tok_decline" },
    outcome: "checkout/payment-declined",
    moments: [
      "sandboxpay.createIntent",
      "payments.authorise",
      "checkout.on.payments.declined",
      ...TAKING_BACK,
      "checkout.saga.local",
    ],
  },
  {
    name: "a payment that its buyer approves",
    wish: { paymentToken: "tok_3ds", approves: true },
    outcome: "placed",
    moments: [
      "payments.authorise",
      "checkout.saga.local",
      "checkout.saga.wait",
      "sandboxpay.answerChallenge",
      "checkout.on.payments.authorized",
    ],
  },
  {
    name: "a payment whose answer is lost",
    wish: { paymentToken: "tok_lost_answer" },
    outcome: "placed",
    moments: ["sandboxpay.createIntent", "payments.authorise"],
  },
];

const CANCELLED: readonly Story[] = [
  {
    name: "an order that is called off",
    wish: { paymentToken: "tok_success" },
    cancels: true,
    outcome: "placed",
    moments: [
      ...["orders.cancel", "orders.saga.journal", "shipping.cancelForOrder", "payments.cancel", "sandboxpay.refund"],
      ...["inventory.release", "pricing.releaseCoupons", "orders.saga.local", "orders.on.payments.refunded"],
      ...["sandboxship.createLabel", "sandboxship.cancelLabel"],
    ],
  },
];

// Each shop waits most of its time, for its own starts: two at once are quicker, and have nothing in common.
describe("a crash after each transaction", { concurrency: 2 }, () => {
  const sending = { ...QUICK, shipping: { autoShip: true, autoShipAfterMs: 0 } };
  suite("selling", SOLD.slice(0, 1), sending);
  suite("selling otherwise", SOLD.slice(1), sending);
  suite("cancelling", CANCELLED, { ...QUICK, shipping: { autoShip: false } });
});

function suite(name: string, stories: readonly Story[], overrides: Settings): void {
  test(name, { timeout: 600_000 }, async (t) => {
    await using shop = await ShopProcess.start({ overrides });
    const told: Told[] = [];
    for (const story of stories) {
      for (const moment of story.moments) {
        await t.test(`${story.name}: ${moment}`, async () => {
          told.push(await live(shop, story, moment));
        });
      }
    }
    await shop.settle(240_000);
    await shop.stop();
    const acknowledged = told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : []));
    const refused = told.flatMap((result) =>
      result.kind === "refused" && result.checkoutId !== undefined ? [result.checkoutId] : [],
    );
    const violations = await shop.check({ acknowledged, refused });
    assert.equal(violations.length, 0, describeViolations(violations));
  });
}

/** One story with one death. */
async function live(shop: ShopProcess, { name, wish, cancels, outcome }: Story, moment: string): Promise<Told> {
  const client = new ShopClient(shop.url);
  const seen = nothingSeen();
  const send = persistent(seen);
  const plain = {
    name: `${name} ${moment}`.replaceAll(" ", "-"),
    lines: [{ sku: plentiful(), quantity: 2 }],
    coupon: "WELCOME10",
  };
  const dies = (): Promise<void> =>
    shop.dieAfter(moment).then(() => void (reviving = shop.ended().then(() => shop.open())));
  let reviving: Promise<void> | undefined;
  const risen = async (): Promise<void> => {
    const waiting = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`It did not die after ${moment}.`)), 30_000).unref();
    });
    await Promise.race([reviving, waiting]);
  };
  const early = cancels !== true || moment === "sandboxship.createLabel";
  if (early) await dies();
  const told = await shopFor(client, { ...plain, ...wish }, send);
  if (cancels === true) {
    // Who regrets at once may be faster than the label: then none is bought, and none is to be cancelled.
    if (early) await risen();
    if (moment === "sandboxship.cancelLabel") await shop.settle(60_000);
    if (!early) await dies();
    await callOff(told, send, plain.name);
  }
  await risen();
  client.close();
  assert.equal(told.kind === "placed" ? "placed" : told.code, outcome);
  assert.deepEqual(seen.broken, []);
  return told;
}

async function callOff(told: Told, send: PersistentSend, name: string): Promise<void> {
  assert.ok(told.kind === "placed");
  const path = `/v1/orders/${told.orderId}`;
  const answer = await send(told.buyer, "POST", `${path}/cancel`, { body: {}, key: `${name}-cancel` });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const look = () => send(told.buyer, "GET", path, {});
  const { body } = await until("it is cancelled", look, (seen) => seen.body.lifecycle === "cancelled", 60_000);
  assert.equal(body.lifecycle, "cancelled");
  await until("its money is back", look, (seen) => seen.body.payment === "refunded", 60_000);
}

function plentiful(): string {
  const [sku] = [...seedStock()].toSorted(([, a], [, b]) => b - a)[0] ?? assert.fail("the seed has no stock");
  return sku;
}
