/**
 * Five times the load against a real fleet: visitors are shed, buyers are not, and when the load is gone all is well by
 * itself. Then a process dies at 80 % of what the fleet can do, and comes back cold while visitors who are refused ask
 * again at once, and again: a load that would keep a fleet down that serves less the more it is asked.
 *
 * Nothing here depends on how fast the machine is: what the fleet can do is measured first, by the same visitors, and all
 * loads are shares of it. The visitors have a thread of their own that costs little and is bounded; what it costs counts
 * in the measurement, too. It wants a machine with little else to do: what others take from the fleet after it was measured
 * looks like its own failure. `OVERLOAD_SECONDS` says how long the overload lasts.
 */
import assert from "node:assert/strict";
import { pbkdf2 } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { loadSecrets } from "../../run/secrets.ts";
import { ShopClient } from "../client.ts";
import { FleetProcess, withoutServers } from "../fleet-process.ts";
import { describeViolations, readOrders, wasPlaced } from "../invariants/mod.ts";
import { Buyers, type BuyersTally, summedBuyers } from "./buyers.ts";
import { QUICK } from "./shop-process.ts";
import type { Wish } from "./shopper.ts";
import { type Tally, Visitors, type VisitorsOrder, summed } from "./visitors.ts";

const OVERLOAD_MS = Number(process.env["OVERLOAD_SECONDS"] ?? 30) * 1_000;
const TIMES = 5;
const USUAL = 0.8;
const WINDOW_MS = 2_000;
const MEASURED_MS = 12_000;
/** Within so long all must be well again. */
const CALM_WITHIN_MS = 60_000;
/** So many windows in a row, in which nearly nobody is refused. */
const CALM_WINDOWS = 3;
const NEARLY_NOBODY = 0.05;
/** Of so many visitors one buys. */
const VISITORS_PER_BUYER = 400;
/** As many at once as keep it busy. */
const WIDTH = 24;
/** What a process may grow by: garbage that was not collected yet, not queues. */
const GROWTH_MAX_BYTES = 400 * 2 ** 20;

const LISTS = ["/v1/storefront/products?currency=EUR&limit=20", "/v1/categories", "/v1/search?q=jacket"];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is seen in a window of time. */
interface Window {
  readonly visitors: Tally;
  readonly buyers: BuyersTally;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
const lost = ({ shed, late, turnedAway, offered }: Tally): number => share(shed + late + turnedAway, offered);
const meanMs = ({ tookMs, served }: Tally): number => share(tookMs, served);

describe("a fleet under more load than it can bear", { skip: withoutServers(), timeout: 500_000 }, () => {
  let fleet: FleetProcess;
  let client: ShopClient;
  let visitors: Visitors;
  let buyers: Buyers;
  /** Visitors a second. */
  let capacity = 0;
  let speed = 0;
  let asMeasured: ReadonlyMap<string, { readonly pid: number | undefined; readonly bytes: number }>;

  before(async () => {
    fleet = await FleetProcess.start({ placement: "grouped", overrides: QUICK });
    client = new ShopClient(fleet.url);
    const { slugs, sku } = await goodsOf(client, loadSecrets(fleet.folder).demoPassword);
    const pages = slugs.map((slug) => `/v1/storefront/products/${slug}?currency=EUR`);
    const paths = pages.flatMap((page, n) => [page, LISTS[n % LISTS.length] ?? page]);
    const where = { host: "127.0.0.1", port: fleet.port, paths };
    visitors = new Visitors({ ...where, connectionsMax: 512, patienceMs: 5_000 });
    buyers = new Buyers({ client, wishes: wishes(sku), patienceMs: 30_000, widthMax: 256 });
  });
  after(async () => {
    await visitors?.[Symbol.asyncDispose]();
    await buyers?.gone();
    client?.close();
    await fleet?.stop();
  });

  /** Lets people come until it is enough; resolves to what was seen. */
  async function watch(what: string, order: VisitorsOrder, until: (seen: readonly Window[]) => boolean) {
    const seen: Window[] = [];
    const perSecond = order.way === "open" ? order.perSecond : capacity;
    visitors.take();
    buyers.take();
    visitors.send(order);
    buyers.come(Math.max(1, perSecond / VISITORS_PER_BUYER));
    while (!until(seen)) {
      await pause(WINDOW_MS);
      const window = { visitors: visitors.take(), buyers: buyers.take() };
      seen.push(window);
      console.log(`${what}: ${told(window)}`);
    }
    return seen;
  }

  const lasts = (ms: number) => (seen: readonly Window[]) => seen.length * WINDOW_MS >= ms;
  const isCalm = (seen: readonly Window[]): boolean =>
    seen.length >= CALM_WINDOWS && seen.slice(-CALM_WINDOWS).every((window) => lost(window.visitors) <= NEARLY_NOBODY);

  /** So few at once as keep it busy are all served, once it is warm: what it does then is what it can do. */
  async function measure(): Promise<void> {
    const isSteady = (seen: readonly Window[]): boolean =>
      lasts(MEASURED_MS)(seen) && seen.slice(-1).every((window) => lost(window.visitors) <= NEARLY_NOBODY);
    const until = (seen: readonly Window[]): boolean => isSteady(seen) || lasts(CALM_WITHIN_MS)(seen);
    const seen = await watch("measured", { way: "closed", width: WIDTH }, until);
    assert.ok(
      isSteady(seen),
      `of ${WIDTH} at once some are refused: the machine has too much else to do, or it is not well`,
    );
    const served = seen.map((window) => window.visitors.served).toSorted((one, other) => one - other);
    capacity = (served[served.length >> 1] ?? 0) / (WINDOW_MS / 1_000);
    visitors.send({ way: "open", perSecond: 0 });
    speed = await machineSpeed();
    console.log(`it serves ${capacity.toFixed(0)} visitors a second; the machine's speed is ${speed.toFixed(2)}`);
  }

  /**
   * The usual load, until all is well. Where it does not get well in time, it is measured again: when the machine has less
   * to give than before, the usual load is less, and it gets a second chance. When the machine has as much as before, and
   * the fleet serves less, or the same, the fleet has failed.
   */
  async function returns(again: number): Promise<readonly Window[]> {
    for (let chance = 1; ; chance += 1) {
      const order = { way: "open" as const, perSecond: USUAL * capacity, again };
      const seen = await watch("usual load", order, (all) => isCalm(all) || lasts(CALM_WITHIN_MS)(all));
      if (isCalm(seen)) return seen.slice(-CALM_WINDOWS);
      const before = { capacity, speed };
      await measure();
      const wasSlowed = capacity < 0.8 * before.capacity && speed < 0.9 * before.speed;
      assert.ok(chance === 1 && wasSlowed, "it does not return to normal by itself");
      const kept = capacity / before.capacity / (speed / before.speed);
      assert.ok(kept > 0.6, `it serves ${percent(kept)} of what it did, for the same of the machine`);
    }
  }

  async function processes() {
    const rows = (await fleet.rows()).filter(({ kind }) => kind !== "engine");
    return new Map(rows.map(({ instance, pid, rssBytes = 0 }) => [instance, { pid, bytes: rssBytes }]));
  }

  test("what it can do is measured", async () => {
    await measure();
    asMeasured = await processes();
    assert.ok(capacity > 0);
  });

  test(`${TIMES} times the load: visitors are shed, buyers are not, and nothing dies or grows`, async () => {
    const seen = await watch("overload", { way: "open", perSecond: TIMES * capacity }, lasts(OVERLOAD_MS));
    const during = summed(seen.map((window) => window.visitors));
    const bought = summedBuyers(seen.map((window) => window.buyers));
    const goodput = during.served / (seen.length * (WINDOW_MS / 1_000));
    console.log(
      `served ${percent(share(goodput, capacity))} of what it can; lost ${percent(lost(during))} of visitors`,
    );

    assert.deepEqual([...during.broken, ...bought.broken], []);
    assert.ok(during.offered > 0.6 * TIMES * capacity * (OVERLOAD_MS / 1_000), "the visitors did not come");
    assert.ok(lost(during) > 0.3, "there was no overload");
    // On two cores, turning four of five away is most of what the gateway can do: a third was served there.
    assert.ok(goodput > 0.15 * capacity, `it serves ${goodput} a second, and could serve ${capacity}`);
    const refused = share(bought.refusedAtFirst, bought.requests);
    assert.ok(refused < lost(during) / 2, `${percent(refused)} of what buyers asked was refused at first`);
    assert.deepEqual([bought.givenUp, bought.turnedAway, bought.refused], [[], 0, 0]);
    for (const [instance, { pid, bytes }] of await processes()) {
      assert.equal(pid, asMeasured.get(instance)?.pid, `${instance} died`);
      const grown = bytes - (asMeasured.get(instance)?.bytes ?? 0);
      assert.ok(grown < GROWTH_MAX_BYTES, `${instance} grew by ${grown} bytes`);
    }
    const calm = summed((await returns(0)).map((window) => window.visitors));
    assert.ok(meanMs(calm) < meanMs(during), "it is as slow as under the load");
  });

  test("a process that dies under the usual load comes back cold to visitors who ask again and again", async () => {
    const { instance, restarts } = await fleet.of("goods");
    await fleet.signal(instance, "SIGKILL");
    const seen = await returns(2);
    assert.deepEqual(
      seen.flatMap((window) => [...window.visitors.broken, ...window.buyers.broken]),
      [],
    );
    assert.equal((await fleet.row(instance)).restarts, restarts + 1);
  });

  test("no order that was acknowledged is lost, and every invariant holds", async () => {
    visitors.send({ way: "open", perSecond: 0 });
    await buyers.gone();
    const { givenUp, turnedAway } = buyers.take();
    assert.deepEqual([givenUp, turnedAway], [[], 0]);
    await fleet.settle();
    const acknowledged = buyers.told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : []));
    const violations = await fleet.check({ acknowledged, overdueBefore: Date.now() - 10_000 });
    assert.equal(violations.length, 0, describeViolations(violations));
    using data = await fleet.data();
    const placed = [...readOrders(data).values()].filter(wasPlaced).length;
    assert.equal(placed, acknowledged.length, "orders in the books, and orders that somebody was told of");
    console.log(`${placed} orders, all of which somebody was told of`);
  });
});

/** How much of its processors the machine has to give now: digests a microsecond, on all threads of the pool. */
async function machineSpeed(): Promise<number> {
  const ROUNDS = 100_000;
  const startedAt = performance.now();
  const derive = promisify(pbkdf2);
  await Promise.all([1, 2, 3, 4].map(() => derive("machine", "speed", ROUNDS, 32, "sha256")));
  return (4 * ROUNDS) / (performance.now() - startedAt) / 1_000;
}

/** Pages to look at, and something to buy of which there is plenty. */
async function goodsOf(client: ShopClient, password: string): Promise<{ slugs: readonly string[]; sku: string }> {
  const list = await client.get(LISTS[0] ?? "");
  const items = list.body.items as { slug: string; skus: string[] }[];
  const sku = items[0]?.skus[0] ?? assert.fail("the shop sells nothing");
  const login = await client.post("/v1/auth/login", { email: "admin@example.com", password });
  const receipt = { lines: [{ sku, location: "rotterdam", quantity: 1_000_000 }], reason: "overload" };
  const received = await client.as(String(login.body.accessToken)).post("/v1/inventory/receipts", receipt);
  assert.ok(received.status < 300, JSON.stringify(received.body));
  return { slugs: items.map(({ slug }) => slug), sku };
}

function* wishes(sku: string): Generator<Wish, never, undefined> {
  for (let n = 0; ; n += 1) yield { name: `overload-${n}`, lines: [{ sku, quantity: 1 }], paymentToken: "tok_success" };
}

function told({ visitors: tally, buyers: bought }: Window): string {
  const perSecond = (count: number): string => `${(count / (WINDOW_MS / 1_000)).toFixed(0)}/s`;
  return [
    `${perSecond(tally.offered)} came`,
    ...(tally.again > 0 ? [`${perSecond(tally.again)} asked again`] : []),
    `${perSecond(tally.served)} served in ${meanMs(tally).toFixed(0)} ms`,
    `${perSecond(tally.shed)} shed`,
    `${tally.late} too late`,
    `${tally.turnedAway} without a connection`,
    ...(tally.unasked > 0 ? [`${tally.unasked} not sent`] : []),
    `${bought.begun} buyers came, ${bought.placed} ordered (${bought.longestMs.toFixed(0)} ms at most)`,
    `${bought.refusedAtFirst} of their ${bought.requests} requests refused at first`,
  ].join(", ");
}
