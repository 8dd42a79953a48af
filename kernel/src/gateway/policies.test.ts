import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Broken, type Logger, defineFault, silentLogger } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { ID, JSON_BODY, ORDER, TOKEN, assertProblem, edge, json } from "./testing/edge.ts";
import { StockShort, aProduct, aRequest, countingLimiter, sampleGateway } from "./testing/sample.ts";

describe("identity", () => {
  test("comes from a bearer token or an API key", async () => {
    const { calls, send } = edge({
      apiKey: async (key) => (key === "secret" ? { subject: "robot", roles: ["robot"], guest: false } : undefined),
    });
    await send(aRequest("GET", `/products/${ID}`, { authorization: "bearer user:ada:admin" }));
    await send(aRequest("GET", `/products/${ID}`, { "x-api-key": "secret" }));
    await send(aRequest("GET", `/products/${ID}`));
    assert.deepEqual(
      calls.map((call) => call.identity?.subject),
      ["ada", "robot", undefined],
    );
  });

  test("what is not valid is refused with a challenge, also where anyone may call", async () => {
    const { calls, send } = edge();
    for (const headers of [
      { authorization: "Bearer nobody" },
      { authorization: "Bearer " },
      { authorization: "Basic dXNlcjpwYXNz" },
      { authorization: "" },
      { "x-api-key": "guess" },
      { authorization: `Bearer user:${"x".repeat(9_000)}` },
    ]) {
      const response = await send(aRequest("GET", `/products/${ID}`, headers as Record<string, string>));
      assertProblem(response, 401, "gateway/credential-invalid");
      assert.match(response.headers["www-authenticate"] ?? "", /^Bearer realm="api", error="invalid_token"$/);
    }
    assertProblem(await send(aRequest("GET", "/products", { ...TOKEN, "x-api-key": "k" })), 400, "gateway/malformed");
    assert.equal(calls.length, 0);
  });

  test("kernel/unauthenticated is 401, denied 403", async () => {
    const Unauthenticated = defineFault({ code: "kernel/unauthenticated", kind: "denied", message: () => "Sign in." });
    const Forbidden = defineFault({ code: "kernel/forbidden", kind: "denied", message: () => "Not yours." });
    const first = await edge({ invoke: () => Promise.reject(Unauthenticated.with(undefined)) }).send(
      aRequest("GET", "/products"),
    );
    assertProblem(first, 401, "kernel/unauthenticated");
    assert.equal(first.headers["www-authenticate"], 'Bearer realm="api"');
    assertProblem(
      await edge({ invoke: () => Promise.reject(Forbidden.with(undefined)) }).send(aRequest("GET", "/products")),
      403,
      "kernel/forbidden",
    );
  });
});

describe("limits", () => {
  test("an address has a quota, told in every answer, before credentials are looked at", async () => {
    let judged = 0;
    const { send } = edge({
      addressRate: { name: "address", quota: 2, windowMs: 60_000, limiter: countingLimiter(2) },
      identityRate: { name: "user", quota: 9, windowMs: 1_000, limiter: countingLimiter(9) },
      authenticate: () => {
        judged += 1;
        return { subject: "ada", roles: [], guest: false };
      },
    });
    const first = await send(aRequest("GET", `/products/${ID}`, TOKEN));
    assert.equal(first.headers["ratelimit-policy"], '"address";q=2;w=60, "user";q=9;w=1');
    assert.equal(first.headers["ratelimit"], '"address";r=1;t=30, "user";r=8;t=30');
    await send(aRequest("GET", "/nothing"));
    const third = await send(aRequest("GET", `/products/${ID}`, TOKEN));
    const problem = assertProblem(third, 429, "gateway/quota-exceeded");
    assert.equal(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert.deepEqual(problem["violated-policies"], ["address"]);
    assert.equal(third.headers["retry-after"], "2");
    assert.equal(third.headers["ratelimit"], '"address";r=0;t=2');
    assert.equal(judged, 1);
  });

  test("an identity has a quota of its own, before the body is read", async () => {
    let read = 0;
    const { send } = edge({ identityRate: { name: "user", quota: 0, windowMs: 1_000, limiter: countingLimiter(0) } });
    const body = async (): Promise<Uint8Array> => {
      read += 1;
      return new Uint8Array();
    };
    assertProblem(
      await send({ ...aRequest("POST", "/orders", { ...TOKEN, "idempotency-key": "k" }), body }),
      429,
      "gateway/quota-exceeded",
    );
    assert.equal(read, 0);
  });

  test("past the bound on requests under way, what matters least is refused first", async () => {
    const open: (() => void)[] = [];
    const invoke = (): Promise<{ output: unknown; replayed: boolean }> =>
      new Promise((resolve) => open.push(() => resolve({ output: aProduct, replayed: false })));
    const { send } = edge({ invoke, inFlightMax: 4 });
    const normal = [1, 2, 3].map(() => send(aRequest("GET", `/products/${ID}`)));
    const refused = await send(aRequest("GET", `/products/${ID}`));
    assertProblem(refused, 503, "kernel/overloaded");
    assert.match(refused.headers["retry-after"] ?? "", /^[12]$/);
    const critical = send(aRequest("POST", "/orders", { ...TOKEN, ...JSON_BODY, "idempotency-key": "k" }, ORDER));
    while (open.length < 4) await Promise.resolve();
    for (const finish of open) finish();
    assert.deepEqual(
      (await Promise.all(normal)).map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal((await critical).status, 201);
  });
});

describe("a late event loop", () => {
  const late = { ms: 0 };
  const held = (): { send: ReturnType<typeof edge>["send"]; judged: () => number } => {
    let judged = 0;
    const { send } = edge({
      invoke: () => new Promise(() => {}),
      eventLoop: { delayMs: () => late.ms },
      authenticate: () => {
        judged += 1;
        return { subject: "ada", roles: [], guest: false };
      },
    });
    // Some are under way: a few do not make it late.
    late.ms = 0;
    for (let n = 0; n < 10; n += 1) void send(aRequest("GET", `/products/${ID}`));
    return { send, judged: () => judged };
  };
  const order = () => aRequest("POST", "/orders", { ...TOKEN, ...JSON_BODY, "idempotency-key": "k" }, ORDER);

  test("turns away who looks around, before credentials are looked at, and lets in who orders", async () => {
    const { send, judged } = held();
    late.ms = 300;
    const refused = await send(aRequest("GET", `/products/${ID}`, TOKEN));
    assertProblem(refused, 503, "kernel/overloaded");
    assert.match(refused.headers["retry-after"] ?? "", /^[12]$/);
    assert.equal(judged(), 0);
    void send(order());
    while (judged() === 0) await Promise.resolve();
  });

  test("turns everybody away when it is very late, and nobody when there are only a few", async () => {
    const { send } = held();
    late.ms = 1_000;
    assertProblem(await send(order()), 503, "kernel/overloaded");
    const idle = edge({ eventLoop: { delayMs: () => 1_000 } });
    assert.equal((await idle.send(aRequest("GET", `/products/${ID}`))).status, 200);
  });
});

describe("problems", () => {
  test("tell declared faults with code and data", async () => {
    const { send } = edge({ invoke: () => Promise.reject(StockShort.with({ sku: "desk-1", available: 1 })) });
    const problem = assertProblem(
      await send(aRequest("POST", "/orders", { ...TOKEN, ...JSON_BODY, "idempotency-key": "k" }, ORDER)),
      409,
      "inventory/stock-short",
    );
    assert.equal(problem["type"], "/problems/inventory/stock-short");
    assert.equal(problem["title"], "Stock short");
    assert.equal(problem["detail"], "Only 1 of desk-1 are left.");
    assert.deepEqual(problem["data"], { sku: "desk-1", available: 1 });
  });

  test("say nothing of what broke inside, but the log does", async () => {
    const records: unknown[] = [];
    const log: Logger = { ...silentLogger, error: (message, fields) => records.push({ message, ...fields }) };
    const secret = new Error("SELECT * FROM users WHERE password = 'x' at /srv/app.ts:1");
    const Leaky = defineFault({ code: "orders/leaky", kind: "broken", message: () => "SQL: SELECT 1" });
    for (const error of [secret, Broken.with(undefined, { cause: secret }), Leaky.with(undefined)]) {
      const response = await edge({ log, invoke: () => Promise.reject(error) }).send(aRequest("GET", "/products"));
      assertProblem(response, 500, "kernel/broken");
      assert.doesNotMatch(String(response.body), /SELECT|srv|stack/);
    }
    assert.equal(records.length, 3);
  });

  test("each kind of fault has its status", async () => {
    const expected = {
      invalid: 400,
      denied: 403,
      missing: 404,
      conflict: 409,
      exhausted: 429,
      unavailable: 503,
    } as const;
    for (const [kind, status] of Object.entries(expected)) {
      const Some = defineFault({ code: "test/some", kind: kind as "invalid", message: () => "So it is." });
      const response = await edge({ invoke: () => Promise.reject(Some.with(undefined)) }).send(
        aRequest("GET", "/products"),
      );
      assertProblem(response, status, "test/some");
      assert.equal(response.headers["retry-after"], status === 429 || status === 503 ? "1" : undefined);
    }
  });

  test("nothing there is 404, another method 405 with Allow", async () => {
    const { send } = edge();
    assertProblem(await send(aRequest("GET", "/nothing/here")), 404, "gateway/no-route");
    assertProblem(await send(aRequest("GET", "/products/")), 404, "gateway/no-route");
    assertProblem(await send(aRequest("GET", "*")), 404, "gateway/no-route");
    const other = await send(aRequest("PUT", `/products/${ID}`));
    assertProblem(other, 405, "gateway/method-not-allowed");
    assert.equal(other.headers["allow"], "DELETE, GET, PATCH");
    const options = await send(aRequest("OPTIONS", "/orders"));
    assert.deepEqual([options.status, options.headers["allow"]], [204, "POST, OPTIONS"]);
  });
});

describe("the rest of the chain", () => {
  test("joins a valid trace, begins one otherwise, and tells which", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const { calls, send } = edge();
    const joined = await send(aRequest("GET", "/products", { traceparent: `00-${trace}-00f067aa0ba902b7-01` }));
    assert.equal(joined.headers["trace-id"], trace);
    assert.equal(calls[0]?.trace.traceId, trace);
    const broken = await send(aRequest("GET", "/products", { traceparent: `00-${trace}-0000000000000000-01` }));
    assert.match(broken.headers["trace-id"] ?? "", /^[0-9a-f]{32}$/);
    assert.notEqual(broken.headers["trace-id"], trace);
    const alone = await edge({ joinTraces: false }).send(
      aRequest("GET", "/products", { traceparent: `00-${trace}-00f067aa0ba902b7-01` }),
    );
    assert.notEqual(alone.headers["trace-id"], trace);
  });

  test("HEAD is GET without the body; other types are sent as they are", async () => {
    const { send } = edge();
    const head = await send(aRequest("HEAD", `/products/${ID}`));
    assert.deepEqual([head.status, head.body, head.headers["etag"]], [200, undefined, '"3"']);
    const feed = await edge({}, { content: "a\nb" }).send(aRequest("GET", "/products/feed"));
    assert.deepEqual([feed.body, feed.headers["content-type"]], ["a\nb", "text/plain; charset=utf-8"]);
    const removed = await edge({}, {}).send(aRequest("DELETE", `/products/${ID}`, TOKEN));
    assert.deepEqual([removed.status, removed.body], [204, undefined]);
  });

  test("counts requests by route and status", async () => {
    const gateway = sampleGateway({ clock: new ManualClock(), random: seededRandom(1) }, { serveMetrics: true });
    await gateway.handle(aRequest("GET", `/products/${ID}`));
    await gateway.handle(aRequest("GET", "/nothing"));
    const text = String((await gateway.handle(aRequest("GET", "/metrics"))).body);
    assert.match(
      text,
      /_count\{http_request_method="GET",http_route="\/products\/:id",http_response_status_code="200"\} 1/,
    );
    assert.match(text, /http_route="unmatched",http_response_status_code="404"\} 1/);
  });

  test("health: alive always, ready when the checks pass and nothing drains", async () => {
    let open = false;
    const readiness = [
      { name: "orders store", check: () => open },
      { name: "mail", check: () => Promise.reject(new Error("no")) },
    ];
    const gateway = sampleGateway(
      { clock: new ManualClock(), random: seededRandom(1) },
      { readiness: readiness.slice(0, 1) },
    );
    assert.equal((await gateway.handle(aRequest("GET", "/healthz"))).status, 200);
    assert.equal((await gateway.handle(aRequest("GET", "/readyz"))).status, 503);
    open = true;
    assert.deepEqual(json(await gateway.handle(aRequest("GET", "/readyz"))), {
      status: "ready",
      checks: { "orders store": "ok" },
    });
    gateway.drain();
    assert.equal((await gateway.handle(aRequest("GET", "/readyz"))).status, 503);
    assert.equal((await gateway.handle(aRequest("GET", "/healthz"))).status, 200);
    const failing = sampleGateway({ clock: new ManualClock(), random: seededRandom(1) }, { readiness });
    assert.deepEqual(json(await failing.handle(aRequest("GET", "/readyz")))["checks"], {
      "orders store": "ok",
      mail: "failing",
    });
  });
});
