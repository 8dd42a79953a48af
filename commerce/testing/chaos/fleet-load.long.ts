/**
 * Chaos against a real fleet under load, each service in its own process, NATS on three servers: services, a gateway, the
 * server of NATS that leads and all of them, the cache and the database server die or stand still; the disk of one service
 * is full. Nothing that was acknowledged is lost or doubled, and every invariant holds after settling.
 *
 * `CHAOS_SEED`, `CHAOS_CHECKOUTS` and `CHAOS_KILLS` (of services; 14 are all) change a run; each prints its seed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { NatsLink } from "@isomer/kernel/node/nats";
import { isFault } from "@isomer/kernel/std";
import { shop } from "../../system.ts";
import { type Answer, ShopClient } from "../client.ts";
import { FleetProcess, withoutServers } from "../fleet-process.ts";
import { describeViolations, readOrders, wasPlaced } from "../invariants/mod.ts";
import { until } from "../open-shop.ts";
import { fullDisk } from "./full-disk-of-service.ts";
import { type PersistentSend, type Told, type Wish, crowd, nothingSeen, persistent, shopFor } from "./shopper.ts";
import { QUICK } from "./shop-process.ts";
import { withoutMounting } from "./tight-disk.ts";
import { seededRandom, wishesFor } from "./wishes.ts";

const { CHAOS_SEED, CHAOS_CHECKOUTS = "80", CHAOS_KILLS = "4" } = process.env;
const SEED = Number(CHAOS_SEED ?? Date.now() % 2 ** 31);
const CHECKOUTS = Number(CHAOS_CHECKOUTS);
const KILLS = Number(CHAOS_KILLS);
const WIDTH = 8;
/** Long enough that calls to whoever is stopped run out of time. */
const STOPPED_MS = 6_000;
/** Certificates are renewed several times in a run. */
const CERTIFICATE_LIFE_MS = 90_000;
/** What a checkout needs none of. */
const BESIDE = ["notifications", "users", "sandboxship", "operator", "storefront"];

const NATS = ["nats-1", "nats-2", "nats-3"];
const SERVICES = shop.services.map(({ contract }) => contract.name);
const skip = withoutServers();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is done to the fleet, and what must be ready again afterwards. */
interface Blow {
  readonly what: string;
  readonly strike: (fleet: FleetProcess) => Promise<void>;
}

const kill = (group: string): Blow => ({
  what: `kill -9 ${group}`,
  strike: async (fleet) => fleet.signal((await fleet.of(group)).instance, "SIGKILL"),
});
const stop = (group: string): Blow => ({
  what: `${group} stopped for ${STOPPED_MS} ms`,
  strike: async (fleet) => standStill(fleet, (await fleet.of(group)).instance),
});
const LED = "orders";
const ofNats: readonly Blow[] = [
  {
    what: `kill -9 the server of NATS that leads the stream of ${LED}`,
    strike: async (fleet) => fleet.signal(await leaderOf(fleet, LED), "SIGKILL"),
  },
  {
    what: `the server of NATS that leads the stream of ${LED} stopped for ${STOPPED_MS} ms`,
    strike: async (fleet) => standStill(fleet, await leaderOf(fleet, LED)),
  },
  {
    what: "kill -9 all servers of NATS",
    strike: async (fleet) => void (await Promise.all(NATS.map((server) => fleet.signal(server, "SIGKILL")))),
  },
];

async function standStill(fleet: FleetProcess, instance: string): Promise<void> {
  await fleet.signal(instance, "SIGSTOP");
  await pause(STOPPED_MS);
  await fleet.signal(instance, "SIGCONT");
}

/** The server that leads a service's stream: where its events are acknowledged. There is one as soon as they have agreed. */
async function leaderOf(fleet: FleetProcess, service: string): Promise<string> {
  const ask = (link: NatsLink): Promise<string | undefined> =>
    link.jetStream("asking who leads", async ({ manager }) => {
      const { cluster } = await manager.streams.info(`ISOMER_${service}`);
      assert.equal(cluster?.replicas?.length, 2, "the stream has three replicas");
      return cluster?.leader;
    });
  return fleet.asOperator(async (link) => {
    const leads = await until(
      "a server leads",
      () => ask(link).catch(isAway),
      (name) => name !== undefined,
      30_000,
    );
    return leads ?? assert.fail("nobody leads");
  });
}

function isAway(error: unknown): undefined {
  if (isFault(error) && error.kind === "unavailable") return undefined;
  throw error;
}

function blowsFor(random: () => number): readonly Blow[] {
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((item) => ({ item, at: random() }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ item }) => item);
  const services = shuffled(SERVICES.filter((name) => name !== "operator"));
  return shuffled([
    ...services.slice(0, KILLS).map(kill),
    ...["gateway", "postgres", "redis"].map(kill),
    ...ofNats,
    stop(services.at(-1) ?? "payments"),
  ]);
}

describe(`a fleet under load, seed ${SEED}`, { skip, timeout: 840_000 }, () => {
  const random = seededRandom(SEED);
  const told: Told[] = [];
  let fleet: FleetProcess;
  let client: ShopClient;

  before(async () => {
    const options = { overrides: QUICK, gateways: 2, certificateLifeMs: CERTIFICATE_LIFE_MS, natsServers: 3 as const };
    fleet = await FleetProcess.start({ placement: "apart", ...options });
    client = new ShopClient(fleet.url);
  });
  after(async () => {
    client?.close();
    await fleet?.stop();
  });

  test("rolls services and gateways to a new build without a failed request", async () => {
    const failures: string[] = [];
    let isOver = false;
    const wishes = endless(random);
    const buyer = async (): Promise<void> => {
      while (!isOver) told.push(await shopFor(client, wishes.next().value, strict(failures)));
    };
    const buyers = Array.from({ length: 4 }, buyer);
    for (const name of ["checkout", "orders", "gateway"]) await fleet.change({ do: "roll", name, label: "rolled" });
    isOver = true;
    await Promise.all(buyers);
    const rolled = (await fleet.rows()).filter(({ version }) => version === "rolled");
    assert.deepEqual(rolled.map(({ group }) => group).toSorted(), ["checkout", "gateway", "gateway", "orders"]);
    assert.deepEqual(failures, []);
  });

  test("checkouts do not fail when what they do not need is down", async () => {
    const failures: string[] = [];
    const wishes = endless(random);
    for (const name of BESIDE) await fleet.signal(`${name}-1`, "SIGSTOP");
    try {
      for (let n = 0; n < 8; n += 1) told.push(await shopFor(client, wishes.next().value, strict(failures)));
    } finally {
      for (const name of BESIDE) await fleet.signal(`${name}-1`, "SIGCONT");
    }
    assert.deepEqual(failures, []);
    await fleet.ready();
  });

  test(
    "a service's disk is full: it says so, others go on, and nothing is lost",
    { skip: withoutMounting() },
    async () => {
      const seen = nothingSeen();
      const wishes = wishesFor(12, random);
      const served = (result: Told): void => void told.push(result);
      const shopping = () => crowd(client, wishes, { width: WIDTH, send: persistent(seen), served });
      console.log(await fullDisk(fleet, client, shopping));
      assert.deepEqual(seen.broken, []);
    },
  );

  test(`${CHECKOUTS} checkouts while services and servers die`, async () => {
    const seen = nothingSeen();
    const blows = blowsFor(random);
    const struck: string[] = [];
    let [served, striker] = [0, Promise.resolve()];
    // Blows go by progress, so that each meets traffic; the next one comes when what was hit is back.
    const strikeNext = async (): Promise<void> => {
      const blow = blows[struck.length];
      if (blow === undefined) return;
      struck.push(blow.what);
      const begun = performance.now();
      await blow.strike(fleet);
      await pause(500);
      await fleet.ready();
      console.log(`${blow.what}: back after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    };
    const onServed = (result: Told): void => {
      told.push(result);
      served += 1;
      if (served >= ((struck.length + 0.5) * CHECKOUTS) / (blows.length + 1)) striker = striker.then(strikeNext);
    };
    const send = persistent(seen, () => random() < 0.05);
    await crowd(client, wishesFor(CHECKOUTS, random), { width: WIDTH, send, served: onServed });
    await striker;
    while (struck.length < blows.length) await strikeNext();
    console.log(`requests ${seen.requests}, without an answer ${seen.cut}, repeated ${seen.repeats}`);
    assert.deepEqual(seen.broken, []);
    assert.equal(struck.length, blows.length);
  });

  test("nothing that was acknowledged is lost or doubled, and every invariant holds", async () => {
    await fleet.settle(240_000);
    const acknowledged = told.flatMap((result) => (result.kind === "placed" ? [result.orderId] : []));
    const refused = told.flatMap((result) =>
      result.kind === "refused" && result.checkoutId !== undefined ? [result.checkoutId] : [],
    );
    const violations = await fleet.check({ acknowledged, refused, overdueBefore: Date.now() - 10_000 });
    assert.equal(violations.length, 0, describeViolations(violations));
    const data = await fleet.data();
    const placed = [...readOrders(data).values()].filter(wasPlaced).length;
    data[Symbol.dispose]();
    assert.equal(placed, acknowledged.length, "orders in the books, and orders that somebody was told of");
    assert.ok(acknowledged.length > CHECKOUTS / 3, `only ${acknowledged.length} orders of ${told.length} wishes`);
  });
});

/** Wishes one after another, for as long as somebody wants some. */
function* endless(random: () => number): Generator<Wish, never, undefined> {
  for (;;) yield* wishesFor(16, random).filter(({ paymentToken }) => paymentToken === "tok_success");
}

/** Sends once, and notes every answer that no client should get; only what is in flight is asked for again. */
function strict(failures: string[]): PersistentSend {
  return async (client, method, path, ask): Promise<Answer> => {
    for (;;) {
      const answer = await client.ask(method, path, ask).catch((error: unknown) => error as Error);
      if (answer instanceof Error) {
        failures.push(`${method} ${path}: ${answer.message}`);
        throw answer;
      }
      if (answer.body?.code !== "kernel/key-in-flight") {
        if (answer.status >= 500) failures.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer;
      }
      await pause(200);
    }
  };
}
