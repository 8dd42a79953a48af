import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { DEPTH_MAX, canonicalJson, copyJson } from "./json.ts";

void test("a copy is equal and shares nothing", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false } as object), (value) => {
      const copy = copyJson(value);
      // By text: a copy of -0 or of an object without prototype is the same JSON.
      assert.equal(JSON.stringify(copy), JSON.stringify(value));
      if (typeof value === "object" && value !== null) assert.notEqual(copy, value);
    }),
  );
  const value = { list: [{ a: 1 }] };
  const copy = copyJson(value);
  value.list[0] = { a: 2 };
  assert.deepEqual(copy, { list: [{ a: 1 }] });
});

void test("undefined properties are left out", () => {
  assert.deepEqual(Object.keys(copyJson({ a: undefined, b: null })), ["b"]);
});

void test("a key __proto__ stays a key and gives no prototype", () => {
  const copy = copyJson(JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>);
  assert.equal(copy["admin"], undefined);
  assert.deepEqual(Object.keys(copy), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});

void test("a value that is nested too deeply is refused without using up the stack", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level += 1) value = [value];
    return value;
  };
  assert.doesNotThrow(() => copyJson(nested(DEPTH_MAX)));
  assert.throws(() => copyJson(nested(DEPTH_MAX + 1)), RangeError);
  assert.throws(() => copyJson(nested(1_000_000)), RangeError);
});

void test("canonical text does not depend on the order of keys, and reads back as the value", () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, member]) => [key, shuffled(member)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(shuffled(value)), text);
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
  );
});

void test("canonical text tells different values apart", () => {
  const values = [{ a: 1 }, { a: "1" }, { a: [1] }, { a: 1, b: null }, { ab: 1 }, [{ a: 1 }], null, "null", "", [], {}];
  assert.equal(new Set(values.map(canonicalJson)).size, values.length);
  assert.equal(canonicalJson({ a: 1, b: undefined }), canonicalJson({ a: 1 }));
});
