/**
 * The shop at one fixed load, placed in four ways: in one process with files (`npm start`), and as a fleet with all
 * services in one process, a few together, and each apart. What placement costs: cores, latency, memory. The same nine
 * requests a checkout, the same rate, the same machine; the invariants of the shop are checked in each.
 *
 *   npx node bench/placements.ts [checkouts a second, 10 unless said] [seconds, 20 unless said]
 */
import { ShopClient } from "@isomer/commerce/testing/client.ts";
import { FleetProcess, type PlacementName } from "@isomer/commerce/testing/fleet-process.ts";
import { loadSecrets } from "@isomer/commerce/run/secrets.ts";
import { describeViolations } from "@isomer/commerce/testing/invariants/mod.ts";
import { ShopProcess } from "@isomer/commerce/testing/chaos/shop-process.ts";
import { type Goods, closedLoop, openLoop, quantile } from "./shop/load.ts";
import { goodsOf, guests } from "./shop/goods.ts";
import { type ProcessUsage, usageOf } from "./shop/processes.ts";

/** One placement under load. */
export interface PlacementRow {
  readonly placement: string;
  readonly processes: number;
  readonly cores: number;
  /** Of the database server, the broker and the cache. */
  readonly engineCores: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly memoryMb: number;
}

const SHOPPERS = 4;
const WARM_UP = 60;
const LOAD_MAX = 32;

interface Target {
  readonly url: string;
  readonly password: string;
  readonly processes: number;
  usage(): Promise<{ readonly hosts: ProcessUsage; readonly engines: ProcessUsage }>;
  settle(): Promise<void>;
  check(): Promise<string>;
  stop(): Promise<void>;
}

async function inOneProcess(): Promise<Target> {
  const shop = await ShopProcess.start();
  const none = { cpuMs: 0, rssBytes: 0 };
  return {
    url: shop.url,
    password: loadSecrets(shop.folder).demoPassword,
    processes: 1,
    usage: () => Promise.resolve({ hosts: usageOf([shop.pid]), engines: none }),
    settle: () => shop.settle(120_000),
    check: async () => describeViolations(await shop.check()),
    stop: () => shop[Symbol.asyncDispose](),
  };
}

async function asFleet(placement: PlacementName): Promise<Target> {
  const fleet = await FleetProcess.start({ placement });
  const rows = await fleet.rows();
  const pidsOf = (isEngine: boolean): number[] =>
    rows.flatMap(({ kind, pid }) => ((kind === "engine") === isEngine && pid !== undefined ? [pid] : []));
  return {
    url: fleet.url,
    password: loadSecrets(fleet.folder).demoPassword,
    processes: pidsOf(false).length,
    usage: () => Promise.resolve({ hosts: usageOf(pidsOf(false)), engines: usageOf(pidsOf(true)) }),
    settle: () => fleet.settle(),
    check: async () => describeViolations(await fleet.check()),
    stop: () => fleet.stop(),
  };
}

async function measure(
  name: string,
  target: Target,
  load: { perSecond: number; count: number },
): Promise<PlacementRow> {
  const client = new ShopClient(target.url);
  try {
    const goods: Goods = await goodsOf(client, target.password);
    const shoppers = await guests(client, LOAD_MAX);
    await closedLoop(shoppers.slice(0, SHOPPERS), goods, WARM_UP);
    await target.settle();
    const [before, begun] = [await target.usage(), performance.now()];
    const { checkouts } = await openLoop(shoppers, goods, load);
    await target.settle();
    const [after, seconds] = [await target.usage(), (performance.now() - begun) / 1_000];
    const violations = await target.check();
    if (violations !== "") throw new Error(`The shop broke its word.\n${violations}`);
    const cores = (a: ProcessUsage, b: ProcessUsage): number => (a.cpuMs - b.cpuMs) / 1_000 / seconds;
    return {
      placement: name,
      processes: target.processes,
      cores: cores(after.hosts, before.hosts),
      engineCores: cores(after.engines, before.engines),
      p50Ms: quantile(checkouts, 0.5),
      p99Ms: quantile(checkouts, 0.99),
      memoryMb: after.hosts.rssBytes / 2 ** 20,
    };
  } finally {
    client.close();
    await target.stop();
  }
}

/** Measures all placements, one after another. */
export async function benchPlacements(
  load: { perSecond: number; count: number },
  onRow: (row: PlacementRow) => void = () => {},
): Promise<readonly PlacementRow[]> {
  const placements: readonly (readonly [name: string, open: () => Promise<Target>])[] = [
    ["one process, files", inOneProcess],
    ["fleet, together", () => asFleet("together")],
    ["fleet, grouped", () => asFleet("grouped")],
    ["fleet, all apart", () => asFleet("apart")],
  ];
  const rows: PlacementRow[] = [];
  for (const [name, open] of placements) {
    const row = await measure(name, await open(), load);
    onRow(row);
    rows.push(row);
  }
  return rows;
}

/** A row as a line of text. */
export function describePlacement(row: PlacementRow): string {
  const { placement, processes, cores, engineCores, p50Ms, p99Ms, memoryMb } = row;
  return [
    placement.padEnd(20),
    `${processes} processes`.padStart(13),
    `${cores.toFixed(2)} cores`.padStart(12),
    `servers ${engineCores.toFixed(2)}`.padStart(14),
    `p50 ${p50Ms.toFixed(0)} ms`.padStart(11),
    `p99 ${p99Ms.toFixed(0)} ms`.padStart(12),
    `${memoryMb.toFixed(0)} MB`.padStart(9),
  ].join("  ");
}

if (import.meta.main) {
  const [perSecond = 10, seconds = 20] = process.argv.slice(2).map(Number);
  const load = { perSecond, count: perSecond * seconds };
  await benchPlacements(load, (row) => {
    console.log(describePlacement(row));
  });
  console.log(`${perSecond} checkouts a second for ${seconds} s; all invariants of the shop hold in each placement.`);
}
