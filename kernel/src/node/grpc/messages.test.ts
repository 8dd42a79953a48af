/** JSON as Protocol Buffers: what a message can say arrives as it was, and what it cannot is refused. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import protobuf from "protobufjs";
import { NO_LOCK, anyone, contract, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { type ObjectSchema, type Schema, t } from "../../schema/mod.ts";
import { type GrpcMethod, Unfit, grpcMethods } from "./mod.ts";

const contractOf = (input: ObjectSchema, output: Schema = t.object({})) =>
  contract("stock", { version: "1.0.0", queries: { ask: query({ input, output, allow: [anyone] }) } });

function methodOf(input: ObjectSchema, output?: Schema): GrpcMethod {
  const stock = contractOf(input, output);
  const [method] = grpcMethods(stock, protoOf(snapshotOf(stock), NO_LOCK).lock);
  return method ?? assert.fail("there is no method");
}

const FIELDS = t.object({
  text: t.text(),
  whole: t.integer(),
  part: t.number(),
  flag: t.boolean(),
  state: t.oneOf(["held", "In-Transit", "in_transit"]),
  lines: t.array(t.object({ sku: t.text(), note: t.optional(t.text()) })),
  labels: t.record(t.text()),
  gift: t.nullable(t.object({ paper: t.text() })),
  anything: t.unknown(),
  either: t.union(t.text(), t.integer(), t.object({ a: t.boolean() })),
  grid: t.array(t.array(t.integer())),
  maybe: t.optional(t.integer()),
  more: t.optional(t.array(t.text())),
});
const FULL = {
  ...{ text: "Zürich \u{1f642} \0", whole: Number.MIN_SAFE_INTEGER, part: -0.1, flag: true, state: "In-Transit" },
  ...{ lines: [{ sku: "a" }, { sku: "", note: "" }], labels: { "": "x", constructor: "y" }, gift: { paper: "gold" } },
  ...{ anything: { list: [1, null, "x", { deep: [true] }], none: null }, either: { a: false }, grid: [[1, 2], []] },
  ...{ maybe: 0, more: ["x"] },
};

void describe("a value in a message", () => {
  const { input } = methodOf(FIELDS);
  const carried = (value: unknown): unknown => input.read(input.write(value));

  test("arrives as it was", () => {
    assert.deepEqual(carried(FULL), FULL);
  });

  test("arrives when it is nought: what is required is there, what is optional is not", () => {
    const { maybe: _, more: __, ...required } = FULL;
    const nought = {
      ...{ text: "", whole: 0, part: 0, flag: false, lines: [], labels: {}, gift: null },
      anything: null,
    };
    const value = { ...required, ...nought, grid: [] };
    assert.deepEqual(carried({ ...value, more: [] }), value);
  });

  test("may have a name that objects have", () => {
    const { labels } = carried({ ...FULL, labels: JSON.parse('{"__proto__":"x"}') as object }) as typeof FULL;
    assert.deepEqual(Object.getPrototypeOf(labels), Object.prototype);
    assert.equal(({} as { x?: unknown }).x, undefined);
  });

  for (const [what, wrong] of Object.entries({
    "has a property more": { extra: 1 },
    "has a part of a whole": { whole: 0.5 },
    "has a number that JSON cannot carry": { whole: 2 ** 53 },
    "is not a number": { part: Number.NaN },
    "has half a character": { text: "\ud800" },
    "is of another type": { flag: "yes" },
    "is no list": { lines: { sku: "a" } },
    "is null where nothing may be": { lines: null },
    "is in a state that nobody knows": { state: "lost" },
  })) {
    test(`is refused when it ${what}`, () => {
      assert.throws(() => input.write({ ...FULL, ...wrong }), Unfit);
    });
  }

  test("that is no object, or a record, is wrapped", () => {
    for (const [schema, value] of [
      [t.array(t.text()), ["a", "b"]],
      [t.integer(), 0],
      [t.record(t.integer()), { a: 1, b: 2 }],
      [t.nullable(t.text()), null],
    ] as const) {
      const { output } = methodOf(t.object({}), schema);
      assert.deepEqual(output.read(output.write(value)), value);
    }
  });
});

void describe("bytes of others", () => {
  const method = methodOf(FIELDS);
  const { root } = protobuf.parse(`
    syntax = "proto3";
    message Newer { string text = 1; int64 whole = 2; int32 state = 5; string later = 99; }
  `);
  const newer = root.lookupType("Newer");

  test("are read as far as this build knows them", () => {
    const read = method.input.read(newer.encode({ text: "x", whole: 3, state: 77, later: "y" }).finish());
    assert.deepEqual(read, {
      ...{ text: "x", whole: 3, part: 0, flag: false, lines: [], labels: {}, gift: null, grid: [] },
    });
  });

  test("that are no message, or hold a number that JSON cannot carry, are refused", () => {
    assert.throws(() => method.input.read(Buffer.from([0x0a, 0xff])), Unfit);
    const great = protobuf.Writer.create().uint32(16).int64("9007199254740993").finish();
    assert.throws(() => method.input.read(great), /greater than 2\^53 - 1/);
  });
});

test("numbers come from the lock, and from nowhere else", () => {
  const before = contractOf(t.object({ sku: t.text() }));
  const { lock } = protoOf(snapshotOf(before), NO_LOCK);
  assert.equal(grpcMethods(before, lock)[0]?.path, "/isomer.stock.v1.Stock/Ask");
  const after = contractOf(t.object({ place: t.text(), sku: t.text() }));
  assert.throws(() => grpcMethods(after, lock), /"stock" do not have the numbers of its lock/);
  assert.throws(() => grpcMethods(before, NO_LOCK), /numbers of its lock/);
});

void describe("the members and items of a message", () => {
  const count = (schema: ObjectSchema, value: unknown): number => {
    const { input } = methodOf(schema);
    return input.itemsOf(input.write(value));
  };

  test("are counted on all levels, before anything is made of them", () => {
    assert.equal(count(t.object({ n: t.integer() }), { n: 7 }), 1);
    assert.equal(count(t.object({ list: t.array(t.text()) }), { list: ["a", "b", ""] }), 3);
    assert.equal(count(t.object({ packed: t.array(t.integer()) }), { packed: [1, 300, -1] }), 1 + 3);
    assert.equal(count(t.object({ packed: t.array(t.number()) }), { packed: [0.5, 1] }), 1 + 2);
    assert.equal(
      count(t.object({ lines: t.array(t.object({ a: t.text() })) }), { lines: [{ a: "x" }, { a: "y" }] }),
      4,
    );
    assert.equal(count(t.object({ by: t.record(t.object({ a: t.text() })) }), { by: { x: { a: "y" } } }), 2);
    // A value, its list, and what is in it: each is a message.
    assert.equal(count(t.object({ any: t.unknown() }), { any: [1, [2], {}] }), 1 + 1 + 3 + 1 + 1 + 1 + 1 + 1);
  });

  test("are bounded: two bytes may become an object", () => {
    const { input } = methodOf(t.object({ lines: t.array(t.object({ a: t.optional(t.text()) })) }));
    const lines = (length: number) => input.write({ lines: Array.from({ length }, () => ({})) });
    assert.equal(input.itemsOf(lines(200_000)), 200_000);
    assert.throws(() => input.itemsOf(lines(200_001)), Unfit);
    assert.throws(() => input.itemsOf(Buffer.of(0x0a, 0x7f)), Unfit);
  });
});
