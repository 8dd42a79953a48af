import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import {
  ATTRIBUTES_MAX,
  type FinishedSpan,
  Tracer,
  type TracerOptions,
  formatTraceparent,
  parseTraceparent,
} from "./mod.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

function make(options: Partial<TracerOptions> = {}): {
  tracer: Tracer;
  clock: ManualClock;
  batches: FinishedSpan[][];
} {
  const clock = new ManualClock();
  const batches: FinishedSpan[][] = [];
  const exporter = { export: (spans: readonly FinishedSpan[]) => void batches.push([...spans]) };
  return {
    tracer: new Tracer({ clock, random: seededRandom(1), exporter, ...options }),
    clock,
    batches,
  };
}

void test("a traceparent of version 00 is read, and so is the known part of later versions", () => {
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), context);
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-03`), context);
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...context, sampled: false });
  assert.deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-09-what-the-future-holds`), context);
});

void test("what the specification refuses is not read", () => {
  for (const text of [
    "",
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01-extra`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0g`,
    `ff-${TRACE}-${SPAN}-01`,
    `0G-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00_${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01.extra`,
    ` 00-${TRACE}-${SPAN}-01`,
  ]) {
    assert.equal(parseTraceparent(text), undefined, text);
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseTraceparent(text);
      parseTraceparent(`00-${text}-01`);
    }),
  );
});

void test("what is written is read back", () => {
  const { tracer } = make();
  for (let trace = 0; trace < 500; trace += 1) {
    const { context } = tracer.start("x", "server", undefined);
    assert.deepEqual(parseTraceparent(formatTraceparent(context)), context);
  }
});

void test("a span tells its name, kind, parent, times, attributes and fault", async () => {
  const { tracer, clock } = make();
  const parent = tracer.start("GET /orders", "server", undefined);
  await clock.advance(5);
  const span = tracer.start("orders.get", "client", parent.context);
  span.set("rpc.service", "orders");
  span.set("retries", 1);
  span.set("retries", 2);
  span.fail({ code: "orders/unknown", kind: "missing" });
  await clock.advance(7);
  span.end();
  span.end();
  const [finished, ...others] = tracer.recent();
  assert.equal(others.length, 0);
  assert.ok(finished !== undefined);
  assert.equal(finished.context.traceId, parent.context.traceId);
  assert.equal(finished.parentSpanId, parent.context.spanId);
  assert.deepEqual([finished.name, finished.kind, finished.error], ["orders.get", "client", "orders/unknown"]);
  assert.deepEqual([finished.startMs, finished.durationMs], [1_750_000_000_005, 7]);
  assert.deepEqual(finished.attributes, ["rpc.service", "orders", "retries", 2, "isomer.fault.kind", "missing"]);
});

void test("attributes and the ring are bounded; the ring keeps the latest, oldest first", () => {
  const { tracer } = make({ ringMax: 3 });
  for (let index = 0; index < 8; index += 1) {
    const span = tracer.start(`span ${index}`, "internal", undefined);
    for (let key = 0; key < 100; key += 1) span.set(`key ${key}`, key);
    span.end();
  }
  assert.deepEqual(
    tracer.recent().map(({ name }) => name),
    ["span 5", "span 6", "span 7"],
  );
  assert.equal(tracer.recent()[0]?.attributes.length, ATTRIBUTES_MAX * 2);
});

void test("the decision to keep a trace is made where it begins, at the rate asked for", () => {
  const { tracer } = make({ sampleRate: 0.25, ringMax: 10_000 });
  for (let trace = 0; trace < 4_000; trace += 1) {
    const root = tracer.start("root", "server", undefined);
    const child = tracer.start("child", "internal", root.context);
    assert.equal(child.context.sampled, root.context.sampled);
    child.end();
    root.end();
  }
  const kept = tracer.recent().length / 2;
  assert.ok(kept > 850 && kept < 1_150, String(kept));
  const foreign = { traceId: TRACE, spanId: SPAN, sampled: true };
  assert.equal(make({ sampleRate: 0 }).tracer.start("x", "server", foreign).context.sampled, true);
});

void test("a trace that is not kept has ids of its own all the same", () => {
  const { tracer } = make({ sampleRate: 0 });
  const contexts = Array.from({ length: 100 }, () => tracer.start("x", "server", undefined).context);
  assert.equal(new Set(contexts.map(({ traceId }) => traceId)).size, 100);
  assert.equal(tracer.recent().length, 0);
});

void test("finished spans leave in batches: when there are enough, when they waited enough, and on flush", async () => {
  const { tracer, clock, batches } = make({ batchMax: 3, batchDelayMs: 1_000 });
  const finish = (): void => tracer.start("x", "server", undefined).end();
  for (let span = 0; span < 4; span += 1) finish();
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [3],
  );
  await clock.advance(1_000);
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [3, 1],
  );
  finish();
  tracer.flush();
  tracer.flush();
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [3, 1, 1],
  );
  assert.equal(clock.pending, 0);
});
