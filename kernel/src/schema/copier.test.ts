/** Copies by schema are what copies by hand are, and share nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, copyJson } from "../std/mod.ts";
import { copier, t } from "./mod.ts";

const Line = t.object({ sku: t.text(), quantity: t.integer(), note: t.optional(t.nullable(t.text())) });
const Order = t.object({
  id: t.text(),
  lines: t.array(Line),
  tags: t.array(t.text()),
  address: t.optional(t.object({ city: t.text(), "odd name": t.optional(t.boolean()) })),
  total: t.nullable(t.object({ amount: t.integer() })),
  benefit: t.union(t.object({ kind: t.literal("a") }), t.object({ kind: t.literal("b"), n: t.integer() })),
  labels: t.record(t.text()),
  anything: t.unknown(),
  state: t.oneOf(["open", "closed"]),
});

const line = fc.record(
  { sku: fc.string(), quantity: fc.integer(), note: fc.option(fc.string()) },
  { requiredKeys: ["sku", "quantity"] },
);
const order = fc.record(
  {
    id: fc.string(),
    lines: fc.array(line),
    tags: fc.array(fc.string()),
    address: fc.record({ city: fc.string(), "odd name": fc.boolean() }, { requiredKeys: ["city"] }),
    total: fc.option(fc.record({ amount: fc.integer() })),
    benefit: fc.oneof(fc.constant({ kind: "a" }), fc.record({ kind: fc.constant("b"), n: fc.integer() })),
    labels: fc.dictionary(fc.string(), fc.string()),
    anything: fc.jsonValue(),
    state: fc.constantFrom("open", "closed"),
  },
  { requiredKeys: ["id", "lines", "tags", "total", "benefit", "labels", "anything", "state"] },
);

test("a copy equals what it is of, and shares nothing with it", () => {
  const copy = copier(Order);
  fc.assert(
    fc.property(order, (value) => {
      const made = copy(value);
      assert.equal(canonicalJson(made), canonicalJson(copyJson(value)));
      assert.ok(!shares(made, value));
    }),
  );
});

test("what is undefined is left out, and a prototype is no property", () => {
  const copy = copier(t.object({ a: t.optional(t.text()), b: t.text() }));
  const value = Object.assign(Object.create({ a: undefined }) as object, { b: "x", a: undefined });
  assert.deepEqual(Object.keys(copy(value) as object), ["b"]);
});

function shares(a: unknown, b: unknown): boolean {
  const known = new Set<unknown>();
  const walk = (value: unknown, visit: (object: object) => boolean): boolean =>
    typeof value === "object" && value !== null && (visit(value) || Object.values(value).some((v) => walk(v, visit)));
  walk(b, (object) => {
    known.add(object);
    return false;
  });
  return walk(a, (object) => known.has(object));
}
