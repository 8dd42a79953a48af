/** The checker is checked: a small shop's true history is found good, and each way to spoil it is found. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { shop as system } from "../../system.ts";
import { type Checkout, Refused, buy } from "../flow.ts";
import { type OpenShop, openShop, until } from "../open-shop.ts";
import { checkNow, checkShop, describeViolations } from "./check.ts";
import { ShopData, type Violation } from "./data.ts";
import { listenersOf } from "./events.ts";
import { underWay } from "./settling.ts";

const LISTENERS = listenersOf(system);
const SERVICES = system.services.map(({ contract }) => contract.name);

/** Something that was placed, and the placed order that was taken back, and the checkout that came to nothing. */
interface History {
  readonly placed: string;
  readonly cancelled: string;
  readonly refusedCheckout: string;
}

let shop: OpenShop;
let history: History;
let databases: ReadonlyMap<string, DatabaseSync>;
let data: ShopData;

before(async () => {
  shop = await openShop({ overrides: { shipping: { autoShip: false } } });
  history = await live(shop);
  await shop.stop();
  databases = new Map(
    SERVICES.map((service) => [service, new DatabaseSync(join(shop.dataFolder, `${service}.sqlite`))]),
  );
  for (const database of databases.values())
    database.exec("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
  data = new ShopData(databases);
});

after(async () => {
  data[Symbol.dispose]();
  await shop[Symbol.asyncDispose]();
});

async function live(open: OpenShop): Promise<History> {
  const guest = await open.guest();
  const sku = "LDS-GRY-M";
  const { items } = await open.client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=1");
  const lines = [{ sku: String(items[0].skus[0] ?? sku), quantity: 3 }];
  const kept = await buy(guest, { lines, coupon: "WELCOME10" });
  const undone = await buy(await open.guest(), { lines, coupon: "FIRST50" });
  await until(
    "the order is paid",
    () => guest.get(`/v1/orders/${kept.checkout.orderId}`),
    ({ body }) => body.payment === "captured",
  );
  const owner = await open.login("support@example.com");
  await owner.expect(200, "POST", `/v1/orders/${undone.checkout.orderId}/cancel`, { body: {}, key: "cancel-it" });
  const another = await open.guest();
  const refused = await buy(another, { lines, paymentToken: "tok_decline" }).then(
    () => assert.fail("it was to be declined"),
    (error: unknown) => (error instanceof Refused ? error : Promise.reject(error as Error)),
  );
  assert.equal(refused.answer.body.code, "checkout/payment-declined");
  const quiet = new ShopData(
    new Map(
      SERVICES.map((name) => [name, new DatabaseSync(join(open.dataFolder, `${name}.sqlite`), { readOnly: true })]),
    ),
  );
  await until(
    "nothing is under way",
    async () => underWay(quiet, LISTENERS),
    (left) => left.length === 0,
    20_000,
  );
  const [row] = quiet.rows<{ checkout_id: string }>(
    "checkout",
    "SELECT checkout_id FROM checkout WHERE status = 'open'",
  );
  quiet[Symbol.dispose]();
  return {
    placed: orderOf(kept.checkout),
    cancelled: orderOf(undone.checkout),
    refusedCheckout: row?.checkout_id ?? assert.fail("no checkout is open"),
  };
}

function orderOf({ orderId }: Checkout): string {
  return orderId ?? assert.fail("there is no order");
}

const check = (): Promise<readonly Violation[]> =>
  checkShop(data, {
    listeners: LISTENERS,
    acknowledged: [history.placed, history.cancelled],
    refused: [history.refusedCheckout],
    overdueBefore: Date.now(),
  });

/** Spoils a database, looks, and puts everything back. */
async function spoiled(changes: Readonly<Record<string, string>>): Promise<readonly Violation[]> {
  for (const database of databases.values()) database.exec("BEGIN");
  try {
    for (const [service, sql] of Object.entries(changes)) spoil(service, sql);
    return await check();
  } finally {
    for (const database of databases.values()) database.exec("ROLLBACK");
  }
}

function spoil(service: string, sql: string): void {
  const { placed, cancelled, refusedCheckout } = history;
  const database = databases.get(service) ?? assert.fail(`no ${service}`);
  database.exec(
    sql.replaceAll("$placed", placed).replaceAll("$cancelled", cancelled).replaceAll("$refused", refusedCheckout),
  );
  const { changed } = database.prepare("SELECT changes() AS changed").get() as { changed: number };
  assert.ok(changed > 0, `nothing was spoiled in ${service}`);
}

const APPEND = (type: string, key: string, from: string): string =>
  `INSERT INTO isomer_log (id, type, version, key, sequence, at, data)
   SELECT 'extra', '${type}', 1, key, (SELECT MAX(sequence) + 1 FROM isomer_log WHERE key = '${key}'), at, data
   FROM isomer_log WHERE key = '${key}' AND type = '${from}'`;
const RENAME = (type: string, other: string, key: string): string =>
  `UPDATE isomer_log SET type = '${other}' WHERE type = '${type}' AND key = '${key}'`;

const RENAME_ALL = (type: string, other: string): string =>
  `UPDATE isomer_log SET type = '${other}' WHERE type = '${type}'`;

/** What would be seen of each way to go wrong. */
const SPOILS: readonly (readonly [invariant: number, what: string, changes: Readonly<Record<string, string>>])[] = [
  [1, "stock below zero", { inventory: "UPDATE level SET reserved = -1 WHERE sku = (SELECT sku FROM level LIMIT 1)" }],
  [2, "an oversell", { inventory: "UPDATE level SET on_hand = 1 WHERE allocated > 1" }],
  [3, "a counter that drifted", { inventory: "UPDATE level SET allocated = allocated + 1 WHERE allocated > 0" }],
  [4, "stock out of nothing", { inventory: "UPDATE level SET on_hand = on_hand + 1 WHERE allocated > 0" }],
  [
    5,
    "pieces that left for nobody",
    {
      inventory: "UPDATE movement SET kind = 'ship', order_id = 'nobody' WHERE id = (SELECT id FROM movement LIMIT 1)",
    },
  ],
  [5, "a standing order without its pieces", { inventory: "UPDATE level SET allocated = 0" }],
  [
    6,
    "a standing order without its stock",
    { inventory: "UPDATE reservation SET state = 'released' WHERE order_id = '$placed'" },
  ],
  [
    6,
    "a hold past its time",
    { inventory: "UPDATE reservation SET state = 'held', expires_at = 1 WHERE order_id = '$placed'" },
  ],
  [
    6,
    "other pieces than were ordered",
    {
      inventory:
        "UPDATE reservation_line SET sku = 'other' WHERE reservation_id IN (SELECT id FROM reservation WHERE order_id = '$placed')",
    },
  ],
  [7, "more sold than there was", { inventory: "UPDATE reservation_line SET quantity = 1000000" }],
  [
    8,
    "more captured than authorised",
    { payments: "UPDATE payment SET captured = captured + 1 WHERE order_id = '$placed'" },
  ],
  [8, "voided and captured", { payments: "UPDATE payment SET status = 'voided' WHERE order_id = '$placed'" }],
  [
    9,
    "a sub-cent total",
    {
      orders:
        "UPDATE isomer_log SET data = json_set(data, '$.totals.total.amount', 98.9009) WHERE type = 'opened' AND key = '$placed'",
    },
  ],
  [
    9,
    "two currencies",
    {
      orders:
        "UPDATE isomer_log SET data = json_set(data, '$.totals.tax.currency', 'USD') WHERE type = 'opened' AND key = '$placed'",
    },
  ],
  [
    9,
    "a discount that was not shared out",
    {
      orders:
        "UPDATE isomer_log SET data = json_set(data, '$.lines[0].discount.amount', 0) WHERE type = 'opened' AND key = '$placed'",
    },
  ],
  [
    10,
    "another amount than was ordered",
    { payments: "UPDATE payment SET amount = amount + 1 WHERE order_id = '$placed'" },
  ],
  [
    10,
    "another amount at the provider",
    { sandboxpay: "UPDATE intent SET body = json_set(body, '$.amount', 1) WHERE order_id = '$placed'" },
  ],
  [
    11,
    "a capture that only the provider knows",
    { sandboxpay: "UPDATE ledger SET amount = amount + 1 WHERE kind = 'capture' AND order_id = '$placed'" },
  ],
  [
    11,
    "a refund that only we know",
    { sandboxpay: "DELETE FROM ledger WHERE kind = 'refund' AND order_id = '$cancelled'" },
  ],
  [
    11,
    "a summary that is not the ledger's",
    { payments: "DELETE FROM payment_ledger WHERE kind = 'capture' AND phase = 'success'" },
  ],
  [
    11,
    "an order that does not know of its money",
    { orders: "DELETE FROM isomer_log WHERE type = 'paymentChanged' AND key = '$placed'" },
  ],
  [
    12,
    "two payments for one order",
    { payments: "UPDATE payment SET order_id = '$placed'", sandboxpay: "DELETE FROM ledger WHERE kind = 'refund'" },
  ],
  [
    12,
    "two orders of one cart",
    { checkout: "UPDATE checkout SET cart_id = (SELECT cart_id FROM checkout WHERE order_id = '$placed')" },
  ],
  [
    12,
    "a cart that does not know its order",
    { cart: "UPDATE cart SET status = 'active', order_id = NULL WHERE order_id = '$placed'" },
  ],
  [12, "a checkout that completed without an order", { orders: "DELETE FROM isomer_log WHERE key = '$placed'" }],
  [13, "a charge without an order", { payments: "UPDATE payment SET order_id = 'nobody' WHERE order_id = '$placed'" }],
  [13, "an order without a charge", { sandboxpay: "DELETE FROM ledger WHERE order_id = '$placed'" }],
  [14, "a charge for an order that was given up", { orders: RENAME("placed", "abandoned", "$placed") }],
  [
    14,
    "stock of a cancelled order",
    { inventory: "UPDATE reservation SET state = 'committed' WHERE order_id = '$cancelled'" },
  ],
  [
    14,
    "a coupon of a cancelled order",
    { pricing: "UPDATE coupon_order SET state = 'committed' WHERE order_id = '$cancelled'" },
  ],
  [15, "a coupon used too often", { pricing: "UPDATE coupon SET use_limit = 0 WHERE code = 'WELCOME10'" }],
  [
    15,
    "a coupon used too often by one",
    { pricing: "UPDATE coupon SET per_customer_limit = 0 WHERE code = 'WELCOME10'" },
  ],
  [15, "a coupon that counts wrong", { pricing: "UPDATE coupon SET used = used + 1 WHERE code = 'WELCOME10'" }],
  [
    15,
    "an order whose coupon came back",
    { pricing: "UPDATE coupon_order SET state = 'released' WHERE order_id = '$placed'" },
  ],
  [18, "an order placed twice", { orders: APPEND("placed", "$placed", "placed") }],
  [18, "an order placed after it was cancelled", { orders: APPEND("placed", "$cancelled", "placed") }],
  [
    18,
    "an order that was never opened",
    { orders: "DELETE FROM isomer_log WHERE type = 'opened' AND key = '$placed'" },
  ],
  [18, "a view of its own", { orders: "UPDATE order_view SET lifecycle = 'cancelled' WHERE order_id = '$placed'" }],
  [
    18,
    "an attempt after the one that succeeded",
    {
      checkout:
        "UPDATE isomer_log SET type = 'completed' WHERE type = 'failed'; " +
        "INSERT INTO isomer_log (id, type, version, key, sequence, at, data) SELECT 'extra', 'started', 1, key, 9, at, data FROM isomer_log WHERE type = 'completed' LIMIT 1",
    },
  ],
  [
    21,
    "a stuck saga",
    { checkout: "UPDATE isomer_saga SET status = 'stuck' WHERE id = (SELECT id FROM isomer_saga LIMIT 1)" },
  ],
  [21, "an order between two chairs", { orders: "DELETE FROM isomer_log WHERE key = '$placed' AND type <> 'opened'" }],
  [21, "a cart that stays frozen", { cart: "UPDATE cart SET status = 'frozen' WHERE status = 'active'" }],
  [21, "stock given back twice", { inventory: APPEND("stockReleased", "$cancelled", "stockReleased") }],
  [
    21,
    "a saga that completed without its order",
    { checkout: "UPDATE isomer_saga SET status = 'completed' WHERE status = 'compensated'" },
  ],
  [
    22,
    "a price that changed after the fact",
    {
      orders:
        "UPDATE isomer_log SET data = json_set(data, '$.totals.total.amount', 1) WHERE type = 'placed' AND key = '$placed'",
    },
  ],
  [
    22,
    "a view that shows another price",
    { orders: "UPDATE order_view SET total = total - 1 WHERE order_id = '$placed'" },
  ],
  [23, "a gap", { orders: "UPDATE isomer_log SET sequence = sequence + 10 WHERE key = '$placed' AND type = 'placed'" }],
  [23, "a history without its beginning", { payments: "DELETE FROM isomer_log WHERE sequence = 1" }],
  [
    24,
    "an event that was not heard",
    { notifications: "DELETE FROM isomer_inbox WHERE event_id IN (SELECT event_id FROM isomer_inbox LIMIT 1)" },
  ],
  [
    24,
    "an event out of nowhere",
    {
      orders:
        "UPDATE isomer_inbox SET event_id = 'nowhere' WHERE event_id = (SELECT event_id FROM isomer_inbox WHERE source = 'payments' LIMIT 1)",
    },
  ],
  [
    24,
    "a dead letter",
    {
      orders:
        "INSERT INTO isomer_dead SELECT consumer, event_id, source, position, 'captured', 'key', '{}', '{}', 9, at FROM isomer_inbox LIMIT 1",
    },
  ],
  [
    24,
    "a change that was not told",
    { inventory: "DELETE FROM isomer_log WHERE type = 'stockCommitted' AND key = '$placed'" },
  ],
  [24, "a capture that was not told", { payments: "DELETE FROM isomer_log WHERE type = 'captured'" }],
  [24, "a placed order without a shipment", { shipping: "DELETE FROM shipment WHERE order_id = '$placed'" }],
  [
    24,
    "a placed order that nobody was told of",
    {
      notifications:
        "DELETE FROM message WHERE event_id IN (SELECT event_id FROM message WHERE template = 'order-placed' LIMIT 1)",
    },
  ],
  [
    24,
    "a shipment of an order that was never placed",
    { shipping: "UPDATE shipment SET order_id = 'nobody' WHERE order_id = '$placed'" },
  ],
  [20, "a parcel of an order that was called off", { sandboxship: "UPDATE parcel SET status = 'in_transit'" }],
  [
    20,
    "a shipment that was called off and its order not",
    { shipping: "UPDATE shipment SET status = 'cancelled' WHERE order_id = '$placed'" },
  ],
  [
    21,
    "a saga that turned back because of a bug",
    { checkout: `UPDATE isomer_saga SET fault = '{"kind":"broken"}' WHERE status = 'compensated'` },
  ],
  [
    21,
    "a step that was undone before one that was made later",
    { checkout: "UPDATE isomer_saga_journal SET rowid = -rowid WHERE kind = 'undo'" },
  ],
  [24, "a signal that was lost", { checkout: "DELETE FROM isomer_saga_signal" }],
  [25, "a sale that was counted twice", { orders: "UPDATE sales_day SET placed = placed + 1" }],
  [
    26,
    "a webhook that was acknowledged and forgotten",
    { payments: "DELETE FROM webhook_inbox WHERE event_id = (SELECT event_id FROM webhook_inbox LIMIT 1)" },
  ],
  [
    26,
    "a webhook of the carrier that was acknowledged and forgotten",
    { shipping: "DELETE FROM webhook_inbox WHERE event_id = (SELECT event_id FROM webhook_inbox LIMIT 1)" },
  ],
  [
    11,
    "a payment that stands otherwise than its ledger says",
    { payments: "UPDATE payment SET status = 'processing' WHERE order_id = '$placed'" },
  ],
  [
    30,
    "a parcel that left without a mail",
    {
      shipping: RENAME_ALL("shipmentReady", "shipmentShipped"),
    },
  ],
  [27, "an acknowledged order that is lost", { orders: "DELETE FROM isomer_log WHERE key = '$placed'" }],
  [
    27,
    "an order for somebody who was refused",
    {
      orders:
        "UPDATE isomer_log SET data = json_set(data, '$.checkoutId', '$refused') WHERE type = 'opened' AND key = '$placed'",
    },
  ],
  [27, "an effect without its record", { cart: "DELETE FROM isomer_idempotency WHERE operation = 'cart.create'" }],
  [27, "a record without its effect", { checkout: "DELETE FROM checkout WHERE status = 'open'" }],
  [27, "a 5xx that was kept", { checkout: `UPDATE isomer_idempotency SET fault = '{"kind":"unavailable"}'` }],
];

describe("the invariants", () => {
  test("a true history is found good", async () => {
    const violations = await check();
    assert.equal(violations.length, 0, describeViolations(violations));
    assert.deepEqual(await checkNow(data), []);
  });

  for (const [invariant, what, changes] of SPOILS) {
    test(`${invariant}: ${what} is found`, async () => {
      const violations = await spoiled(changes);
      assert.ok(
        violations.some((violation) => violation.invariant === invariant),
        `not found; found were: ${describeViolations(violations)}`,
      );
    });
  }

  test("nothing of that stays", async () => {
    assert.deepEqual(await check(), []);
  });
});
