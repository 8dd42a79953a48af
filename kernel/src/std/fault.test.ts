import { test } from "node:test";
import assert from "node:assert/strict";
import { Broken, type FaultData, defineFault, faultFrom, isFault, toFault } from "./fault.ts";

const Short = defineFault<{ sku: string }>({
  code: "inventory/short",
  kind: "conflict",
  message: ({ sku }) => `There is not enough of ${sku}.`,
});

void test("a fault survives the way over the wire and is recognised by its code", () => {
  const sent = JSON.stringify(Short.with({ sku: "A" }));
  const received = faultFrom(JSON.parse(sent) as FaultData);
  assert.ok(Short.is(received));
  assert.equal(received.data.sku, "A");
  assert.equal(received.message, "There is not enough of A.");
  assert.ok(!Broken.is(received));
});

void test("neither stack nor cause leaves the process", () => {
  const text = JSON.stringify(Short.with({ sku: "A" }, { cause: new Error("secret detail") }));
  assert.deepEqual(Object.keys(JSON.parse(text) as object).toSorted(), ["code", "data", "kind", "message"]);
});

void test("a fault of another copy of the kernel is a fault too", () => {
  const foreign = Object.assign(new Error("x"), {
    name: "Fault",
    code: "inventory/short",
    kind: "conflict",
    data: {},
  });
  assert.ok(isFault(foreign));
  assert.ok(Short.is(foreign));
});

void test("what is not a fault becomes Broken and keeps its cause", () => {
  for (const thrown of [new TypeError("bug"), "text", undefined, { code: "a/b", kind: "invalid", name: "Fault" }]) {
    const fault = toFault(thrown);
    assert.ok(Broken.is(fault));
    assert.equal(fault.cause, thrown);
    assert.doesNotMatch(fault.message, /bug|text/);
  }
  const fault = Short.with({ sku: "A" });
  assert.equal(toFault(fault), fault);
});
