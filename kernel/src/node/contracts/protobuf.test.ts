/** Contracts as Protocol Buffers: read by a parser that is not ours, with numbers that never change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { NO_LOCK, type ProtoLock, anyone, command, contract, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { type ObjectSchema, t } from "../../schema/mod.ts";

const Line = t.object({ sku: t.text(), quantity: t.integer() });
const FIELDS = {
  orderId: t.id(),
  lines: t.array(Line),
  note: t.optional(t.text()),
  gift: t.nullable(t.boolean()),
  state: t.oneOf(["held", "In-Transit", "in_transit"]),
  labels: t.record(t.text()),
  anything: t.unknown(),
  either: t.union(t.text(), t.integer()),
  grid: t.array(t.array(t.integer())),
};

const snapshot = (input: ObjectSchema) =>
  snapshotOf(
    contract("stockRoom", {
      version: "2.1.0",
      commands: { reserve: command({ input, output: t.object({ weight: t.number() }), allow: [anyone] }) },
      queries: { all: query({ input: t.object({}), output: t.array(t.text()), allow: [anyone] }) },
    }),
  );

const numbersOf = (text: string, name: string) =>
  Object.fromEntries(
    Object.values(protobuf.parse(text).root.lookupType(name).fields).map((field) => [field.name, field.id]),
  );

test("is a file that others read", () => {
  const { text } = protoOf(snapshot(t.object(FIELDS)), NO_LOCK);
  const { root } = protobuf.parse(text);
  const service = root.lookupService("isomer.stockroom.v2.StockRoom");
  assert.deepEqual(Object.keys(service.methods), ["All", "Reserve"]);
  const input = root.lookupType("isomer.stockroom.v2.ReserveInput");
  assert.deepEqual(
    Object.values(input.fields).map(({ name, type, repeated }) => [name, type, repeated]),
    [
      ["orderId", "string", false],
      ["lines", "ReserveInputLinesItem", true],
      ["note", "string", false],
      ["gift", "bool", false],
      ["state", "ReserveInputState", false],
      ["labels", "string", false],
      ["anything", "google.protobuf.Value", false],
      ["either", "google.protobuf.Value", false],
      ["grid", "google.protobuf.Value", true],
    ],
  );
  const { values } = root.lookupEnum("isomer.stockroom.v2.ReserveInputState");
  assert.equal(new Set(Object.keys(values)).size, 4, "values that look alike are apart");
  assert.deepEqual(numbersOf(text, "isomer.stockroom.v2.AllOutput"), { value: 1 });
});

test("gives a number once: not again to another field, nor to the same with another type", () => {
  const name = "isomer.stockroom.v2.ReserveInput";
  const texts: string[] = [];
  let lock: ProtoLock = NO_LOCK;
  const { note: _, ...without } = FIELDS;
  for (const fields of [FIELDS, { extra: t.text(), ...without }, { ...without, orderId: t.integer() }, FIELDS]) {
    const made = protoOf(snapshot(t.object(fields)), lock);
    ({ lock } = made);
    texts.push(made.text);
  }
  const [first, second, third, fourth] = texts.map((text) => numbersOf(text, name));
  assert.equal(first?.["note"], 3);
  assert.deepEqual([second?.["extra"], second?.["lines"]], [10, 2], "a new field in front moves none");
  assert.equal(third?.["orderId"], 11);
  assert.deepEqual([fourth?.["orderId"], fourth?.["note"]], [12, 13]);
  assert.match(texts[3] ?? "", /reserved 1, 3, 10, 11;/);
});

test("is the same again with its lock", () => {
  const once = protoOf(snapshot(t.object(FIELDS)), NO_LOCK);
  assert.deepEqual(protoOf(snapshot(t.object(FIELDS)), once.lock), once);
});
