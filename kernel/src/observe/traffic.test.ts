/** What went through a process between two looks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics, TrafficMeter, operationMetrics } from "./mod.ts";
import { OPERATION_DURATION } from "./operation-metrics.ts";

const isFault = ({ outcome = "ok" }: Readonly<Record<string, string>>): boolean => outcome !== "ok";

test("traffic is what came since the last look, over all series", () => {
  const metrics = new Metrics();
  const meter = new TrafficMeter(metrics, { metric: OPERATION_DURATION, isFault });
  assert.deepEqual(meter.look(), { calls: 0, faults: 0, p50Ms: 0, p99Ms: 0 });
  const operations = operationMetrics(metrics);
  const [place, show] = [operations.of("orders", "place", "checkout"), operations.of("orders", "show", "")];
  for (let n = 0; n < 98; n += 1) place.done("ok", 0.004);
  show.done("ok", 0.004);
  show.done("conflict", 4);
  const first = meter.look();
  assert.deepEqual([first.calls, first.faults], [100, 1]);
  assert.ok(first.p50Ms > 2.5 && first.p50Ms <= 5, String(first.p50Ms));
  assert.ok(first.p99Ms <= 5, String(first.p99Ms));
  show.done("unavailable", 0.2);
  const second = meter.look();
  assert.deepEqual([second.calls, second.faults], [1, 1]);
  assert.ok(second.p99Ms > 100 && second.p99Ms <= 250, String(second.p99Ms));
  assert.equal(meter.look().calls, 0);
});
