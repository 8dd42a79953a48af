/** What the access log says of calls and requests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FinishedSpan, Tracer } from "../../observe/mod.ts";
import { type LogFields, silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { systemRandom } from "../random.ts";
import { accessLog } from "./access-log.ts";

test("the access log tells of each call by whom it was, as what, and how it was decided", () => {
  const lines: (readonly [string, LogFields | undefined])[] = [];
  const handed: FinishedSpan[] = [];
  const log = { ...silentLogger, info: (message: string, fields?: LogFields) => void lines.push([message, fields]) };
  const exporter = accessLog(log, { export: (spans) => void handed.push(...spans) });
  const tracer = new Tracer({ clock: systemClock(), random: systemRandom(), exporter });
  const span = (name: string, kind: "server" | "client", attributes: Readonly<Record<string, string | number>>) => {
    const begun = tracer.start(name, kind, undefined);
    for (const [key, value] of Object.entries(attributes)) begun.set(key, value);
    return begun;
  };
  const peer = "spiffe://shop.test/service/cart";
  span("pricing.quote", "server", { "isomer.caller": "cart", "isomer.peer": peer, "isomer.access": "services" }).end();
  const refused = span("pricing.change", "server", { "isomer.caller": "", "isomer.access": "forbidden" });
  refused.fail({ code: "kernel/forbidden", kind: "denied" });
  refused.end();
  span("GET /v1/carts/:cartId", "server", { "http.response.status_code": 404 }).end();
  span("pricing.quote", "client", {}).end();
  tracer.flush();
  assert.equal(handed.length, 4);
  const told = lines.map(([message, fields]) => {
    const { ms, traceId, ...rest } = fields ?? {};
    assert.ok(typeof ms === "number" && typeof traceId === "string");
    return [message, rest];
  });
  assert.deepEqual(told, [
    ["call", { operation: "pricing.quote", caller: "cart", peer, access: "services", outcome: "ok" }],
    [
      "call",
      {
        operation: "pricing.change",
        caller: "edge",
        peer: undefined,
        access: "forbidden",
        outcome: "kernel/forbidden",
      },
    ],
    ["request", { route: "GET /v1/carts/:cartId", status: 404, outcome: "ok" }],
  ]);
});
