import assert from "node:assert/strict";
import { test } from "node:test";
import { Invalid } from "../schema/mod.ts";
import { parseObject } from "./body.ts";

const read = (text: string): unknown => parseObject(text, "application/json", "input of a test");

test("half a character is refused where it is; whole ones may be escaped", () => {
  const where = (text: string): string | undefined => {
    try {
      read(text);
    } catch (error) {
      if (Invalid.is(error)) return error.data.issues[0]?.path;
    }
    return undefined;
  };
  assert.equal(where('{"a":[{"b/c":"x\\ud800"}]}'), "/a/0/b~1c");
  assert.equal(where('{"a":{"\\udc00":1}}'), "/a");
  assert.equal(where('{"a":"\\ud83d\\ud83d\\ude00"}'), "/a");
  assert.deepEqual(read('{"a":"\\ud83d\\ude00 \\u0041"}'), { a: "😀 A" });
});
