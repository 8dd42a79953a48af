/**
 * Complete checkouts, durable, in one process: nine requests each, then payment, order, mails and webhooks behind them;
 * beside a floor written by hand that promises nothing (`shop/floor.ts`). The servers and the load run in processes of
 * their own. Afterwards the invariants of the shop are checked in its files.
 *
 *   npx node bench/checkout.ts [checkouts a round] [--profile <folder>] [--only <shoppers>]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { shop } from "@isomer/commerce/system.ts";
import { ShopClient } from "@isomer/commerce/testing/client.ts";
import {
  checkShop,
  describeViolations,
  listenersOf,
  openShopData,
  underWay,
} from "@isomer/commerce/testing/invariants/mod.ts";
import { type ServerProcess, startServer } from "./shop/child-process.ts";
import { goodsOf, guests } from "./shop/goods.ts";
import { type Goods, type Timings, closedLoop, openLoop, quantile } from "./shop/load.ts";

/** One run against one server. */
export interface CheckoutRow {
  readonly what: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  /** Transactions and commits a checkout. */
  readonly transactions: number;
  readonly commits: number;
  /** Requests that were asked to come back later, of all. */
  readonly shed: number;
}

const SHOPPERS_MAX = 32;
const WARM_UP = 1_000;

async function measured(server: ServerProcess, what: string, run: () => Promise<Timings>): Promise<CheckoutRow> {
  const before = await server.settle();
  const { checkouts, elapsedMs, shed } = await run();
  // What goes on behind the answer (mails, webhooks, projections) is part of what a checkout costs.
  const after = await server.settle();
  const count = checkouts.length;
  const total = (usage: typeof after, what: "transactions" | "commits"): number =>
    Object.values(usage.stores).reduce((sum, store) => sum + store[what], 0);
  return {
    what,
    perSecond: (count * 1_000) / elapsedMs,
    p50Ms: quantile(checkouts, 0.5),
    p99Ms: quantile(checkouts, 0.99),
    cpuMs: (after.cpuMs - before.cpuMs) / count,
    rssMb: after.rssBytes / 2 ** 20,
    transactions: (total(after, "transactions") - total(before, "transactions")) / count,
    commits: (total(after, "commits") - total(before, "commits")) / count,
    shed,
  };
}

/** What {@link benchCheckout} takes. */
export interface CheckoutOptions {
  readonly checkouts: number;
  readonly shoppers?: readonly number[];
  readonly profileFolder?: string | undefined;
}

interface Bench {
  readonly server: ServerProcess;
  readonly client: ShopClient;
  readonly goods: Goods;
  readonly shoppers: readonly ShopClient[];
}

async function open(script: string, folder: string, flags: readonly string[]): Promise<Bench> {
  const server = await startServer(script, folder, flags);
  const client = new ShopClient(server.url);
  const goods = await goodsOf(client, server.password);
  const shoppers = await guests(client, SHOPPERS_MAX);
  // The compilers of the engine have to see the code some hundred times before it costs what it will.
  await closedLoop(shoppers.slice(0, 16), goods, WARM_UP);
  return { server, client, goods, shoppers };
}

const loop = (bench: Bench, what: string, shoppers: number, count: number): Promise<CheckoutRow> =>
  measured(bench.server, `${what}, ${shoppers} shoppers`, () =>
    closedLoop(bench.shoppers.slice(0, shoppers), bench.goods, count),
  );

/**
 * Runs all loads against a new shop and the floor, in turns, so that both have the machine as it is at the time; then
 * checks the shop's invariants. @throws when one is broken.
 */
export async function benchCheckout(options: CheckoutOptions): Promise<readonly CheckoutRow[]> {
  const folder = mkdtempSync(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "isomer-checkout-"));
  const { profileFolder, checkouts } = options;
  const flags = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  try {
    const floor = await open("./floor.ts", folder, []);
    const shop = await open("./child.ts", folder, flags);
    const rows: CheckoutRow[] = [];
    for (const count of options.shoppers ?? [8, 16, 32]) {
      rows.push(await loop(floor, "floor", count, checkouts));
      rows.push(await loop(shop, "shop", count, checkouts));
    }
    if (options.shoppers === undefined) {
      const best = Math.max(...rows.filter(({ what }) => what.startsWith("shop")).map((row) => row.perSecond));
      const perSecond = Math.floor(best * 0.6);
      const run = () => openLoop(shop.shoppers, shop.goods, { count: checkouts, perSecond });
      rows.push(await measured(shop.server, `shop, open loop, ${perSecond}/s`, run));
    }
    await atRest(folder);
    for (const { client, server } of [floor, shop]) {
      client.close();
      await server.stop();
    }
    await checkInvariants(folder);
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const SERVICES = shop.services.map(({ contract }) => contract.name);
const REST_MS = 60_000;

/** Resolves when nothing is under way: a server that settles does not wait for what a carrier will say yet. */
async function atRest(folder: string): Promise<void> {
  for (const givenUpAt = performance.now() + REST_MS; ;) {
    using data = openShopData(folder, SERVICES);
    const left = underWay(data, listenersOf(shop));
    if (left.length === 0) return;
    if (performance.now() > givenUpAt) throw new Error(`The shop does not come to rest: ${left.join("; ")}.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function checkInvariants(folder: string): Promise<void> {
  using data = openShopData(folder, SERVICES);
  const violations = await checkShop(data, { listeners: listenersOf(shop) });
  if (violations.length > 0) throw new Error(`The shop broke its word.\n${describeViolations(violations)}`);
}

/** A row as a line of text. */
export function describeRow(row: CheckoutRow): string {
  const { what, perSecond, p50Ms, p99Ms, cpuMs, rssMb, transactions, commits, shed } = row;
  const figures = [
    `${perSecond.toFixed(0)}/s`.padStart(6),
    `p50 ${p50Ms.toFixed(0)} ms`.padStart(10),
    `p99 ${p99Ms.toFixed(0)} ms`.padStart(11),
    `${cpuMs.toFixed(2)} ms CPU`.padStart(12),
    `${rssMb.toFixed(0)} MB`.padStart(7),
    `${transactions.toFixed(1)} transactions, ${commits.toFixed(1)} commits`,
    ...(shed === 0 ? [] : [`${shed} requests put off`]),
  ];
  return `${what.padEnd(24)} ${figures.join("  ")}`;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { profile: { type: "string" }, only: { type: "string" } },
  });
  const rows = await benchCheckout({
    checkouts: Number(positionals[0] ?? 1_000),
    ...(values.profile === undefined ? {} : { profileFolder: values.profile }),
    ...(values.only === undefined ? {} : { shoppers: values.only.split(",").map(Number) }),
  });
  for (const row of rows) console.log(describeRow(row));
  console.log("All invariants of the shop hold.");
}
