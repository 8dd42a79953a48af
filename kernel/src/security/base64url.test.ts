import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromBase64Url, toBase64Url } from "./base64url.ts";

void test("texts equal those of Node, and decode to the bytes they came from", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = toBase64Url(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64url"));
      assert.deepEqual(fromBase64Url(text), bytes);
    }),
  );
});

void test("every text that is accepted is the one that encoding makes", () => {
  const characters = fc.constantFrom(..."AQgwBz09-_+/= \n.é".split(""));
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 8 }), (parts) => {
      const bytes = fromBase64Url(parts.join(""));
      if (bytes !== undefined) assert.equal(toBase64Url(bytes), parts.join(""));
    }),
    { numRuns: 2_000 },
  );
});

for (const text of ["A", "AB", "AAB", "AA==", "AA ", " AA", "A\nA", "+A", "/A", "AA.", "ÀA", "AAAAA"]) {
  void test(`${JSON.stringify(text)} is refused`, () => {
    assert.equal(fromBase64Url(text), undefined);
  });
}
