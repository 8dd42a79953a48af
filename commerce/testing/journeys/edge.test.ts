/** The shop as a thing that runs: restarts, draining, pages, conditional requests, limits, documents. */
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { type OpenShop, openShop, until } from "../open-shop.ts";
import { beginCheckout, buyNow, pay, providerBooks, readyCart, skusInStock } from "./steps.ts";

let shop: OpenShop;
before(async () => {
  shop = await openShop();
});
after(() => shop[Symbol.asyncDispose]());

describe("lists", () => {
  /** Everything in a list, page by page. */
  async function allOf(path: string, limit: number, client = shop.client): Promise<string[]> {
    const found: string[] = [];
    let cursor = "";
    do {
      const page = await client.expect(200, "GET", `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor}`);
      assert.ok(page.items.length <= limit);
      found.push(...page.items.map((item: unknown) => JSON.stringify(item)));
      cursor = page.nextCursor === undefined ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== "");
    return found;
  }

  test("give every row once, whatever the size of a page", async () => {
    const { total } = await shop.client.expect(200, "GET", "/v1/search?limit=1");
    for (const limit of [7, 100]) {
      const products = await allOf("/v1/products", limit);
      assert.deepEqual([products.length, new Set(products).size], [total, total]);
    }
    assert.equal(
      new Set(await allOf("/v1/search?q=s", 3)).size,
      (await shop.client.expect(200, "GET", "/v1/search?q=s")).total,
    );
    const admin = await shop.login("admin@example.com");
    for (const path of [
      "/v1/inventory/levels",
      "/v1/inventory/movements",
      "/v1/users",
      "/v1/auth/users",
      "/v1/admin/products",
    ]) {
      const few = await allOf(path, 2 + (path.length % 3) * 20, admin);
      assert.equal(new Set(few).size, few.length, path);
      assert.deepEqual(few, await allOf(path, 100, admin), path);
    }
  });

  test("that grow between two pages neither repeat nor skip a row", async () => {
    const [sku = ""] = await skusInStock(shop, 1);
    const buyer = await shop.guest();
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.unshift((await buyNow(buyer, [{ sku, quantity: 1 }])).orderId);
    const first = await buyer.expect(200, "GET", "/v1/orders?limit=2");
    await buyNow(buyer, [{ sku, quantity: 1 }]);
    const second = await buyer.expect(200, "GET", `/v1/orders?limit=2&cursor=${first.nextCursor}`);
    const seen = [...first.items, ...second.items].map((order: { orderId: string }) => order.orderId);
    assert.deepEqual(seen, ids);
    assert.equal(second.nextCursor, undefined);
  });

  test("take only cursors that they gave out, and pages of a size that is bounded", async () => {
    await shop.client.refused(400, "shop/bad-cursor", "GET", "/v1/products?cursor=bm90aGluZw");
    const problem = await shop.client.refused(400, "kernel/invalid", "GET", "/v1/products?limit=101");
    assert.equal(problem.errors[0].path, "/limit");
  });
});

describe("conditional requests", () => {
  test("save the body of what is known already", async () => {
    const { items } = await shop.client.expect(200, "GET", "/v1/products?limit=1");
    const path = `/v1/products/${items[0].slug}`;
    const first = await shop.client.get(path);
    const etag = String(first.headers["etag"]);
    assert.match(String(first.headers["cache-control"]), /no-cache/);
    for (const known of [etag, `W/${etag}`, `"0", ${etag}`, "*"]) {
      const answer = await shop.client.get(path, { headers: { "if-none-match": known } });
      assert.deepEqual([answer.status, answer.body], [304, ""], known);
    }
    assert.equal((await shop.client.get(path, { headers: { "if-none-match": '"0"' } })).status, 200);
    const head = await shop.client.ask("HEAD", path);
    assert.deepEqual([head.status, head.body, head.headers["etag"]], [200, "", etag]);
  });
});

describe("what the gateway answers by itself", () => {
  test("health, readiness, the document and the page about the API", async () => {
    assert.equal((await shop.client.get("/healthz")).status, 200);
    assert.equal((await shop.client.get("/readyz")).status, 200);
    const document = await shop.client.get("/openapi.json");
    assert.match(document.body.openapi, /^3\.1\./);
    const docs = await shop.client.get("/docs");
    assert.deepEqual([docs.status, docs.headers["content-type"]], [200, "text/html; charset=utf-8"]);
    assert.equal((await shop.client.get("/metrics")).status, 404);
    assert.equal((await shop.client.get("/mailbox")).status, 200);
  });

  test("pages of other sites may not call unless they are listed", async () => {
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const preflight = await shop.client.ask("OPTIONS", "/v1/guests", { headers });
    const simple = await shop.client.get("/v1/categories", { headers: { origin: "https://evil.example" } });
    for (const answer of [preflight, simple]) assert.equal(answer.headers["access-control-allow-origin"], undefined);
    await using listed = await openShop({
      empty: true,
      run: { corsOrigins: ["https://front.example"], serveMetrics: true },
    });
    const origin = "https://front.example";
    const allowed = await listed.client.get("/v1/categories", { headers: { origin } });
    assert.equal(allowed.headers["access-control-allow-origin"], origin);
    const other = await listed.client.get("/v1/categories", { headers: { origin: "https://evil.example" } });
    assert.notEqual(other.headers["access-control-allow-origin"], "https://evil.example");
    assert.match(String((await listed.client.get("/metrics")).body), /http_server/);
  });
});

describe("limits", () => {
  test("are told with every answer, and with 429 when they are used up", async () => {
    await using small = await openShop({
      empty: true,
      run: { rates: { perAddress: 6, perIdentity: 0, loopback: true } },
    });
    for (let left = 5; left >= 0; left -= 1) {
      const { status, headers } = await small.client.get("/v1/categories");
      assert.equal(status, 200);
      assert.match(String(headers["ratelimit-policy"]), /^"address";q=6;w=60$/);
      assert.match(String(headers["ratelimit"]), new RegExp(`^"address";r=${left};t=\\d+$`));
    }
    const refused = await small.client.get("/v1/categories");
    assert.deepEqual([refused.status, refused.body.code], [429, "gateway/quota-exceeded"]);
    assert.equal(refused.body.type, "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert.deepEqual(refused.body["violated-policies"], ["address"]);
    assert.ok(Number(refused.headers["retry-after"]) >= 1);
    // Probes get through, and paths that do not exist are counted too.
    assert.equal((await small.client.get("/healthz")).status, 200);
    assert.equal((await small.client.get("/nowhere")).status, 429);
  });

  test("of one identity do not touch another's", async () => {
    await using small = await openShop({ empty: true, run: { rates: { perAddress: 0, perIdentity: 3 } } });
    const [one, two] = [await small.guest(), await small.guest()];
    for (let n = 0; n < 3; n += 1) await one.expect(200, "GET", "/v1/orders");
    assert.equal((await one.get("/v1/orders")).status, 429);
    assert.equal((await two.get("/v1/orders")).status, 200);
    assert.equal((await small.client.get("/v1/categories")).status, 200);
  });
});

describe("one key, two requests at once", () => {
  test("have one effect", async () => {
    const [sku = ""] = await skusInStock(shop, 1);
    const buyer = await shop.guest();
    const checkoutId = await beginCheckout(buyer, await readyCart(buyer, [{ sku, quantity: 1 }]));
    const ask = { body: { paymentToken: "tok_success" }, key: "at-once" };
    const path = `/v1/checkouts/${checkoutId}/complete`;
    const answers = await Promise.all([buyer.ask("POST", path, ask), buyer.ask("POST", path, ask)]);
    for (const { status, body, headers } of answers) {
      const isFine = status === 200 || (status === 409 && body.code === "kernel/key-in-flight");
      assert.ok(isFine, JSON.stringify(body));
      if (status === 409) assert.ok(Number(headers["retry-after"]) >= 1);
    }
    const again = await buyer.ask("POST", path, ask);
    assert.deepEqual([again.status, again.headers["idempotent-replayed"]], [200, "true"]);
    assert.equal((await buyer.expect(200, "GET", "/v1/orders")).items.length, 1);
  });
});

test("a demo's parcels leave by themselves, and their orders end well", async () => {
  await using demo = await openShop({ overrides: { shipping: { autoShip: true, autoShipAfterMs: 0 } } });
  const [sku = ""] = await skusInStock(demo, 1);
  const buyer = await demo.guest();
  const { orderId } = await buyNow(buyer, [{ sku, quantity: 1 }]);
  await until(
    "the order is complete",
    () => buyer.expect(200, "GET", `/v1/orders/${orderId}`),
    (order) => order.lifecycle === "completed",
    20_000,
  );
  assert.deepEqual(demo.complaints, []);
});

describe("stopping and starting", () => {
  test("a checkout that waits at the bank goes on after a restart", async () => {
    await using before = await openShop();
    const [sku = ""] = await skusInStock(before, 1);
    const guest = await before.guest();
    const checkoutId = await beginCheckout(guest, await readyCart(guest, [{ sku, quantity: 1 }]));
    const { body } = await pay(guest, checkoutId, "tok_3ds");
    assert.equal(body.status, "requires_action");
    await before.stop();
    await using now = await before.reopen();
    // The guest's token, the checkout and the bank's page are where they were.
    const buyer = now.client.as(guest.token);
    const waiting = await buyer.expect(200, "GET", `/v1/checkouts/${checkoutId}`);
    assert.equal(waiting.status, "requires_action");
    await now.client.expect(200, "POST", `${new URL(String(body.redirectUrl)).pathname}/approve`, { body: {} });
    const done = await until(
      "the order is placed",
      () => buyer.expect(200, "GET", `/v1/checkouts/${checkoutId}`),
      (checkout) => checkout.status === "completed",
    );
    const order = await until(
      "the order is paid",
      () => buyer.expect(200, "GET", `/v1/orders/${done.orderId}`),
      (shown) => shown.payment === "captured",
    );
    assert.deepEqual(
      (await providerBooks(now, order.paymentId)).map(([kind]) => kind),
      ["authorize", "capture"],
    );
    assert.deepEqual([...before.complaints, ...now.complaints], []);
  });

  test("a request under way is finished, and told to go elsewhere next time", async () => {
    await using closing = await openShop({ empty: true });
    const { hostname, port } = closing.client.url;
    const socket = net.connect(Number(port), hostname);
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    const body = "{}";
    const head = `POST /v1/guests HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(`${head}${body.slice(0, 1)}`, () => resolve()));
    // Under way once the shop has counted it.
    await until(
      "it is under way",
      async () => inFlight(closing),
      (count) => count === 1,
    );
    const stopped = closing.stop();
    await until(
      "no more are let in",
      () => connects(Number(port), hostname),
      (isOpen) => !isOpen,
    );
    socket.write(body.slice(1));
    await ended;
    await stopped;
    assert.match(answer, /^HTTP\/1\.1 201 /);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, /"accessToken"/);
  });
});

function inFlight(of: OpenShop): number {
  return Number(/^http_server_active_requests(?:\{\})? (\d+)/m.exec(of.host.metrics.toPrometheus())?.[1]);
}

function connects(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

test("nothing broke inside", () => {
  assert.deepEqual(shop.complaints, []);
});
