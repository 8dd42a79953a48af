/** Whatever is sent, there is an answer; never a rejection, never a 5xx, and every 4xx is a problem. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { isTooDeep } from "./body.ts";
import type { GatewayRequest } from "./request.ts";
import { aProduct, sampleGateway } from "./testing/sample.ts";

const gateway = sampleGateway({ clock: new ManualClock(), random: seededRandom(1) });

const paths = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.string({ unit: "grapheme" }), { maxLength: 6 }).map((segments) => `/${segments.join("/")}`),
  fc.constantFrom(
    "/products",
    "/orders",
    "/webhooks/payment",
    "/products/feed",
    "/docs",
    "/openapi.json",
    "/problems/a/b",
  ),
  fc.string({ unit: "binary" }).map((segment) => `/products/${segment}`),
);
const queries = fc.oneof(
  fc.constant(""),
  fc.string({ unit: "binary" }),
  fc
    .array(fc.tuple(fc.constantFrom("q", "tag", "limit", "active", "__proto__", "constructor"), fc.string()), {
      maxLength: 8,
    })
    .map((pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join("&")),
);
const headerNames = fc.constantFrom(
  "authorization",
  "x-api-key",
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "traceparent",
  "accept-language",
  "x-signature",
);
const headers = fc.dictionary(
  headerNames,
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("application/json", "Bearer user:ada", '"3"', "key-1", "*", "00-x", "0", "1e9", "-1"),
    fc.array(fc.string(), { maxLength: 2 }) as unknown as fc.Arbitrary<string>,
  ),
  { maxKeys: 6 },
);
const bodies = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: "binary" }),
  fc.json(),
  fc
    .record({ lines: fc.array(fc.record({ sku: fc.string(), quantity: fc.integer() })) })
    .map((body) => JSON.stringify(body)),
);
const requests: fc.Arbitrary<GatewayRequest> = fc.record({
  method: fc.oneof(fc.constantFrom("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT"), fc.string()),
  path: paths,
  query: queries,
  headers,
  body: bodies,
  remoteAddress: fc.constant("192.0.2.1"),
});

describe("hostile requests", () => {
  test("always get an answer", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const response = await gateway.handle(request);
        assert.ok(response.status >= 200 && response.status < 500, `${response.status}: ${String(response.body)}`);
        if (response.status >= 400 && request.method !== "HEAD") {
          assert.match(response.headers["content-type"] ?? "", /^application\/problem\+json/);
          const problem = JSON.parse(String(response.body)) as Record<string, unknown>;
          assert.equal(problem["status"], response.status);
          assert.match(String(problem["code"]), /^(gateway|kernel)\/[a-z-]+$/);
        }
        // A header with a line break would be a second header, or a second response.
        for (const value of Object.values(response.headers)) assert.doesNotMatch(value, /[\r\n\0]/);
      }),
      { numRuns: 3_000 },
    );
  });

  test("a body of the right form with any JSON in it is taken or refused, never broken", async () => {
    await fc.assert(
      fc.asyncProperty(fc.object({ maxDepth: 4 }), async (extra) => {
        const body = JSON.stringify({ lines: [{ sku: "a", quantity: 1 }], ...extra });
        const response = await gateway.handle({
          method: "POST",
          path: "/orders",
          query: "",
          headers: { authorization: "Bearer user:ada", "content-type": "application/json", "idempotency-key": "k" },
          body,
          remoteAddress: "192.0.2.1",
        });
        assert.ok(response.status === 201 || response.status === 400, `${response.status}`);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a hundred thousand opening brackets are refused at the thirty-third", async () => {
    let read = 0;
    // Counts what is looked at: the scan must stop early, and the parser must never see it.
    const bomb = new Proxy(
      { length: 100_000 },
      {
        get: (target, key) =>
          key === "length" ? target.length : key === "charCodeAt" ? () => ((read += 1), 91) : undefined,
      },
    ) as unknown as string;
    assert.equal(isTooDeep(bomb, 32), true);
    assert.equal(read, 33);
    const response = await gateway.handle({
      method: "POST",
      path: "/orders",
      query: "",
      headers: { authorization: "Bearer user:ada", "content-type": "application/json", "idempotency-key": "k" },
      body: "[".repeat(100_000),
      remoteAddress: "192.0.2.1",
    });
    assert.equal(response.status, 400);
  });

  test("depth is counted as a parser counts it", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 8 }), (text, max) => {
        // The scan may leave out texts too short to be that deep.
        assert.equal(isTooDeep(text, max), depthOf(JSON.parse(text)) > max);
      }),
    );
  });

  test("any path segment reaches the operation as it was meant", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uuid(), async (id) => {
        const encoded = id.replaceAll("-", "%2D");
        const response = await gateway.handle({
          method: "GET",
          path: `/products/${encoded}`,
          query: "",
          headers: {},
          remoteAddress: "192.0.2.1",
        });
        assert.equal(response.status, 200);
        assert.equal(response.body, JSON.stringify(aProduct));
      }),
    );
  });
});

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
