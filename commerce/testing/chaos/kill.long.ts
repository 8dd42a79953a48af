/**
 * `kill -9` at random moments during many checkouts: nothing that was acknowledged is lost, nothing happens twice, and
 * every invariant holds, by the databases and by the provider's own books. The same for the shop in one process, for the
 * fleet, all of whose processes die at once, and for the fleet in simulation.
 *
 * `SHOP_ARRANGEMENT` names one of them; all unless said. `CHAOS_SEED`, `CHAOS_CHECKOUTS` and `CHAOS_KILLS` change a run;
 * each prints its seed. `CHAOS_KEEP` keeps the data folder of the process.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shop as system } from "../../system.ts";
import { ARRANGEMENTS, type Arrangement, namedArrangement } from "../arrangement.ts";
import { withoutServers } from "../fleet-process.ts";
import {
  type Violation,
  checkNow,
  checkShop,
  describeViolations,
  listenersOf,
  readOrders,
  toldIsTrue,
  wasPlaced,
} from "../invariants/mod.ts";
import { type MortalShop, openMortal } from "./mortal-shop.ts";
import { type Seen, type Told, crowd, nothingSeen, persistent } from "./shopper.ts";
import { seededRandom, wishesFor } from "./wishes.ts";

/** How much is done: a fleet of processes takes seconds to come back. */
const RUNS: Readonly<Record<Arrangement, { checkouts: number; kills: number; width: number }>> = {
  process: { checkouts: 1_000, kills: 10, width: 64 },
  fleet: { checkouts: 80, kills: 3, width: 16 },
  simulation: { checkouts: 60, kills: 4, width: 16 },
};
const { CHAOS_SEED, CHAOS_CHECKOUTS, CHAOS_KILLS } = process.env;
const SEED = Number(CHAOS_SEED ?? Date.now() % 2 ** 31);
const SETTLE_MS = 240_000;
const LISTENERS = listenersOf(system);
const named = namedArrangement();

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const arrangement of named === undefined ? ARRANGEMENTS : [named]) {
  const { width } = RUNS[arrangement];
  const checkouts = Number(CHAOS_CHECKOUTS ?? RUNS[arrangement].checkouts);
  const kills = Number(CHAOS_KILLS ?? RUNS[arrangement].kills);
  const skip = arrangement === "fleet" && withoutServers();
  test(`${arrangement}: ${checkouts} checkouts, ${kills} kills, seed ${SEED}`, { skip, timeout: 600_000 }, async () => {
    await shopThroughDeaths(arrangement, { checkouts, kills, width });
  });
}

async function shopThroughDeaths(
  arrangement: Arrangement,
  { checkouts, kills, width }: { checkouts: number; kills: number; width: number },
): Promise<void> {
  const random = seededRandom(SEED);
  await using shop = await openMortal(arrangement);
  const seen = nothingSeen();
  const told: Told[] = [];
  const found: Violation[] = [];
  const begun = performance.now();

  // Kills go by progress, not by the clock, so that each meets traffic.
  const moments = Array.from({ length: kills }, (_, k) => Math.floor(((k + 0.2 + 0.6 * random()) * checkouts) / kills));
  let killer = Promise.resolve();
  const served = (result: Told): void => {
    told.push(result);
    if (told.length !== moments[0]) return;
    moments.shift();
    killer = killer.then(() => killAndCheck(shop, random, told, found));
  };
  const send = persistent(seen, () => random() < 0.05);
  await crowd(shop.client, wishesFor(checkouts, random), { width, send, served });
  await killer;
  const shoppedMs = performance.now() - begun;

  await shop.settle(SETTLE_MS);
  const { acknowledged, refused } = claimsOf(told);
  const now = Date.now() - 10_000;
  // In simulation it is another time.
  const overdue = arrangement === "simulation" ? {} : { overdueBefore: now };
  const options = { listeners: LISTENERS, acknowledged, refused, ...overdue };
  const violations = [...found, ...(await shop.look((data) => checkShop(data, options)))];
  const placed = await shop.look((data) => [...readOrders(data).values()].filter(wasPlaced).length);
  const complaints = shop.complaints();
  const results = { arrangement, kills, told, seen, placed, violations: violations.length };
  console.log(summary({ ...results, shoppedMs, allMs: performance.now() - begun }));
  if (complaints.size > 0)
    console.log(`what the shop logged:\n${[...complaints].map(([what, n]) => `  ${n} × ${what}`).join("\n")}`);

  assert.equal(violations.length, 0, describeViolations(violations));
  assert.deepEqual(seen.broken, []);
  assert.equal(moments.length, 0, "not all kills took place");
  assert.equal(placed, acknowledged.length, "orders in the books, and orders that somebody was told of");
  assert.equal(told.length, checkouts);
}

/** What buyers were told, and believe. */
function claimsOf(told: readonly Told[]): { readonly acknowledged: string[]; readonly refused: string[] } {
  return {
    acknowledged: told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : [])),
    refused: told.flatMap((result) =>
      result.kind === "refused" && result.checkoutId !== undefined ? [result.checkoutId] : [],
    ),
  };
}

/** Kills the shop, looks at what is left, and opens it again; sometimes kills it again while it opens. */
async function killAndCheck(
  shop: MortalShop,
  random: () => number,
  told: readonly Told[],
  found: Violation[],
): Promise<void> {
  await pause(random() * 300);
  const killedAt = performance.now();
  if (shop.isGlass) found.push(...(await shop.look(checkNow)));
  await shop.kill();
  const { acknowledged } = claimsOf(told);
  found.push(...(await shop.look(async (data) => [...(await checkNow(data)), ...toldIsTrue(data, { acknowledged })])));
  if (random() < 0.3) {
    const opening = shop.open().catch(() => undefined);
    await pause(random() * 2_500);
    await shop.kill();
    await opening;
  }
  await shop.open();
  const downMs = performance.now() - killedAt;
  console.log(`killed after ${told.length} checkouts, open again ${(downMs / 1_000).toFixed(1)} s later`);
}

interface Results {
  readonly arrangement: Arrangement;
  readonly kills: number;
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

function summary({ arrangement, kills, told, seen, placed, violations, shoppedMs, allMs }: Results): string {
  const outcomes = [...Map.groupBy(told, nameOf)]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([name, group]) => [name, String(group.length)] as const);
  const rows: readonly (readonly [string, string])[] = [
    ["arrangement", arrangement],
    ["seed", String(SEED)],
    ["checkouts", String(told.length)],
    ...outcomes.map(([name, count]) => [`  ${name}`, count] as const),
    ["orders in the books", String(placed)],
    ["kills", String(kills)],
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
