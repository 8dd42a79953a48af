import { type TestContext, test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingHttpHeaders, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Metrics, Tracer } from "../observe/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { systemClock } from "./clock.ts";
import { OtlpExporter, otlpSettings } from "./telemetry-otlp.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** A collector that answers with these statuses one after another, then with 200. */
async function collector(t: TestContext, statuses: number[] = []): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      received.push({ path: request.url ?? "", headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 200, { "content-type": "application/json" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function exporter(url: string, metrics?: Metrics): OtlpExporter {
  const settings = otlpSettings(
    { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`, OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b,other=c" },
    "shop",
  );
  assert.ok(settings !== undefined);
  const clock = systemClock();
  return new OtlpExporter({
    settings,
    // Waits between tries are real ones: make them short, but not the time that closing may take.
    clock: {
      ...clock,
      after: (delayMs, action) => clock.after(delayMs < 5_000 ? 1 : delayMs, action),
    },
    random: seededRandom(1),
    log: silentLogger,
    ...(metrics === undefined ? {} : { metrics }),
  });
}

/** Looks a path up in what a collector received: `at(body, "resourceSpans", 0, …)`. */
function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce((current, key) => (current as Record<string | number, unknown>)[key], value);
}

void test("nothing is configured by default", () => {
  assert.equal(otlpSettings({}, "shop"), undefined);
  assert.equal(otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, "shop"), undefined);
  const off = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_SDK_DISABLED: "true" };
  assert.equal(otlpSettings(off, "shop"), undefined);
});

void test("the environment's names are OpenTelemetry's", () => {
  const settings = otlpSettings(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318//",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20x, bad, k=%zz",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=prod",
      OTEL_EXPORTER_OTLP_TIMEOUT: "nonsense",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
    },
    "shop",
  );
  assert.deepEqual(settings, {
    endpoint: "http://collector:4318",
    headers: { authorization: "Bearer x", k: "%zz" },
    resource: { "service.name": "shop", "deployment.environment.name": "prod" },
    timeoutMs: 10_000,
    metricsIntervalMs: 500,
  });
});

void test("spans, metrics and logs arrive in OTLP's form", async (t) => {
  const { url, received } = await collector(t);
  const metrics = new Metrics();
  metrics.counter("isomer.things", "Things.", ["kind"]).with({ kind: "a" }).add(2);
  const level = metrics.gauge("isomer.level", "Level.", ["of"]);
  level.with({ of: "here" }).set(1.5);
  // JSON has no such number.
  level.with({ of: "nowhere" }).from(() => Number.NaN);
  metrics.histogram("isomer.took", "Took.", [], [1, 2]).with({}).observe(1.5);
  const otlp = exporter(url, metrics);
  const tracer = new Tracer({ clock: systemClock(), random: seededRandom(2), exporter: otlp });
  const parent = tracer.start("GET /orders", "server", undefined);
  const child = tracer.start("orders.get", "client", parent.context);
  child.set("retries", 2);
  child.set("cached", false);
  child.fail({ code: "orders/unknown", kind: "missing" });
  child.end();
  const log = otlp.logger(silentLogger).with({ service: "orders" });
  log.warn("odd", {
    traceId: parent.context.traceId,
    spanId: parent.context.spanId,
    nested: { a: [1, "x", 0.5] },
  });
  log.debug("not sent");
  tracer.flush();
  await otlp.close();

  assert.deepEqual(received.map(({ path }) => path).toSorted(), ["/v1/logs", "/v1/metrics", "/v1/traces"]);
  const of = (path: string): Record<string, unknown> => received.find((one) => one.path === path)?.body ?? {};
  assert.equal(received[0]?.headers["x-key"], "a b");
  const traces = of("/v1/traces");
  assert.deepEqual(at(traces, "resourceSpans", 0, "resource", "attributes", 0), {
    key: "service.name",
    value: { stringValue: "shop" },
  });
  const span = at(traces, "resourceSpans", 0, "scopeSpans", 0, "spans", 0) as Record<string, unknown>;
  assert.equal(span["parentSpanId"], parent.context.spanId);
  assert.deepEqual([span["name"], span["kind"]], ["orders.get", 3]);
  assert.match(String(span["startTimeUnixNano"]), /^\d{19}$/);
  assert.deepEqual(span["status"], { code: 2, message: "orders/unknown" });
  assert.deepEqual(at(span, "attributes", 0), { key: "retries", value: { intValue: "2" } });
  const sent = at(of("/v1/metrics"), "resourceMetrics", 0, "scopeMetrics", 0, "metrics") as Record<string, unknown>[];
  assert.deepEqual(
    sent.map(({ name }) => name),
    ["isomer.level", "isomer.things", "isomer.took"],
  );
  assert.equal(at(sent[0], "gauge", "dataPoints", 0, "asDouble"), 1.5);
  assert.equal(at(sent[0], "gauge", "dataPoints", 1), undefined, "a gauge that has no value now is left out");
  assert.equal(at(sent[1], "sum", "isMonotonic"), true);
  assert.deepEqual(at(sent[2], "histogram", "dataPoints", 0, "bucketCounts"), ["0", "1", "0"]);
  const records = at(of("/v1/logs"), "resourceLogs", 0, "scopeLogs", 0, "logRecords") as Record<string, unknown>[];
  assert.equal(records.length, 1);
  assert.deepEqual([records[0]?.["severityNumber"], records[0]?.["traceId"]], [13, parent.context.traceId]);
});

void test("a busy collector is asked again, one that refuses for good is not", async (t) => {
  const busy = await collector(t, [503, 429]);
  const otlp = exporter(busy.url);
  otlp.logger(silentLogger).info("once");
  await otlp.close();
  assert.equal(busy.received.length, 3);
  assert.equal(otlp.dropped, 0);
  const refusing = await collector(t, [400]);
  const other = exporter(refusing.url);
  other.logger(silentLogger).info("once");
  await other.close();
  assert.equal(refusing.received.length, 1);
  assert.equal(other.dropped, 1);
});

void test("without a collector nothing is held up: the queue is bounded, and what does not fit is counted", async () => {
  const lines: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => void lines.push(message) };
  const settings = otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }, "shop");
  assert.ok(settings !== undefined);
  const clock = systemClock();
  const hasty = {
    ...clock,
    after: (delayMs: number, action: () => void) => clock.after(delayMs / 1_000, action),
  };
  const otlp = new OtlpExporter({ settings, clock: hasty, random: seededRandom(1), log });
  for (let batch = 0; batch < 300; batch += 1) otlp.export([]);
  assert.equal(otlp.dropped, 200);
  await otlp.close();
  assert.equal(otlp.dropped, 300);
  otlp.export([]);
  assert.equal(otlp.dropped, 301);
  assert.deepEqual(lines, ["telemetry cannot be sent"]);
});
