import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { coercer, t, validator } from "./mod.ts";

const Query = t.object({
  page: t.optional(t.integer()),
  price: t.optional(t.number()),
  inStock: t.optional(t.boolean()),
  sku: t.optional(t.text()),
  sort: t.optional(t.oneOf(["name", "price"])),
  ids: t.optional(t.array(t.integer())),
  tags: t.optional(t.array(t.text())),
  parent: t.optional(t.nullable(t.integer())),
  title: t.optional(t.nullable(t.text())),
  either: t.optional(t.union(t.integer(), t.boolean())),
  loose: t.optional(t.union(t.integer(), t.text())),
  exact: t.optional(t.literal(5)),
});
const read = coercer(Query);

void test("texts become what the schema asks for", () => {
  assert.deepEqual(
    read({
      page: "2",
      price: "9.5e1",
      inStock: "false",
      sku: "007",
      sort: "name",
      ids: ["1", "2"],
      tags: "a,b",
    }),
    { page: 2, price: 95, inStock: false, sku: "007", sort: "name", ids: [1, 2], tags: ["a,b"] },
  );
  assert.deepEqual(read({ parent: "", title: "", either: "true", loose: "12", exact: "5", ids: "3" }), {
    parent: null,
    title: "",
    either: true,
    loose: "12",
    exact: 5,
    ids: [3],
  });
});

void test("what cannot be read stays a text, and the validator names it", () => {
  for (const text of [
    "",
    " 1",
    "1 ",
    "0x10",
    "007",
    "1_000",
    "+1",
    "Infinity",
    "NaN",
    "1e999",
    "٣",
    "9007199254740993",
  ]) {
    assert.deepEqual(read({ page: text }), { page: text });
    assert.throws(() => validator(Query, "query").parse(read({ page: text })), /\/page must be integer/);
  }
  assert.deepEqual(read({ inStock: "yes", page: ["1", "2"], unknown: "x" }), {
    inStock: "yes",
    page: ["1", "2"],
    unknown: "x",
  });
});

void test("a name __proto__ does not reach the prototype", () => {
  const values = read(JSON.parse('{"__proto__":"x"}') as Record<string, string>);
  assert.equal(Object.getPrototypeOf(values), Object.prototype);
  assert.deepEqual(Object.keys(values), ["__proto__"]);
});

void test("numbers and booleans read back as what they were", () => {
  const values = fc.record({
    page: fc.maxSafeInteger(),
    price: fc.double({ noNaN: true, noDefaultInfinity: true }),
    inStock: fc.boolean(),
  });
  fc.assert(
    fc.property(values, ({ page, price, inStock }) => {
      const texts = { page: String(page), price: String(price), inStock: String(inStock) };
      assert.deepEqual(read(texts), { page, price: Number(String(price)), inStock });
    }),
  );
});

void test("no texts whatever make it throw", () => {
  const names = fc.oneof(fc.constantFrom(...Object.keys(Query.properties)), fc.string());
  fc.assert(
    fc.property(fc.dictionary(names, fc.oneof(fc.string(), fc.array(fc.string()))), (texts) => {
      assert.deepEqual(Object.keys(read(texts)), Object.keys(texts));
    }),
  );
});
