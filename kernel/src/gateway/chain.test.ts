import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineFault } from "../std/mod.ts";
import type { GatewayRequest } from "./request.ts";
import { ID, JSON_BODY, ORDER, TOKEN, assertProblem, edge, json } from "./testing/edge.ts";
import { aProduct, aRequest, fakeInvoke } from "./testing/sample.ts";

describe("input", () => {
  test("comes from the path, and the answer is the output with its ETag", async () => {
    const { calls, send } = edge();
    const response = await send(aRequest("GET", `/products/${ID}`));
    assert.equal(response.status, 200);
    assert.deepEqual(json(response), aProduct);
    assert.equal(response.headers["etag"], '"3"');
    assert.equal(response.headers["cache-control"], "public, max-age=30");
    assert.equal(response.headers["x-content-type-options"], "nosniff");
    assert.deepEqual(calls[0]?.input, { id: ID });
    assert.equal(calls[0]?.key, undefined);
    assert.equal(calls[0]?.deadlineMs, 2_000);
  });

  test("comes from the query and headers, read as the schema says", async () => {
    const { calls, send } = edge({}, { items: [] });
    const request = aRequest("GET", "/products?q=oak+desk%21&tag=a&tag=b&limit=20&active=true", {
      "accept-language": "de",
    });
    assert.equal((await send(request)).status, 200);
    assert.deepEqual(calls[0]?.input, { q: "oak desk!", tag: ["a", "b"], limit: 20, active: true, language: "de" });
  });

  test("one item makes a list", async () => {
    const { calls, send } = edge({}, { items: [] });
    await send(aRequest("GET", "/products?tag=a"));
    assert.deepEqual(calls[0]?.input, { tag: ["a"] });
  });

  test("unknown and repeated parameters are named", async () => {
    const { send } = edge();
    const problem = assertProblem(
      await send(aRequest("GET", "/products?limt=2&q=a&q=b&__proto__=x")),
      400,
      "kernel/invalid",
    );
    const paths = (problem["errors"] as { path: string }[]).map(({ path }) => path);
    assert.deepEqual(paths, ["/limt", "/q", "/__proto__"]);
  });

  test("a value of the wrong type is named by the validator", async () => {
    const { send } = edge();
    const problem = assertProblem(await send(aRequest("GET", "/products?limit=many")), 400, "kernel/invalid");
    assert.equal((problem["errors"] as { path: string }[])[0]?.path, "/limit");
  });

  test("broken percent-encoding is refused", async () => {
    const { send } = edge();
    for (const url of ["/products/%E0%A4%A", "/products?q=%ff", "/products?%=1"]) {
      assertProblem(await send(aRequest("GET", url)), 400, "gateway/malformed");
    }
  });

  test("a body must not hold what the path gives", async () => {
    const { send } = edge();
    const headers = { ...TOKEN, ...JSON_BODY, "if-match": '"3"' };
    const problem = assertProblem(
      await send(aRequest("PATCH", `/products/${ID}`, headers, JSON.stringify({ id: ID, name: "x" }))),
      400,
      "kernel/invalid",
    );
    assert.equal((problem["errors"] as { path: string }[])[0]?.path, "/id");
  });

  test("a raw body arrives byte for byte, with its signature", async () => {
    const { calls, send } = edge({}, {});
    const body = '\ufeff{ "a" : 1 }\n';
    const response = await send(
      aRequest("POST", "/webhooks/payment", { "x-signature": "abc" }, new TextEncoder().encode(body)),
    );
    assert.equal(response.status, 204);
    assert.equal(response.body, undefined);
    assert.deepEqual(calls[0]?.input, { payload: body, signature: "abc" });
  });

  test("a body where none is taken is refused", async () => {
    const { send } = edge();
    assertProblem(await send(aRequest("GET", "/products", { "content-length": "3" })), 400, "gateway/malformed");
    assertProblem(await send(aRequest("DELETE", `/products/${ID}`, TOKEN, "{}")), 400, "gateway/malformed");
  });
});

describe("bodies", () => {
  const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_BODY): GatewayRequest =>
    aRequest("POST", "/orders", { ...TOKEN, "idempotency-key": "k", ...headers }, body);

  test("must be application/json in UTF-8", async () => {
    const { send } = edge();
    for (const type of ["text/plain", "application/json; charset=latin1", "application/jsonx", ""]) {
      assertProblem(await send(post(ORDER, { "content-type": type })), 415, "gateway/unsupported-media-type");
    }
    assertProblem(await send(post(ORDER, {})), 415, "gateway/unsupported-media-type");
    assertProblem(
      await send(post(ORDER, { ...JSON_BODY, "content-encoding": "gzip" })),
      415,
      "gateway/unsupported-media-type",
    );
    const good = 'Application/JSON; charset="UTF-8"';
    assert.equal((await send(post(ORDER, { "content-type": good }))).status, 201);
  });

  test("must not be too large, by declared length or by size", async () => {
    const { send } = edge({ bodyBytesMax: 50 });
    const large = post("x".repeat(51));
    assert.equal(assertProblem(await send(large), 413, "gateway/body-too-large")["data"] !== undefined, true);
    assertProblem(await send(post(ORDER, { ...JSON_BODY, "content-length": "51" })), 413, "gateway/body-too-large");
    const webhook = aRequest("POST", "/webhooks/payment", { "x-signature": "s" }, "y".repeat(1_001));
    assertProblem(await edge().send(webhook), 413, "gateway/body-too-large");
  });

  test("must be UTF-8 and JSON, and an object", async () => {
    const { send } = edge();
    assertProblem(await send(post(Uint8Array.of(0x7b, 0xff, 0x7d))), 400, "gateway/malformed");
    assertProblem(await send(post("{")), 400, "gateway/malformed");
    assertProblem(await send(post("\ufeff{}")), 400, "gateway/malformed");
    for (const body of ["[]", "null", "1", '"x"']) assertProblem(await send(post(body)), 400, "kernel/invalid");
  });

  test("a depth bomb is refused before it is parsed", async () => {
    const { send } = edge();
    const deep = `{"note":${"[".repeat(100_000)}`;
    assertProblem(await send(post(deep)), 400, "gateway/malformed");
    assertProblem(
      await send(post(`{"note":"${"[".repeat(900)}\\"[","lines":${"[".repeat(40)}`)),
      400,
      "gateway/malformed",
    );
    // Brackets within texts are not depth.
    const flat = JSON.stringify({ lines: [{ sku: "a", quantity: 1 }], note: `${"[".repeat(90)}\\"${"{".repeat(90)}` });
    assert.equal((await send(post(flat))).status, 201);
  });

  test("__proto__ is refused, however it is spelt", async () => {
    const { send } = edge();
    for (const key of ["__proto__", "\\u005f_proto__"]) {
      assertProblem(await send(post(`{"lines":[{"${key}":{"admin":true}}]}`)), 400, "gateway/malformed");
    }
    assertProblem(await send(post('{"constructor":{"prototype":{"admin":true}}}')), 400, "kernel/invalid");
    assert.equal(({} as { admin?: boolean }).admin, undefined);
  });
});

describe("idempotency keys", () => {
  const place = (key?: string, headers: Record<string, string> = TOKEN): GatewayRequest =>
    aRequest(
      "POST",
      "/orders",
      { ...headers, ...JSON_BODY, ...(key === undefined ? {} : { "idempotency-key": key }) },
      ORDER,
    );

  test("are asked for where the binding says", async () => {
    const { send } = edge();
    assertProblem(await send(place()), 400, "gateway/idempotency-key-required");
    for (const key of ["", "a b", "x".repeat(256), "schlüssel", "a\tb"]) {
      assertProblem(await send(place(key)), 400, "gateway/idempotency-key-malformed");
    }
  });

  test("belong to their principal", async () => {
    const { calls, send } = edge();
    assert.equal((await send(place("k".repeat(255)))).status, 201);
    await send(place("k", { authorization: "Bearer user:bob" }));
    await send(aRequest("POST", "/webhooks/payment", { "x-signature": "s", "idempotency-key": "k" }, "x"));
    await send(aRequest("POST", "/webhooks/payment", { "x-signature": "s" }, "x"));
    assert.deepEqual(
      calls.map((call) => call.key),
      [`user:ada/${"k".repeat(255)}`, "user:bob/k", "address:192.0.2.1/k", undefined],
    );
  });

  test("a replayed answer is marked", async () => {
    const { send } = edge({ invoke: fakeInvoke(() => ({ output: aProduct, replayed: true })) });
    assert.equal((await send(place("k"))).headers["idempotent-replayed"], "true");
  });

  test("in flight is 409 with Retry-After, reused is 422", async () => {
    const InFlight = defineFault({ code: "kernel/key-in-flight", kind: "conflict", message: () => "Still running." });
    const Reused = defineFault({ code: "kernel/key-reused", kind: "invalid", message: () => "Used before." });
    const inFlight = await edge({ invoke: () => Promise.reject(InFlight.with(undefined)) }).send(place("k"));
    assertProblem(inFlight, 409, "kernel/key-in-flight");
    assert.equal(inFlight.headers["retry-after"], "1");
    assertProblem(
      await edge({ invoke: () => Promise.reject(Reused.with(undefined)) }).send(place("k")),
      422,
      "kernel/key-reused",
    );
  });
});

describe("versions", () => {
  const change = (ifMatch?: string): GatewayRequest =>
    aRequest(
      "PATCH",
      `/products/${ID}`,
      { ...TOKEN, ...JSON_BODY, ...(ifMatch === undefined ? {} : { "if-match": ifMatch }) },
      "{}",
    );

  test("If-Match becomes a field; weak tags are as good", async () => {
    const { calls, send } = edge();
    await send(change('"7"'));
    await send(change('W/"8"'));
    assert.deepEqual(
      calls.map((call) => (call.input as { version: number }).version),
      [7, 8],
    );
  });

  test("without If-Match 428, malformed 400", async () => {
    const { send } = edge();
    assertProblem(await send(change()), 428, "gateway/if-match-required");
    for (const tag of ["3", '"x"', "*", '"1", "2"', '"-1"', ""])
      assertProblem(await send(change(tag)), 400, "gateway/malformed");
  });

  test("If-None-Match gives 304 without a body", async () => {
    const { send } = edge();
    for (const tag of ['"3"', 'W/"3"', '"1", "3"', "*"]) {
      const response = await send(aRequest("GET", `/products/${ID}`, { "if-none-match": tag }));
      assert.equal(response.status, 304);
      assert.equal(response.body, undefined);
      assert.equal(response.headers["etag"], '"3"');
    }
    assert.equal((await send(aRequest("GET", `/products/${ID}`, { "if-none-match": '"4"' }))).status, 200);
  });

  test("answers to somebody are never public", async () => {
    const { send } = edge();
    const response = await send(aRequest("GET", `/products/${ID}`, TOKEN));
    assert.equal(response.headers["cache-control"], "private, no-cache");
    assert.equal(response.headers["vary"], "authorization, x-api-key");
    const list = await edge({}, { items: [] }).send(aRequest("GET", "/products"));
    assert.equal(list.headers["cache-control"], "no-store");
  });
});
