import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Metrics, OPERATION_DURATION, operationMetrics } from "./mod.ts";

void test("the text form, by the letter", () => {
  const metrics = new Metrics();
  metrics
    .counter("isomer.events.delivered", "Events\nthat \\ arrived.", ["service"])
    .with({ service: "orders" })
    .add(3);
  metrics.gauge("isomer.queue.size", "Waiting.", []).with({}).set(-2);
  const sizes = metrics
    .histogram("isomer.body.size", "Bodies.", ["route"], [10, 100], "By")
    .with({ route: 'GET "/a\\b"\n' });
  for (const size of [1, 10, 11, 1_000]) sizes.observe(size);
  assert.equal(
    metrics.toPrometheus(),
    [
      "# HELP isomer_body_size_bytes Bodies.",
      "# TYPE isomer_body_size_bytes histogram",
      String.raw`isomer_body_size_bytes_bucket{route="GET \"/a\\b\"\n",le="10"} 2`,
      String.raw`isomer_body_size_bytes_bucket{route="GET \"/a\\b\"\n",le="100"} 3`,
      String.raw`isomer_body_size_bytes_bucket{route="GET \"/a\\b\"\n",le="+Inf"} 4`,
      String.raw`isomer_body_size_bytes_sum{route="GET \"/a\\b\"\n"} 1022`,
      String.raw`isomer_body_size_bytes_count{route="GET \"/a\\b\"\n"} 4`,
      String.raw`# HELP isomer_events_delivered_total Events\nthat \\ arrived.`,
      "# TYPE isomer_events_delivered_total counter",
      'isomer_events_delivered_total{service="orders"} 3',
      "# HELP isomer_queue_size Waiting.",
      "# TYPE isomer_queue_size gauge",
      "isomer_queue_size -2",
      "",
    ].join("\n"),
  );
});

void test("whatever is in labels and help, each line is a comment or a sample", () => {
  const sample =
    /^[a-zA-Z_][a-zA-Z0-9_]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\\\|\\"|\\n)*"\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/;
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.double(), (name, help, label, value) => {
      const metrics = new Metrics();
      metrics.gauge(name, help, ["any-label"]).with({ "any-label": label }).set(value);
      for (const line of metrics.toPrometheus().trimEnd().split("\n").slice(2)) assert.match(line, sample);
    }),
  );
});

void test("equal labels are one series, however often and wherever they are asked for", () => {
  const metrics = new Metrics();
  const define = () => metrics.counter("calls", "Calls.", ["a", "b"]);
  define().with({ a: "1", b: "2" }).add();
  define().with({ b: "2", a: "1" }).add();
  assert.equal(define().with({ a: "1", b: "2" }).value, 2);
  assert.equal([...define().series()].length, 1);
  assert.notEqual(define().with({ a: "1\u00002", b: "" }), define().with({ a: "1", b: "2" }));
  assert.throws(() => metrics.gauge("calls", "Calls.", ["a", "b"]), TypeError);
  assert.throws(() => metrics.counter("calls", "Calls.", ["a"]), TypeError);
});

void test("the number of series is bounded: the rest is counted together", () => {
  const metrics = new Metrics({ seriesMax: 10 });
  const counter = metrics.counter("calls", "Calls.", ["user"]);
  for (let user = 0; user < 1_000; user += 1) counter.with({ user: String(user) }).add();
  const series = [...counter.series()];
  assert.equal(series.length, 10);
  assert.equal(counter.with({ user: "other" }).value, 991);
  assert.equal(
    series.reduce((sum, [, { value }]) => sum + value, 0),
    1_000,
  );
});

void test("a gauge may be read where its number lives", () => {
  const metrics = new Metrics();
  const queue: number[] = [];
  metrics
    .gauge("queue", "Waiting.", [])
    .with({})
    .from(() => queue.length);
  queue.push(1, 2);
  assert.match(metrics.toPrometheus(), /^queue 2$/m);
});

void test("every observation is in one bucket, and the sums are right", () => {
  const boundaries = [0.01, 0.1, 1];
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true })), (values) => {
      const series = new Metrics().histogram("d", "D.", [], boundaries).with({});
      for (const value of values) series.observe(value);
      assert.equal(series.count, values.length);
      boundaries.forEach((bound, bucket) => {
        const below = series.counts.slice(0, bucket + 1).reduce((sum, count) => sum + count, 0);
        assert.equal(below, values.filter((value) => value <= bound).length);
      });
    }),
  );
});

void test("operations tell rate, errors and duration by service, operation and caller", () => {
  const metrics = new Metrics();
  const series = operationMetrics(metrics).of("orders", "place", "checkout");
  series.done("ok", 0.002);
  series.done("ok", 0.3);
  series.done("conflict", 0.001);
  assert.equal(OPERATION_DURATION, "rpc.server.call.duration");
  const text = metrics.toPrometheus();
  const of = 'rpc_service="orders",rpc_method="place",caller="checkout"';
  assert.ok(text.includes(`rpc_server_call_duration_seconds_count{${of},outcome="ok"} 2`), text);
  assert.ok(text.includes(`rpc_server_call_duration_seconds_bucket{${of},outcome="ok",le="0.0025"} 1`));
  assert.ok(text.includes(`rpc_server_call_duration_seconds_count{${of},outcome="conflict"} 1`));
  assert.ok(!text.includes('outcome="broken"'));
});
