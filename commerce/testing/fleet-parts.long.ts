/** What the processes of a fleet share, and what each has for itself: looked for in a fleet of real processes. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock, systemRandom } from "@isomer/kernel/node";
import { type InstanceFile, fleetPaths, readFleetFile, readInstanceFile } from "@isomer/kernel/node/fleet";
import { passwordsOf } from "@isomer/kernel/node/local-fleet";
import { inboxOf, jetStreamBroker, openNats } from "@isomer/kernel/node/nats";
import { silentLogger } from "@isomer/kernel/std";
import pg from "pg";
import { loadSecrets } from "../run/secrets.ts";
import { CheckedClient } from "./checked-client.ts";
import { FleetProcess, withoutServers } from "./fleet-process.ts";
import { until } from "./open-shop.ts";

const RATE = 100;
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  gateway: [],
  goods: [],
  parties: ["payments", "sandboxpay", "sandboxship", "shipping"],
  people: [],
  sales: [],
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("the parts of a fleet", { skip: withoutServers(), timeout: 480_000 }, () => {
  let fleet: FleetProcess;
  const clients: CheckedClient[] = [];
  before(async () => {
    const environment = {
      SHOP_POSTGRES_COPY: "1",
      SHOP_RATE_PER_IDENTITY: String(RATE),
      OTEL_TRACES_SAMPLER: "always_on",
    };
    fleet = await FleetProcess.start({ placement: "grouped", gateways: 2, environment });
    clients.push(...[0, 1].map((gateway) => new CheckedClient(`http://127.0.0.1:${fleet.port + gateway}`)));
  });
  after(async () => {
    for (const client of clients) client.close();
    await fleet?.stop();
  });

  const at = (gateway: number): CheckedClient => clients[gateway] ?? assert.fail("there is no such gateway");
  const files = (): readonly InstanceFile[] =>
    readdirSync(join(fleet.folder, "instances"))
      .filter((name) => name.endsWith(".json"))
      .map((name) => readInstanceFile(fleet.folder, name.slice(0, -".json".length)));
  const loginOf = (service: string) => {
    const file = files().find(({ services }) => services.includes(service));
    return file?.credentials ?? assert.fail(`nobody is ${service}`);
  };

  test("each process is told what its own services need, and nothing of others", () => {
    const told = files();
    assert.deepEqual(
      told.map(({ instance }) => instance),
      ["gateway-1", "gateway-2", "goods-1", "parties-1", "people-1", "sales-1"],
    );
    for (const { instance, group, services, gateway, credentials, secrets = {}, identityFolder } of told) {
      const workloads = [...services, ...(gateway === undefined ? [] : ["gateway"])].toSorted();
      const { postgres = {}, nats = {}, redisUsers = {}, redis } = credentials;
      assert.deepEqual(Object.keys(postgres).toSorted(), services.toSorted(), instance);
      assert.deepEqual(Object.keys(nats).toSorted(), workloads, instance);
      assert.deepEqual(
        Object.keys(redisUsers).filter((name) => !workloads.includes(name)),
        [],
        instance,
      );
      assert.equal(redis, undefined);
      assert.deepEqual(Object.keys(secrets).toSorted(), SECRETS[group], instance);
      const pems = workloads.map((name) => (name === "gateway" ? "gateway.pem" : `service-${name}.pem`));
      assert.deepEqual(readdirSync(identityFolder).toSorted(), ["bundle.pem", ...pems].toSorted(), instance);
      for (const path of [fleetPaths.instance(fleet.folder, instance), ...pems.map((pem) => join(identityFolder, pem))])
        assert.equal(statSync(path).mode & 0o077, 0, `${path} is open to others`);
    }
  });

  test("a service's credentials open no other database, and read no stream that it does not hear", async () => {
    const { postgres, nats } = readFleetFile(fleet.folder).engines;
    const own = loginOf("users").postgres?.["users"];
    const ownOf = { host: "127.0.0.1", port: postgres?.port, user: own?.user, password: own?.password };
    await assert.rejects(
      new pg.Client({ ...ownOf, database: "isomer_payments" }).connect(),
      /permission denied for database/,
    );
    const credentials = loginOf("users").nats?.["users"];
    assert.ok(credentials !== undefined && nats !== undefined);
    const ports = { clock: systemClock(), random: systemRandom(), log: silentLogger };
    const link = openNats({
      servers: nats.servers,
      name: "a test",
      credentials,
      inboxPrefix: inboxOf("users"),
      ...ports,
    });
    const broker = jetStreamBroker({ link, ...ports });
    try {
      await link.up();
      assert.equal(typeof (await broker.head("users")), "number");
      await assert.rejects(broker.head("payments"));
      await assert.rejects(broker.source("payments").read({ after: 0, limit: 1 }));
    } finally {
      broker.close();
      await link.close();
    }
  });

  test("who signs out at one gateway is refused by the other within moments", async () => {
    const credentials = { email: "ada@example.com", password: loadSecrets(fleet.folder).demoPassword };
    const session = await at(0).expect(200, "POST", "/v1/auth/login", { body: credentials });
    const elsewhere = at(1).as(String(session.accessToken));
    await elsewhere.expect(200, "GET", "/v1/orders");
    await at(0).expect(200, "POST", "/v1/auth/logout", { body: { refreshToken: session.refreshToken } });
    const statuses = await until(
      "the other gateway refuses",
      async () => (await elsewhere.get("/v1/orders")).status,
      (status) => status !== 200,
      5_000,
    );
    assert.equal(statuses, 401);
  });

  test("gateways count requests together", async () => {
    const { accessToken } = await at(0).expect(201, "POST", "/v1/guests", { body: {} });
    const [one, other] = clients.map((client) => client.as(String(accessToken)));
    assert.ok(one && other);
    const statuses: number[] = [];
    for (let n = 0; n < RATE * 0.8; n += 1)
      for (const client of [one, other]) statuses.push((await client.get("/v1/orders")).status);
    const refused = statuses.filter((status) => status === 429).length;
    assert.ok(refused > 0, "each gateway counts for itself");
  });

  test("queries that may be answered from an old state are answered by the copy", async () => {
    const { postgresCopy } = readFleetFile(fleet.folder).engines;
    const password = passwordsOf(join(fleet.folder, "engines"))("postgres");
    const admin = new pg.Client(`postgres://postgres:${password}@127.0.0.1:${postgresCopy?.port}/postgres`);
    await admin.connect();
    const asked = async (): Promise<number> => {
      await at(0).expect(200, "GET", "/v1/categories");
      const sql =
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'isomer_catalog' AND query NOT LIKE '%wal%'";
      return (await admin.query<{ n: number }>(sql)).rows[0]?.n ?? 0;
    };
    try {
      await until("the copy is asked", asked, (count) => count > 0, 20_000);
    } finally {
      await admin.end();
    }
  });

  test("the log tells of calls by whom they were, and how it was decided", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    await at(0).expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=1", { headers });
    const linesOf = (instance: string, id = traceId) =>
      readFileSync(fleetPaths.log(fleet.folder, instance), "utf8")
        .split("\n")
        .filter((line) => line.includes(id) && line.includes('"info"'))
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const [call] = await until(
      "the call is logged",
      async () => linesOf("goods-1").filter(({ message, caller }) => message === "call" && caller === "edge"),
      ({ length }) => length > 0,
    );
    assert.equal(call?.["peer"], "spiffe://fleet.local/gateway");
    assert.deepEqual([call?.["access"], call?.["outcome"]], ["anyone", "ok"]);
    await until(
      "the request is logged",
      async () => linesOf("gateway-1"),
      (lines) => lines.some(({ message, status }) => message === "request" && status === 200),
    );
    // All are kept, as the environment says, whoever begins their trace.
    for (let n = 0; n < 5; n += 1) {
      const { traceId: own } = await at(0).expect(404, "GET", `/v1/products/none-${n}`);
      const linesOfIt = async () => linesOf("gateway-1", String(own));
      await until("each request is logged", linesOfIt, ({ length }) => length > 0);
    }
  });

  test("calls go on while NATS stands still, also past the death of a process", async () => {
    await fleet.change({ do: "scale", name: "goods", replicas: 2 });
    const failures: string[] = [];
    let [isOver, asked] = [false, 0];
    const browse = async (client: CheckedClient): Promise<void> => {
      for (; !isOver; await pause(20)) {
        asked += 1;
        const asking = client.expect(200, "GET", "/v1/storefront/products?currency=EUR&limit=5");
        await asking.catch((error: unknown) => failures.push(String(error)));
      }
    };
    const browsing = clients.map(browse);
    await fleet.signal("nats", "SIGSTOP");
    try {
      await pause(3_000);
      await fleet.signal("goods-2", "SIGKILL");
      await pause(9_000);
    } finally {
      await fleet.signal("nats", "SIGCONT");
      isOver = true;
      await Promise.all(browsing);
    }
    assert.deepEqual(failures, []);
    assert.ok(asked > 100, `only ${asked} requests`);
    await fleet.ready();
  });
});
