import assert from "node:assert/strict";
import { test } from "node:test";
import { rowMaker } from "./rows.ts";

void test("rows have their columns as properties, whatever these are called", () => {
  const columns = ["id", "count(*)", 'a "quoted"\\\n name', "__proto__", "constructor"];
  const row = rowMaker(columns)(["x", 1, null, "p", "c"]);
  assert.deepEqual(Object.entries(row), [
    ["id", "x"],
    ["count(*)", 1],
    ['a "quoted"\\\n name', null],
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
});

void test("of columns with one name the last counts", () => {
  assert.deepEqual(rowMaker(["a", "a"])([1, 2]), { a: 2 });
});

void test("columns without a name are left out", () => {
  assert.deepEqual(rowMaker(["a", undefined, "b"])([1, 2, 3]), { a: 1, b: 3 });
  assert.deepEqual(rowMaker(["a", undefined])([1, 2]), { a: 1 });
});
