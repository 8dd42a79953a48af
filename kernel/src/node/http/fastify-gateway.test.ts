import assert from "node:assert/strict";
import net from "node:net";
import { afterEach, describe, test } from "node:test";
import type { GatewayCall } from "../../gateway/mod.ts";
import { type GatewayOptions } from "../../gateway/mod.ts";
import { aProduct, fakeInvoke, sampleGateway } from "../../gateway/testing/sample.ts";
import { systemClock } from "../clock.ts";
import { systemRandom } from "../random.ts";
import { type ListenOptions, type Listening, listen } from "./listen.ts";

const world = { clock: systemClock(), random: systemRandom() };
const open: Listening[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close({ graceMs: 0 });
});

async function serve(options: Partial<GatewayOptions> = {}, how: Partial<ListenOptions> = {}): Promise<Listening> {
  const listening = await listen({ gateway: sampleGateway(world, options), port: 0, ...how });
  open.push(listening);
  return listening;
}

/** Sends bytes as they are, and resolves to all that came back when the other side closes. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
    socket.write(text);
  });
}

/** Resolves when the condition holds; the event loop turns in between. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const order = {
  method: "POST",
  headers: { authorization: "Bearer user:ada", "content-type": "application/json", "idempotency-key": "k" },
};

describe("over sockets", () => {
  test("requests and answers pass through whole", async () => {
    const calls: GatewayCall[] = [];
    const { url } = await serve({
      invoke: fakeInvoke((call) => {
        calls.push(call);
        return { output: aProduct, replayed: false };
      }),
    });
    const get = await fetch(`${url}/products/${aProduct.id}`);
    assert.deepEqual(await get.json(), aProduct);
    assert.equal(get.headers.get("etag"), '"3"');
    const post = await fetch(`${url}/orders`, {
      ...order,
      body: JSON.stringify({ lines: [{ sku: "é", quantity: 1 }] }),
    });
    assert.equal(post.status, 201);
    assert.deepEqual(calls[1]?.input, { lines: [{ sku: "é", quantity: 1 }] });
    const hook = await fetch(`${url}/webhooks/payment`, {
      method: "POST",
      headers: { "x-signature": "s" },
      body: "\ufeff{ }",
    });
    assert.equal(hook.status, 204);
    assert.deepEqual(calls[2]?.input, { payload: "\ufeff{ }", signature: "s" });
    const head = await fetch(`${url}/products/${aProduct.id}`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    const removed = await fetch(`${url}/products/${aProduct.id}`, {
      method: "DELETE",
      headers: { authorization: "Bearer user:ada" },
    });
    assert.equal(removed.status, 204);
  });

  test("what is wrong is told as a problem, whatever stage it fails in", async () => {
    const { url, port } = await serve();
    const codes = async (response: Response): Promise<[number, unknown]> => {
      assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    assert.deepEqual(await codes(await fetch(`${url}/nothing`)), [404, "gateway/no-route"]);
    assert.deepEqual(await codes(await fetch(`${url}/products`, { method: "PUT", body: "x" })), [
      405,
      "gateway/method-not-allowed",
    ]);
    assert.deepEqual(await codes(await fetch(`${url}/%E0%A4%A`)), [404, "gateway/no-route"]);
    assert.deepEqual(await codes(await fetch(`${url}/products/%ff`)), [400, "gateway/malformed"]);
    assert.deepEqual(await codes(await fetch(`${url}/orders`, { ...order, body: "{" })), [400, "gateway/malformed"]);
    const noType = { ...order, headers: { ...order.headers, "content-type": ";;" } };
    assert.deepEqual(await codes(await fetch(`${url}/orders`, { ...noType, body: "{}" })), [
      415,
      "gateway/unsupported-media-type",
    ]);
    const propfind = await raw(port, "PROPFIND /products HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.match(propfind, /^HTTP\/1\.1 405 /);
  });

  test("a body past the limit is 413, declared or not, and the connection closes", async () => {
    const { port } = await serve({ bodyBytesMax: 1_000 });
    const head =
      "POST /orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer user:ada\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n";
    const declared = await raw(port, `${head}Content-Length: 1000000\r\n\r\n`);
    assert.match(declared, /^HTTP\/1\.1 413 [^]*connection: close[^]*gateway\/body-too-large/i);
    const chunk = `400\r\n${"x".repeat(0x400)}\r\n`;
    const chunked = await raw(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`);
    assert.match(chunked, /^HTTP\/1\.1 413 /);
  });

  test("a depth bomb is refused", async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/orders`, { ...order, body: "[".repeat(100_000) });
    assert.equal(response.status, 400);
  });

  test("cross-origin pages may call when they are listed, and only then", async () => {
    const { url } = await serve({}, { corsOrigins: ["https://shop.example"] });
    const allowed = await fetch(`${url}/products/${aProduct.id}`, { headers: { origin: "https://shop.example" } });
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://shop.example");
    const other = await fetch(`${url}/products/${aProduct.id}`, { headers: { origin: "https://evil.example" } });
    assert.notEqual(other.headers.get("access-control-allow-origin"), "https://evil.example");
    const preflight = await fetch(`${url}/orders`, {
      method: "OPTIONS",
      headers: {
        origin: "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "idempotency-key",
      },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /POST/);
    const none = await serve();
    const plain = await fetch(`${none.url}/products/${aProduct.id}`, { headers: { origin: "https://shop.example" } });
    assert.equal(plain.headers.get("access-control-allow-origin"), null);
  });

  test("large answers are compressed for those who can read it", async () => {
    const large = { items: Array.from({ length: 50 }, () => aProduct) };
    const { url } = await serve({ invoke: fakeInvoke(() => ({ output: large, replayed: false })) });
    const zipped = await fetch(`${url}/products`, { headers: { "accept-encoding": "gzip" } });
    assert.equal(zipped.headers.get("content-encoding"), "gzip");
    assert.deepEqual(await zipped.json(), large);
    const plain = await fetch(`${url}/products`, { headers: { "accept-encoding": "identity" } });
    assert.equal(plain.headers.get("content-encoding"), null);
  });
});

describe("framing", () => {
  const cases: Readonly<Record<string, string>> = {
    "two different lengths": "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "two equal lengths": "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a length and an encoding":
      "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an encoding that does not end in chunked":
      "POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a negative length": "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a folded header": "GET /products HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "a bare carriage return": "GET /products HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n",
    "a space before the colon": "GET /products HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n",
    "no HTTP at all": "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "no host": "GET /products HTTP/1.1\r\n\r\n",
  };
  for (const [name, text] of Object.entries(cases)) {
    test(`${name} is 400, once, and the connection closes`, async () => {
      const { port } = await serve();
      // What follows would be a second request, had the first been taken for another length.
      const answer = await raw(port, `${text}GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer);
    });
  }

  test("headers past 16 KiB are 431", async () => {
    const { port } = await serve();
    const answer = await raw(port, `GET /products HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 431 [^]*gateway\/headers-too-large/);
  });

  test("a client that does not finish its headers is cut off", async () => {
    const { port } = await serve({}, { headersTimeoutMs: 50, requestTimeoutMs: 100 });
    const answer = await raw(port, "GET /products HTTP/1.1\r\nHost: a\r\n");
    assert.match(answer, /^HTTP\/1\.1 408 [^]*gateway\/request-timeout/);
  });

  test("a client that does not finish its body is cut off", async () => {
    const { port } = await serve({}, { headersTimeoutMs: 50, requestTimeoutMs: 100 });
    const head = "POST /webhooks/payment HTTP/1.1\r\nHost: a\r\nX-Signature: s\r\nContent-Length: 10\r\n\r\nab";
    const answer = await raw(port, head);
    assert.match(answer, /^HTTP\/1\.1 408 /);
  });
});

describe("life", () => {
  /** A gateway whose calls wait until they are let go. */
  function held(): {
    readonly calls: GatewayCall[];
    readonly options: Partial<GatewayOptions>;
    readonly release: () => void;
  } {
    const calls: GatewayCall[] = [];
    const waiting: (() => void)[] = [];
    const invoke = fakeInvoke((call) => {
      calls.push(call);
      return new Promise((resolve) => waiting.push(() => resolve({ output: aProduct, replayed: false })));
    });
    return { calls, options: { invoke }, release: () => waiting.splice(0).forEach((go) => go()) };
  }

  test("a client that goes away aborts its call", async () => {
    const { calls, options } = held();
    const { port } = await serve(options);
    const socket = net.connect(port, "127.0.0.1");
    socket.write(`GET /products/${aProduct.id} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => calls.length === 1);
    assert.equal(calls[0]?.signal?.aborted, false);
    socket.destroy();
    await until(() => calls[0]?.signal?.aborted === true);
  });

  test("closing finishes what is under way, refuses what is new, and says so", async () => {
    const { calls, options, release } = held();
    const listening = await serve(options);
    const answer = raw(listening.port, `GET /products/${aProduct.id} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => calls.length === 1);
    const closed = listening.close();
    await assert.rejects(connectRefused(listening.port), { code: "ECONNREFUSED" });
    release();
    assert.match(await answer, /^HTTP\/1\.1 200 [^]*connection: close/i);
    await closed;
  });

  test("what does not finish in time is cut", async () => {
    const { calls, options } = held();
    const listening = await serve(options);
    const answer = raw(listening.port, `GET /products/${aProduct.id} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => calls.length === 1);
    await listening.close({ graceMs: 1 });
    assert.equal(await answer, "");
  });
});

/** Rejects once nobody listens on the port. */
async function connectRefused(port: number): Promise<void> {
  for (;;) {
    const failed = await new Promise<Error | undefined>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("connect", () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.on("error", resolve);
    });
    if (failed !== undefined) throw failed;
  }
}
