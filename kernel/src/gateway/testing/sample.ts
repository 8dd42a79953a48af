/** A small contract with every kind of HTTP binding, and a gateway over it: for tests, benchmarks and the API page. */
import { anyone, command, contract, fault, http, permission, query, user } from "../../contract/mod.ts";
import { promptEventLoop } from "../../guard/mod.ts";
import { Metrics, Tracer } from "../../observe/mod.ts";
import { t, validator } from "../../schema/mod.ts";
import { type Clock, type Random, silentLogger } from "../../std/mod.ts";
import { Gateway, type GatewayOptions } from "../gateway.ts";
import type { GatewayCall, Invoke, RatePolicy } from "../ports.ts";
import type { GatewayRequest } from "../request.ts";
import type { Reply } from "../../transport/mod.ts";

/** There is less stock than the order asks for. */
export const StockShort = fault("inventory/stock-short", {
  kind: "conflict",
  data: t.object({ sku: t.text({ maxLength: 40 }), available: t.integer({ minimum: 0 }) }),
  message: ({ sku, available }) => `Only ${available} of ${sku} are left.`,
});

const Money = t.object(
  {
    amount: t.integer({ description: "Minor units: cents for EUR." }),
    currency: t.text({ minLength: 3, maxLength: 3, pattern: "^[A-Z]{3}$" }),
  },
  { description: "An amount of money." },
);
const Product = t.object({
  id: t.id(),
  name: t.text({ maxLength: 200, description: "What customers see." }),
  price: Money,
  listPrice: t.optional(Money),
  status: t.oneOf(["draft", "active", "archived"]),
  tags: t.array(t.text({ maxLength: 30 }), { maxItems: 20 }),
  version: t.integer({ minimum: 1 }),
});
const Line = t.object({
  sku: t.text({ minLength: 1, maxLength: 40 }),
  quantity: t.integer({ minimum: 1, maximum: 99 }),
});

/** The products of a shop. */
export const catalog = contract("catalog", {
  version: "1.0.0",
  summary: "What the shop offers.",
  permissions: { "catalog.manage": "Change products." },
  queries: {
    getProduct: query({
      summary: "One product",
      input: t.object({ id: t.id() }),
      output: Product,
      allow: [anyone],
      http: http("GET /products/:id", { etag: "version", publicMaxAgeSeconds: 30 }),
    }),
    searchProducts: query({
      summary: "Find products",
      input: t.object({
        q: t.optional(t.text({ maxLength: 100, description: "Words to look for." })),
        tag: t.optional(t.array(t.text({ maxLength: 30 }), { maxItems: 5 })),
        limit: t.optional(t.integer({ minimum: 1, maximum: 100 })),
        active: t.optional(t.boolean()),
        language: t.optional(t.text({ maxLength: 20 })),
      }),
      output: t.object({ items: t.array(Product), nextCursor: t.optional(t.text()) }),
      allow: [anyone],
      http: http("GET /products", { headers: { language: "accept-language" } }),
    }),
    feed: query({
      summary: "All products as text",
      input: t.object({}),
      output: t.object({ content: t.text() }),
      allow: [anyone],
      http: http("GET /products/feed", { contentType: "text/plain; charset=utf-8" }),
    }),
  },
  commands: {
    changeProduct: command({
      summary: "Change a product",
      input: t.object({ id: t.id(), name: t.optional(t.text({ maxLength: 200 })), version: t.integer() }),
      output: Product,
      allow: [permission("catalog.manage")],
      http: http("PATCH /products/:id", { etag: "version", ifMatch: "version" }),
    }),
    removeProduct: command({
      summary: "Remove a product",
      input: t.object({ id: t.id() }),
      output: t.object({}),
      allow: [permission("catalog.manage")],
      http: http("DELETE /products/:id"),
    }),
  },
});

/** Orders and what others say about them. */
export const orders = contract("orders", {
  version: "1.0.0",
  summary: "Orders, from placed to delivered.",
  commands: {
    place: command({
      summary: "Place an order",
      input: t.object({ lines: t.array(Line, { minItems: 1, maxItems: 100 }), note: t.optional(t.text()) }),
      output: t.object({ id: t.id(), total: Money }),
      faults: [StockShort],
      allow: [user],
      criticality: "critical",
      http: http("POST /orders", { status: 201, idempotencyKey: "required" }),
    }),
    webhook: command({
      summary: "What the payment provider reports",
      input: t.object({ payload: t.text({ maxLength: 100_000 }), signature: t.text({ maxLength: 200 }) }),
      output: t.object({}),
      allow: [anyone],
      http: http("POST /webhooks/payment", {
        rawBody: "payload",
        headers: { signature: "x-signature" },
        bodyBytesMax: 1_000,
      }),
    }),
  },
});

const operations = { catalog: { ...catalog.commands, ...catalog.queries }, orders: orders.commands };

/** Validates as the runtime does, then answers with `answer`. */
export function fakeInvoke(answer: (call: GatewayCall) => Reply | Promise<Reply>): Invoke {
  return async (call) => {
    const service = operations[call.service as "catalog"] as Record<string, { input: Parameters<typeof validator>[0] }>;
    const { input } = service[call.operation] ?? { input: t.object({}) };
    return answer({ ...call, input: validator(input, `input of ${call.service}.${call.operation}`).parse(call.input) });
  };
}

/** A product, as {@link catalog} gives it. */
export const aProduct = {
  id: "0198c0de-0000-7000-8000-000000000001",
  name: "Walnut desk",
  price: { amount: 49_900, currency: "EUR" },
  status: "active",
  tags: ["desk", "walnut"],
  version: 3,
};

/** Tokens are "user:<subject>:<role>,<role>"; others are not valid. */
export const fakeAuthenticate: NonNullable<GatewayOptions["authenticate"]> = (token) => {
  const [kind, subject, roles] = token.split(":");
  if (kind !== "user" || subject === undefined) return undefined;
  return { subject, roles: roles?.split(",") ?? [], guest: false };
};

/** Allows `quota` requests per key, ever. */
export function countingLimiter(quota: number): RatePolicy["limiter"] {
  const taken = new Map<string, number>();
  return {
    take(key, cost) {
      const count = (taken.get(key) ?? 0) + cost;
      if (count > quota) return { allowed: false, limit: quota, remaining: 0, resetMs: 60_000, retryAfterMs: 1_500 };
      taken.set(key, count);
      return { allowed: true, limit: quota, remaining: quota - count, resetMs: 30_000, retryAfterMs: 0 };
    },
  };
}

/** A gateway over the sample contracts. */
export function sampleGateway(
  world: { readonly clock: Clock; readonly random: Random },
  options: Partial<GatewayOptions> = {},
): Gateway {
  return new Gateway({
    contracts: [catalog, orders],
    info: { title: "Sample shop", version: "1.0.0", description: "A few operations, of every kind there is." },
    invoke: fakeInvoke(() => ({ output: aProduct, replayed: false })),
    authenticate: fakeAuthenticate,
    clock: world.clock,
    random: world.random,
    eventLoop: promptEventLoop,
    tracer: new Tracer({ ...world, ringMax: 10 }),
    metrics: new Metrics(),
    log: silentLogger,
    ...options,
  });
}

/** A request as short as its tests want it: `aRequest("GET", "/products?limit=2")`. */
export function aRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array,
): GatewayRequest {
  const mark = url.indexOf("?");
  return {
    method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? "" : url.slice(mark + 1),
    headers,
    body,
    remoteAddress: "192.0.2.1",
  };
}
