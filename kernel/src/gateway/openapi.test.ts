import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Script } from "node:vm";
import { anyone, command, contract, http, query } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { Gateway } from "./gateway.ts";
import { routePlans } from "./plan.ts";
import { aRequest, sampleGateway } from "./testing/sample.ts";

type Json = Record<string, never>;
const world = { clock: new ManualClock(), random: seededRandom(1) };
const gateway = sampleGateway(world);
const document = gateway.document as unknown as {
  openapi: string;
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json> };
};

describe("the OpenAPI document", () => {
  test("has every route, and no more", () => {
    assert.equal(document.openapi, "3.1.0");
    const routes = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    assert.deepEqual(routes.toSorted(), [
      "delete /products/{id}",
      "get /products",
      "get /products/feed",
      "get /products/{id}",
      "patch /products/{id}",
      "post /orders",
      "post /webhooks/payment",
    ]);
  });

  test("every reference leads somewhere, and repeated objects are written once", () => {
    const text = JSON.stringify(document);
    const names = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]));
    for (const name of names) assert.ok(document.components.schemas[name ?? ""] !== undefined, name);
    assert.ok(names.has("Price"), [...names].join());
    assert.equal(text.split("Minor units: cents for EUR.").length - 1, 1);
  });

  test("tells parameters, headers, security and declared faults", () => {
    const patch = document.paths["/products/{id}"]?.["patch"] as unknown as {
      parameters: { name: string; in: string; required: boolean }[];
      requestBody: { content: Record<string, { schema: { properties: object; required: string[] } }> };
      security: object[];
      responses: Record<string, unknown>;
    };
    assert.deepEqual(
      patch.parameters.map((one) => [one.name, one.in, one.required]),
      [
        ["id", "path", true],
        ["Idempotency-Key", "header", false],
        ["If-Match", "header", true],
      ],
    );
    const body = patch.requestBody.content["application/json"]?.schema;
    assert.deepEqual(Object.keys(body?.properties ?? {}), ["name"]);
    assert.deepEqual(body?.required, []);
    assert.deepEqual(patch.security, [{ bearer: [] }, { apiKey: [] }]);
    const place = document.paths["/orders"]?.["post"] as unknown as {
      responses: Record<string, object>;
      parameters: { name: string; required: boolean }[];
    };
    assert.match(JSON.stringify(place.responses["409"]), /inventory\/stock-short/);
    assert.deepEqual(
      place.parameters.map(({ name, required }) => [name, required]),
      [["Idempotency-Key", true]],
    );
    assert.ok("201" in place.responses);
  });

  test("is served with an ETag, and the page and problem types lead to it", async () => {
    const response = await gateway.handle(aRequest("GET", "/openapi.json"));
    assert.deepEqual(JSON.parse(String(response.body)), JSON.parse(JSON.stringify(gateway.document)));
    const again = await gateway.handle(
      aRequest("GET", "/openapi.json", { "if-none-match": response.headers["etag"] ?? "" }),
    );
    assert.equal(again.status, 304);
    const page = await gateway.handle(aRequest("GET", "/docs"));
    assert.match(String(page.body), /^<!doctype html>/);
    assert.match(page.headers["content-security-policy"] ?? "", /connect-src 'self'/);
    assert.doesNotMatch(String(page.body), /https?:\/\/(?!www\.w3\.org)/);
    const problem = await gateway.handle(aRequest("GET", "/problems/inventory/stock-short"));
    assert.deepEqual([problem.status, problem.headers["location"]], [302, "/docs#inventory/stock-short"]);
    const unknown = await gateway.handle(aRequest("GET", "/problems/any/thing"));
    assert.equal(unknown.headers["location"], "/docs#problems");
  });

  test("the page's script is JavaScript", async () => {
    const page = String((await gateway.handle(aRequest("GET", "/docs"))).body);
    const script = /<script>([^]*)<\/script>/.exec(page)?.[1] ?? "";
    assert.ok(script.length > 5_000);
    // Parsed, never run.
    assert.doesNotThrow(() => new Script(script));
  });
});

describe("paths that differ only in the names of their fields", () => {
  test("are one path", () => {
    const input = (field: string) => t.object({ [field]: t.id() });
    const things = contract("things", {
      version: "1.0.0",
      queries: {
        show: query({ input: input("ref"), output: t.object({}), allow: [anyone], http: http("GET /things/:ref") }),
      },
      commands: {
        drop: command({ input: input("id"), output: t.object({}), allow: [anyone], http: http("DELETE /things/:id") }),
      },
    });
    const { paths } = sampleGateway(world, { contracts: [things] }).document as typeof document;
    assert.deepEqual(Object.keys(paths), ["/things/{id}"]);
    const get = paths["/things/{id}"]?.["get"] as unknown as { parameters: { name: string }[] };
    assert.equal(get.parameters[0]?.name, "id");
  });
});

describe("bindings that cannot work are refused at the start", () => {
  const start = (binding: ReturnType<typeof http>, kind: typeof query | typeof command = query): void => {
    const input = t.object({ id: t.id(), deep: t.optional(t.object({ x: t.text() })) });
    const operation = kind({ input, output: t.object({ a: t.text() }), allow: [anyone], http: binding });
    const options =
      kind === query ? { queries: { some: operation as never } } : { commands: { some: operation as never } };
    routePlans([contract("test", { version: "1.0.0", ...options })], { bodyBytesMax: 1, deadlineMs: 1 });
  };

  test("by name of what is wrong", () => {
    assert.throws(() => start(http("POST /a/:nothing")), /names "nothing", which its input does not have/);
    assert.throws(() => start(http("GET /a/:id")), /"deep" is of objects/);
    assert.throws(() => start(http("GET /a", {}), command), /is a command at GET/);
    assert.throws(() => start(http("POST /a", { etag: "version" })), /makes the ETag of "version"/);
    assert.throws(() => start(http("POST /a", { contentType: "text/csv" })), /needs the field "content"/);
    assert.throws(() => start(http("POST /a/:id", { headers: { id: "x-id" } })), /takes "id" from two places/);
    for (const header of ["x-user-id", "authorization", "X-Thing", "x-forwarded-for", "txn-token"]) {
      assert.throws(() => start(http("POST /a", { headers: { id: header } })), /cannot come from the header/);
    }
  });

  test("and so are two operations at one route", () => {
    const at = (name: string) =>
      contract(name, {
        version: "1.0.0",
        queries: {
          some: query({ input: t.object({}), output: t.object({}), allow: [anyone], http: http("GET /same") }),
        },
      });
    assert.throws(
      () => sampleGateway(world, { contracts: [at("a"), at("b")] }),
      /b\.some and a\.some are both at GET \/same/,
    );
    assert.throws(
      () =>
        sampleGateway(world, {
          contracts: [
            contract("c", {
              version: "1.0.0",
              queries: {
                some: query({ input: t.object({}), output: t.object({}), allow: [anyone], http: http("GET /healthz") }),
              },
            }),
          ],
        }),
      /healthz/,
    );
    assert.equal(typeof Gateway, "function");
  });
});
