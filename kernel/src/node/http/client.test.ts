import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { HttpFailed } from "../../runtime/mod.ts";
import { httpClient } from "./client.ts";

const server = http.createServer((request, response) => {
  if (request.url === "/hang") return;
  if (request.url === "/cut") {
    response.writeHead(200, { "content-length": "100" });
    response.write("some");
    setImmediate(() => response.destroy());
    return;
  }
  if (request.url === "/moved") {
    response.writeHead(302, { location: "/echo" }).end();
    return;
  }
  if (request.url === "/large") {
    response.end("x".repeat(2_000));
    return;
  }
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => {
    response.setHeader("x-answer", "yes");
    response.end(JSON.stringify({ method: request.method, type: request.headers["content-type"], body }));
  });
});
const client = httpClient({ responseBytesMax: 1_000, timeoutMs: 5_000 });
let base = "";

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

describe("the outbound client", () => {
  test("sends and receives, on a connection that is kept", async () => {
    const request = {
      method: "POST",
      url: `${base}/echo`,
      headers: { "content-type": "text/x" },
      body: "grüße",
    } as const;
    const first = await client.fetch(request);
    assert.deepEqual(JSON.parse(first.body), { method: "POST", type: "text/x", body: "grüße" });
    assert.deepEqual([first.status, first.headers["x-answer"]], [200, "yes"]);
    const second = await client.fetch({ method: "GET", url: `${base}/echo` });
    assert.equal(second.headers["connection"], "keep-alive");
  });

  test("does not follow redirects", async () => {
    assert.equal((await client.fetch({ method: "GET", url: `${base}/moved` })).status, 302);
  });

  test("whatever goes wrong is one fault, unavailable", async () => {
    const aborted = new AbortController();
    aborted.abort();
    const cases: readonly [attempt: () => Promise<unknown>, reason: RegExp][] = [
      [() => client.fetch({ method: "GET", url: `${base}/hang`, timeoutMs: 20 }), /took longer than 20 ms/],
      [() => client.fetch({ method: "GET", url: `${base}/large` }), /larger than 1000 bytes/],
      [() => client.fetch({ method: "GET", url: `${base}/cut` }), /aborted/],
      [() => client.fetch({ method: "GET", url: "http://127.0.0.1:1/" }), /ECONNREFUSED/],
      [() => client.fetch({ method: "GET", url: "file:///etc/passwd" }), /not http or https/],
      [() => client.fetch({ method: "GET", url: "nonsense" }), /not http or https/],
      [() => client.fetch({ method: "GET", url: `${base}/echo`, headers: { "x-a": "b\r\nc: d" } }), /header/i],
      [() => client.fetch({ method: "GET", url: `${base}/echo` }, aborted.signal), /the caller gave up/],
    ];
    for (const [attempt, reason] of cases) {
      await assert.rejects(attempt(), (error) => {
        assert.ok(HttpFailed.is(error), String(error));
        assert.equal(error.kind, "unavailable");
        assert.match(error.message, reason);
        return true;
      });
    }
  });
});
