/**
 * The goal: whatever orders and warehouse people do, in whatever order, no piece is sold twice and every number is
 * the sum of the rows it stands for. The method: random histories against a real database, audited after each step.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFault } from "@isomer/kernel/std";
import { type OneService, oneService } from "../seed/testing/one-service.ts";
import { Contended, NoReservation, ReservationClosed, ReservationDiffers, StockShort, inventory } from "./contract.ts";
import { inventoryInvariants } from "./invariants.ts";
import service from "./service.ts";

const TTL_MS = 60_000;
const LOCATIONS = ["north", "south"] as const;

async function stocked(stock: Readonly<Record<string, readonly number[]>>): Promise<OneService> {
  const shop = await oneService(service);
  for (const [priority, code] of LOCATIONS.entries()) {
    await shop.call(inventory.createLocation({ code, name: code, country: "NL", priority }));
  }
  const lines = Object.entries(stock).flatMap(([sku, quantities]) =>
    quantities.map((quantity, index) => ({
      sku,
      location: LOCATIONS[index] ?? "north",
      quantity,
      lowAt: 2,
    })),
  );
  await shop.call(inventory.receive({ lines, reason: "opening" }));
  await shop.events();
  return shop;
}

const reserve = (orderId: string, quantity: number, sku = "TENT") =>
  inventory.reserve({ orderId, lines: [{ sku, quantity }], ttlMs: TTL_MS });

async function left(shop: OneService, sku = "TENT"): Promise<number | undefined> {
  return (await shop.call(inventory.availability({ skus: [sku] }))).items[0]?.available;
}

async function audit(shop: OneService): Promise<void> {
  const violations = await shop.database.read({ label: "audit" }, (connection) => inventoryInvariants(connection));
  assert.deepEqual(violations, []);
}

test("columns that a newer build adds are in no answer of this one", async () => {
  await using shop = await stocked({ TENT: [3] });
  await shop.database.write({ label: "expand" }, async (connection) => {
    for (const table of ["location", "movement", "level"])
      await connection.run(`ALTER TABLE ${table} ADD COLUMN added TEXT NOT NULL DEFAULT ''`, []);
  });
  assert.equal((await shop.call(inventory.locations({}))).items.length, LOCATIONS.length);
  assert.equal((await shop.call(inventory.movements({}))).items.length, 1);
  assert.ok((await shop.call(inventory.levels({}))).items.length > 0);
});

describe("an order's stock", () => {
  test("is held, committed, shipped in parts and comes back", async () => {
    await using shop = await stocked({ TENT: [3, 4] });
    const held = await shop.call(reserve("o1", 6));
    assert.deepEqual(await shop.call(reserve("o1", 6)), held, "asking again changes nothing");
    assert.equal(await left(shop), 1);
    await shop.call(inventory.commit({ orderId: "o1" }));
    assert.equal((await shop.call(inventory.commit({ orderId: "o1" }))).state, "committed");
    const part = inventory.fulfil({ orderId: "o1", lines: [{ sku: "TENT", quantity: 5 }] });
    assert.equal((await shop.call(part)).state, "committed");
    assert.equal((await shop.call(inventory.fulfil({ orderId: "o1" }))).state, "fulfilled");
    assert.equal((await shop.call(inventory.fulfil({ orderId: "o1" }))).state, "fulfilled");
    assert.equal((await shop.call(inventory.release({ orderId: "o1", reason: "late" }))).state, "fulfilled");
    await shop.call(
      inventory.restock({
        orderId: "o1",
        lines: [{ sku: "TENT", quantity: 2 }],
        reason: "too big",
      }),
    );
    await assert.rejects(
      shop.call(
        inventory.restock({
          orderId: "o1",
          lines: [{ sku: "TENT", quantity: 5 }],
          reason: "too big",
        }),
      ),
      { code: "inventory/line-exceeded", data: { orderId: "o1", sku: "TENT", asked: 5, left: 4 } },
    );
    assert.equal(await left(shop), 3);
    assert.deepEqual(await shop.events(), ["stockLow", "stockReserved", "stockCommitted"]);
    await audit(shop);
  });

  test("is refused whole when one line is short", async () => {
    await using shop = await stocked({ TENT: [3, 4], MUG: [1] });
    const lines = [
      { sku: "TENT", quantity: 1 },
      { sku: "MUG", quantity: 1 },
      { sku: "MUG", quantity: 1 },
    ];
    await assert.rejects(shop.call(inventory.reserve({ orderId: "o1", lines, ttlMs: TTL_MS })), (error) => {
      assert.ok(StockShort.is(error));
      assert.deepEqual(error.data, { sku: "MUG", asked: 2, left: 1 });
      return true;
    });
    assert.equal(await left(shop), 7);
    assert.deepEqual(await shop.events(), []);
    await shop.call(reserve("o1", 1));
    await assert.rejects(shop.call(reserve("o1", 2)), ReservationDiffers.is);
  });

  test("is refused for ever once the order was given up, also before it asked", async () => {
    await using shop = await stocked({ TENT: [5] });
    await shop.call(inventory.release({ orderId: "never", reason: "payment failed" }));
    await shop.call(inventory.release({ orderId: "never", reason: "payment failed" }));
    await assert.rejects(shop.call(reserve("never", 1)), ReservationClosed.is);
    await shop.call(reserve("o1", 5));
    await shop.call(inventory.release({ orderId: "o1", reason: "payment failed" }));
    await assert.rejects(shop.call(inventory.commit({ orderId: "o1" })), ReservationClosed.is);
    await assert.rejects(shop.call(inventory.commit({ orderId: "unknown" })), NoReservation.is);
    assert.deepEqual(await shop.events(), ["stockOut", "stockReserved", "stockBack", "stockReleased"]);
    await audit(shop);
  });

  test("expires, and is taken anew by a late payment while there is enough", async () => {
    await using shop = await stocked({ TENT: [2] });
    await shop.call(reserve("o1", 2));
    await shop.clock.advance(TTL_MS - 1);
    await shop.job("expireReservations");
    assert.equal(await left(shop), 0);
    await shop.clock.advance(1);
    assert.equal(await shop.job("expireReservations"), false);
    assert.equal(await left(shop), 2);
    assert.equal((await shop.call(inventory.commit({ orderId: "o1" }))).state, "committed");
    await shop.call(
      inventory.receive({
        lines: [{ sku: "TENT", location: "north", quantity: 1 }],
        reason: "more",
      }),
    );
    await shop.call(reserve("o2", 1));
    await shop.clock.advance(TTL_MS);
    await shop.job("expireReservations");
    await shop.call(reserve("o3", 1));
    await assert.rejects(shop.call(inventory.commit({ orderId: "o2" })), StockShort.is);
    await audit(shop);
  });
});

test("500 buyers of the last 50 pieces: 50 get one", async () => {
  await using shop = await stocked({ TENT: [30, 20] });
  const answers = await Promise.allSettled(
    Array.from({ length: 500 }, (_, buyer) => shop.call(reserve(`order-${buyer}`, 1))),
  );
  assert.equal(answers.filter((answer) => answer.status === "fulfilled").length, 50);
  for (const answer of answers) assert.ok(answer.status === "fulfilled" || StockShort.is(answer.reason));
  assert.equal(await left(shop), 0);
  await audit(shop);
});

test("people of the warehouse cannot take what orders hold", async () => {
  await using shop = await stocked({ TENT: [5] });
  await shop.call(reserve("o1", 3));
  const loss = (change: number) =>
    inventory.adjust({
      sku: "TENT",
      location: "north",
      change,
      kind: "write-off",
      reason: "flood",
    });
  await assert.rejects(shop.call(loss(-3)), {
    code: "inventory/stock-held",
    data: { sku: "TENT", location: "north", asked: 3, free: 2 },
  });
  assert.equal((await shop.call(loss(-1))).onHand, 4);
  const moved = await shop.call(
    inventory.transfer({ sku: "TENT", from: "north", to: "south", quantity: 1, reason: "balance" }),
  );
  assert.deepEqual([moved.from.available, moved.to.available], [0, 1]);
  const page = await shop.call(inventory.movements({ limit: 2 }));
  assert.deepEqual(
    page.items.map((row) => [row.kind, row.quantity]),
    [
      ["transfer", 1],
      ["transfer", -1],
    ],
  );
  const rest = await shop.call(inventory.movements(page.nextCursor === undefined ? {} : { cursor: page.nextCursor }));
  assert.deepEqual(
    rest.items.map((row) => row.kind),
    ["write-off", "receive"],
  );
  assert.equal((await shop.call(inventory.audit({}))).violations.length, 0);
});

type Step = readonly [what: string, order: number, quantity: number];

const anyStep: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    "reserve",
    "commit",
    "release",
    "fulfil",
    "part",
    "restock",
    "expire",
    "receive",
    "adjust",
    "transfer",
  ),
  fc.integer({ min: 0, max: 4 }),
  fc.integer({ min: 1, max: 6 }),
);

async function carryOut(shop: OneService, [what, order, quantity]: Step): Promise<void> {
  const orderId = `order-${order}`;
  const sku = quantity % 2 === 0 ? "TENT" : "MUG";
  const lines = [
    { sku, quantity },
    { sku: "MUG", quantity: 1 },
  ];
  const reason = "test";
  switch (what) {
    case "reserve":
      return void (await shop.call(inventory.reserve({ orderId, lines, ttlMs: TTL_MS })));
    case "commit":
      return void (await shop.call(inventory.commit({ orderId })));
    case "release":
      return void (await shop.call(inventory.release({ orderId, reason })));
    case "fulfil":
      return void (await shop.call(inventory.fulfil({ orderId })));
    case "part":
      return void (await shop.call(inventory.fulfil({ orderId, lines: lines.slice(0, 1) })));
    case "restock":
      return void (await shop.call(inventory.restock({ orderId, lines: [{ sku, quantity: 1 }], reason })));
    case "expire":
      await shop.clock.advance(TTL_MS / 2);
      return void (await shop.job("expireReservations"));
    case "receive":
      return void (await shop.call(inventory.receive({ lines: [{ sku, location: "south", quantity }], reason })));
    case "adjust":
      return void (await shop.call(
        inventory.adjust({ sku, location: "north", change: -quantity, kind: "adjust", reason }),
      ));
    default:
      return void (await shop.call(inventory.transfer({ sku, from: "north", to: "south", quantity, reason })));
  }
}

test("no history oversells, and all numbers stay the sums of their rows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      await using shop = await stocked({ TENT: [4, 3], MUG: [6, 1] });
      for (const step of steps) {
        await carryOut(shop, step).catch((error: unknown) => {
          if (!isFault(error) || Contended.is(error)) throw error;
        });
        await audit(shop);
      }
    }),
    { numRuns: 60 },
  );
});

test("the audit finds what is planted", async () => {
  const plants: readonly (readonly [number, string])[] = [
    [3, "UPDATE level SET reserved = reserved + 1"],
    [3, "UPDATE reservation SET state = 'expired' WHERE state = 'held'"],
    [4, "UPDATE level SET on_hand = on_hand + 1"],
    [4, "UPDATE movement SET kind = 'transfer'"],
    [5, "UPDATE reservation_line SET fulfilled = 1"],
    [6, "DELETE FROM reservation_line"],
    [6, "UPDATE reservation SET expires_at = 0"],
    [7, "UPDATE reservation_line SET quantity = 100"],
  ];
  for (const [invariant, sql] of plants) {
    await using shop = await stocked({ TENT: [5] });
    await shop.call(reserve("o1", 2));
    await shop.database.write({ label: "plant" }, (connection) => connection.run(sql));
    const { violations } = await shop.call(inventory.audit({}));
    assert.ok(
      violations.some((violation) => violation.invariant === invariant),
      sql,
    );
  }
});
