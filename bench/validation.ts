/**
 * What it costs to check and copy a payload of 20 items at a boundary, against passing it as JSON text, which copies and
 * checks nothing, and against `structuredClone`. The answers are compared before anything is timed.
 */
import assert from "node:assert/strict";
import { t, validator } from "@isomer/kernel/schema";

const Money = t.object({ amount: t.integer(), currency: t.text({ minLength: 3, maxLength: 3 }) });
const Line = t.object({
  sku: t.text({ minLength: 1, maxLength: 64 }),
  title: t.text(),
  quantity: t.integer({ minimum: 1, maximum: 999 }),
  price: Money,
  discount: t.optional(Money),
  gift: t.nullable(t.text()),
});
const Order = t.object({
  orderId: t.id(),
  at: t.instant(),
  status: t.oneOf(["open", "placed", "cancelled"]),
  lines: t.array(Line, { minItems: 1, maxItems: 100 }),
  note: t.optional(t.text()),
});

const order = {
  orderId: "0190a9b0-0000-7000-8000-000000000000",
  at: "2026-11-21T05:30:00.000Z",
  status: "placed",
  lines: Array.from({ length: 20 }, (_, index) => ({
    sku: `TENT-${index}-GREEN`,
    title: `A tent for ${index} people`,
    quantity: 1 + index,
    price: { amount: 1_000 + index, currency: "EUR" },
    ...(index % 3 === 0 ? { discount: { amount: 100, currency: "EUR" } } : {}),
    gift: index % 2 === 0 ? null : "For you",
  })),
};

const { parse, check } = validator(Order, "order");
assert.deepEqual(parse(order), order);
assert.notEqual((parse(order) as typeof order).lines[0], order.lines[0], "nothing is shared");
assert.throws(() => parse({ ...order, lines: [{ ...order.lines[0], quantity: 0 }] }), /quantity/);

const ROUNDS = 7;
const TIMES = 20_000;

/** The median processor time of one run, in microseconds. */
function cost(run: () => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let n = 0; n < TIMES; n += 1) run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) rounds.push((user + system) / TIMES);
  }
  return rounds.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

const json = cost(() => JSON.parse(JSON.stringify(order)) as unknown);
for (const [name, run] of [
  ["check", () => check(order)],
  ["check and copy", () => parse(order)],
  ["JSON text and back", undefined],
  ["structuredClone", () => structuredClone(order)],
] as const) {
  const micros = run === undefined ? json : cost(run);
  console.log(`${name.padEnd(22)} ${micros.toFixed(2).padStart(7)} µs  ${(micros / json).toFixed(2)}x of JSON`);
}
