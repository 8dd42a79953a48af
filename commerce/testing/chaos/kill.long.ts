/**
 * `kill -9` at random moments during a thousand checkouts: nothing that was acknowledged is lost, nothing happens twice,
 * and every invariant holds, by the databases and by the provider's own books.
 *
 * `CHAOS_SEED`, `CHAOS_CHECKOUTS` and `CHAOS_KILLS` change a run; each prints its seed. `CHAOS_KEEP` keeps the data folder.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ShopClient } from "../client.ts";
import { type Violation, checkNow, describeViolations, readOrders, toldIsTrue, wasPlaced } from "../invariants/mod.ts";
import { ShopProcess } from "./shop-process.ts";
import { type Seen, type Told, crowd, nothingSeen, persistent } from "./shopper.ts";
import { seededRandom, wishesFor } from "./wishes.ts";

const { CHAOS_SEED, CHAOS_CHECKOUTS = "1000", CHAOS_KILLS = "10" } = process.env;
const SEED = Number(CHAOS_SEED ?? Date.now() % 2 ** 31);
const CHECKOUTS = Number(CHAOS_CHECKOUTS);
const KILLS = Number(CHAOS_KILLS);
const WIDTH = 64;
const SETTLE_MS = 240_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(`${CHECKOUTS} checkouts, ${KILLS} kills, seed ${SEED}`, { timeout: 600_000 }, async () => {
  const random = seededRandom(SEED);
  await using shop = await ShopProcess.start();
  const client = new ShopClient(shop.url);
  const seen = nothingSeen();
  const told: Told[] = [];
  const found: Violation[] = [];
  const begun = performance.now();

  // Kills go by progress, not by the clock, so that each meets traffic.
  const moments = Array.from({ length: KILLS }, (_, k) => Math.floor(((k + 0.2 + 0.6 * random()) * CHECKOUTS) / KILLS));
  let killer = Promise.resolve();
  const served = (result: Told): void => {
    told.push(result);
    if (told.length !== moments[0]) return;
    moments.shift();
    killer = killer.then(() => killAndCheck(shop, random, told, found));
  };
  await crowd(client, wishesFor(CHECKOUTS, random), {
    width: WIDTH,
    send: persistent(seen, () => random() < 0.05),
    served,
  });
  await killer;
  const shoppedMs = performance.now() - begun;

  await shop.settle(SETTLE_MS);
  client.close();
  await shop.stop();
  const acknowledged = told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : []));
  const refused = told.flatMap((result) =>
    result.kind === "refused" && result.checkoutId !== undefined ? [result.checkoutId] : [],
  );
  const violations = [...found, ...(await shop.check({ acknowledged, refused, overdueBefore: Date.now() - 10_000 }))];
  const placed = placedIn(shop);
  const complaints = shop.complaints();
  console.log(
    summary({ told, seen, placed, violations: violations.length, shoppedMs, allMs: performance.now() - begun }),
  );
  if (complaints.size > 0)
    console.log(`what the shop logged:\n${[...complaints].map(([what, n]) => `  ${n} × ${what}`).join("\n")}`);

  assert.equal(violations.length, 0, describeViolations(violations));
  assert.deepEqual(seen.broken, []);
  assert.equal(moments.length, 0, "not all kills took place");
  assert.equal(placed, acknowledged.length, "orders in the books, and orders that somebody was told of");
  assert.equal(told.length, CHECKOUTS);
});

/** Kills the shop, looks at what is left, and opens it again; sometimes kills it again while it opens. */
async function killAndCheck(
  shop: ShopProcess,
  random: () => number,
  told: readonly Told[],
  found: Violation[],
): Promise<void> {
  await pause(random() * 300);
  {
    using alive = shop.data();
    alive.hold();
    found.push(...(await checkNow(alive)));
  }
  await shop.kill();
  using data = shop.data();
  const acknowledged = told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : []));
  found.push(...(await checkNow(data)), ...toldIsTrue(data, { acknowledged }));
  if (random() < 0.3) {
    const opening = shop.open().catch(() => undefined);
    await pause(random() * 2_500);
    await shop.kill();
    await opening;
  }
  await shop.open();
}

function placedIn(shop: ShopProcess): number {
  using data = shop.data();
  return [...readOrders(data).values()].filter(wasPlaced).length;
}

interface Results {
  readonly told: readonly Told[];
  readonly seen: Seen;
  readonly placed: number;
  readonly violations: number;
  readonly shoppedMs: number;
  readonly allMs: number;
}

function nameOf(result: Told): string {
  if (result.kind === "refused") return result.code;
  return result.calledOff === undefined ? "placed" : `placed, then called off: ${result.calledOff}`;
}

function summary({ told, seen, placed, violations, shoppedMs, allMs }: Results): string {
  const outcomes = [...Map.groupBy(told, nameOf)]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([name, group]) => [name, String(group.length)] as const);
  const rows: readonly (readonly [string, string])[] = [
    ["seed", String(SEED)],
    ["checkouts", String(told.length)],
    ...outcomes.map(([name, count]) => [`  ${name}`, count] as const),
    ["orders in the books", String(placed)],
    ["kills", String(KILLS)],
    ["requests", String(seen.requests)],
    ["  without an answer", String(seen.cut)],
    ["  repeated", String(seen.repeats)],
    ["  answered from the record", String(seen.replayed)],
    ["  sent twice at once", String(seen.doubled)],
    ["  told that the first is in flight", String(seen.inFlight)],
    ["seconds of shopping, deaths included", (shoppedMs / 1_000).toFixed(1)],
    ["seconds in all", (allMs / 1_000).toFixed(1)],
    ["violations", String(violations)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(38)} ${value.padStart(10)}`).join("\n");
}
