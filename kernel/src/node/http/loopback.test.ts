import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GatewayRequest, GatewayResponse } from "../../gateway/mod.ts";
import { HttpFailed } from "../../runtime/mod.ts";
import { loopback } from "./loopback.ts";

const ORIGIN = "http://127.0.0.1:3000";

function subject(answer: (request: GatewayRequest) => Promise<GatewayResponse>) {
  const outside: string[] = [];
  const fetch = loopback({
    gateway: { handle: answer },
    origin: ORIGIN,
    responseBytesMax: 1_000,
    fetch: async ({ url }) => {
      outside.push(url);
      return { status: 204, headers: {}, body: "" };
    },
  });
  return { fetch, outside };
}

const ok = (body: string): GatewayResponse => ({ status: 200, headers: { "x-answer": "yes" }, body });
const never = () => new Promise<never>(() => {});

describe("requests to the own gateway", () => {
  test("arrive as they would over a socket, and bring the answer back", async () => {
    const { fetch, outside } = subject(async ({ headers, body, ...rest }) =>
      ok(JSON.stringify({ rest, headers, body })),
    );
    const { status, headers, body } = await fetch({
      method: "POST",
      url: `${ORIGIN}/v1/hooks%2Fa?b=c%20d`,
      headers: { "Content-Type": "application/json" },
      body: "grüße \ud800",
    });
    assert.deepEqual([status, headers], [200, { "x-answer": "yes" }]);
    const seen = JSON.parse(body) as Record<string, Record<string, unknown>>;
    assert.deepEqual(seen["rest"], {
      method: "POST",
      path: "/v1/hooks%2Fa",
      query: "b=c%20d",
      remoteAddress: "127.0.0.1",
      signal: {},
    });
    assert.deepEqual(seen["headers"], {
      host: "127.0.0.1:3000",
      "user-agent": "isomer",
      "content-type": "application/json",
      "content-length": "11",
    });
    assert.equal(seen["body"], "grüße \ufffd");
    assert.deepEqual(outside, []);
  });

  test("without a body have none, and no length", async () => {
    const { fetch } = subject(async ({ headers, body }) => ok(JSON.stringify([headers["content-length"], body])));
    assert.equal((await fetch({ method: "GET", url: `${ORIGIN}/` })).body, "[null,null]");
  });

  test("are told from requests to others, also where those look alike", async () => {
    const { fetch, outside } = subject(async () => ok("own"));
    const others = [`${ORIGIN}0/`, `${ORIGIN}@evil.example/`, "https://127.0.0.1:3000/"];
    for (const url of others) await fetch({ method: "GET", url });
    assert.deepEqual(outside, others);
    assert.equal((await fetch({ method: "GET", url: ORIGIN })).body, "own");
  });

  test("end when their time is up, and the gateway learns it", async () => {
    let hungUp: AbortSignal | undefined;
    const { fetch } = subject(({ signal }) => {
      hungUp = signal;
      return never();
    });
    await assert.rejects(fetch({ method: "GET", url: `${ORIGIN}/`, timeoutMs: 1 }), HttpFailed.is);
    assert.equal(hungUp?.aborted, true);
  });

  test("end when the caller gives up, before or while they are under way", async () => {
    const { fetch } = subject(never);
    const caller = new AbortController();
    const asked = fetch({ method: "GET", url: `${ORIGIN}/` }, caller.signal);
    caller.abort();
    await assert.rejects(asked, /the caller gave up/);
    await assert.rejects(fetch({ method: "GET", url: `${ORIGIN}/` }, caller.signal), /the caller gave up/);
  });

  test("refuse answers that are too large", async () => {
    const { fetch } = subject(async () => ok("ü".repeat(501)));
    await assert.rejects(fetch({ method: "GET", url: `${ORIGIN}/` }), /larger than 1000 bytes/);
  });
});
