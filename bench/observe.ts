/**
 * What observing and guarding a call costs: a span, its RED metric, the admission, the outbound guards. That each was
 * really done is checked before any figure is printed. The budget for span and RED metric together is 1.5 µs.
 *
 *   npx node bench/observe.ts [calls]
 */
import assert from "node:assert/strict";
import { Admission, Outbound, promptEventLoop } from "@isomer/kernel/guard";
import { type FinishedSpan, Metrics, Tracer, operationMetrics } from "@isomer/kernel/observe";
import { systemClock } from "../kernel/src/node/clock.ts";
import { systemRandom } from "../kernel/src/node/random.ts";

const COUNT = Number(process.argv[2] ?? 300_000);
const ROUNDS = 5;
const clock = systemClock();
const random = systemRandom();

/** The median over some rounds, in µs a call, the loop around it included. */
async function measure(name: string, call: () => unknown, budgetUs?: number): Promise<void> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const start = performance.now();
    for (let index = 0; index < COUNT; index += 1) {
      const pending = call();
      if (pending instanceof Promise) await pending;
    }
    rounds.push(((performance.now() - start) * 1_000) / COUNT);
  }
  // The first round is for the compiler.
  const median = rounds.slice(1).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  const verdict = budgetUs === undefined ? "" : median <= budgetUs ? `within ${budgetUs} µs` : `OVER ${budgetUs} µs`;
  console.log(`${name.padEnd(44)}${median.toFixed(3).padStart(8)} µs  ${verdict}`);
}

const metrics = new Metrics();
const series = operationMetrics(metrics).of("orders", "place", "checkout");
let exported = 0;
const exporter = {
  export: (spans: readonly FinishedSpan[]) => {
    exported += spans.length;
  },
};
const tracer = new Tracer({ clock, random, exporter });
const unsampled = new Tracer({ clock, random, sampleRate: 0 });
const parent = tracer.start("POST /orders", "server", undefined).context;

function observed(from: Tracer, root: boolean): void {
  const startedAt = clock.monotonicMs();
  const span = from.start("orders.place", "server", root ? undefined : parent);
  span.set("rpc.service", "orders");
  span.set("rpc.method", "place");
  span.end();
  series.done("ok", (clock.monotonicMs() - startedAt) / 1_000);
}

await measure("bare async call", () => Promise.resolve(1));
await measure("span with two attributes + RED", () => observed(tracer, false), 1.5);
await measure("the same, in a trace that is not kept", () => observed(unsampled, true), 1.5);
tracer.flush();
const calls = COUNT * (ROUNDS + 1);
assert.equal(exported, calls);
assert.ok(metrics.toPrometheus().includes(`outcome="ok"} ${calls * 2}`));
assert.equal(unsampled.recent().length, 0);

const admission = new Admission({ clock, random, eventLoop: promptEventLoop });
await measure("admission", () => admission.enter("normal", Number.POSITIVE_INFINITY)(), 1);
assert.equal(admission.running, 0);

const closed = new Admission({
  clock,
  random,
  eventLoop: promptEventLoop,
  limit: { initial: 0, min: 0 },
});
let refused = 0;
const refuse = (): void => {
  try {
    closed.enter("critical", Number.POSITIVE_INFINITY);
  } catch {
    refused += 1;
  }
};
await measure("refusal", refuse, 2);
assert.equal(refused, calls);

const target = new Outbound({ clock, random, metrics }).target({
  service: "orders",
  operation: "place",
  retry: true,
  criticality: "critical",
});
let arrived = 0;
const attempt = (): Promise<number> => Promise.resolve((arrived += 1));
await measure("outbound guards, with the bare call", () => target.run(Number.POSITIVE_INFINITY, undefined, attempt), 1);
assert.equal(arrived, calls);
