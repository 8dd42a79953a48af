import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "../std/mod.ts";
import { ISSUES_MAX, Invalid, type InvalidData, type Schema, t, validator } from "./mod.ts";

function issuesOf(schema: Schema, value: unknown): InvalidData["issues"] {
  try {
    validator(schema, "input of test").parse(value);
  } catch (error) {
    if (Invalid.is(error)) return error.data.issues;
    throw error;
  }
  return [];
}

const Line = t.object({
  sku: t.text({ minLength: 1, maxLength: 20 }),
  quantity: t.integer({ minimum: 1, maximum: 99 }),
});
const Order = t.object({
  id: t.id(),
  at: t.instant(),
  lines: t.array(Line, { minItems: 1, maxItems: 5 }),
  note: t.optional(t.text()),
  gift: t.nullable(t.text()),
  channel: t.oneOf(["web", "shop"]),
  express: t.optional(t.boolean()),
});
const good = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  at: "2026-03-01T10:00:00.000Z",
  lines: [{ sku: "A", quantity: 2 }],
  gift: null,
  channel: "web",
};

void test("what fits is copied, and the copy shares nothing", () => {
  const parsed = validator(Order, "order").parse(good);
  assert.deepEqual(parsed, good);
  assert.notEqual(parsed.lines, good.lines);
});

void test("each thing that is wrong is named by its place and keyword", () => {
  const cases: [unknown, string, string][] = [
    [null, "", "type"],
    [{ ...good, id: "nonsense" }, "/id", "format"],
    [{ ...good, at: "yesterday" }, "/at", "format"],
    [{ ...good, lines: [] }, "/lines", "minItems"],
    [{ ...good, lines: [{ sku: "A", quantity: 1.5 }] }, "/lines/0/quantity", "type"],
    [{ ...good, lines: [{ sku: "", quantity: 1 }] }, "/lines/0/sku", "minLength"],
    [{ ...good, channel: "fax" }, "/channel", "enum"],
    [{ ...good, extra: 1 }, "", "additionalProperties"],
    [{ ...good, note: "x".repeat(1_001) }, "/note", "maxLength"],
  ];
  for (const [value, path, keyword] of cases) {
    const issues = issuesOf(Order, value);
    assert.ok(
      issues.some((issue) => issue.path === path && issue.keyword === keyword),
      JSON.stringify(issues),
    );
  }
});

void test("the sentence of the fault says what to change", () => {
  assert.throws(() => validator(Order, "input of orders.place").parse({ ...good, channel: "fax" }), {
    code: "kernel/invalid",
    kind: "invalid",
    message: 'The input of orders.place does not fit its schema: /channel must be one of "web", "shop".',
  });
});

void test("of a literal it says which", () => {
  const [issue] = issuesOf(t.object({ version: t.literal(1) }), { version: 2 });
  assert.deepEqual([issue?.path, issue?.message], ["/version", "must be 1"]);
});

void test("the list of issues is bounded, and so is what it quotes", () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}${"x".repeat(5_000)}`, 1]));
  const text = JSON.stringify(issuesOf(Order, many));
  assert.ok(text.length < 10_000);
  assert.ok(
    issuesOf(
      t.array(t.integer()),
      Array.from({ length: 500 }, () => "x"),
    ).length <= ISSUES_MAX,
  );
});

void test("defaults fill in what is missing, and never what was given", () => {
  const schema = t.object({
    size: t.optional(t.integer({ default: 20 })),
    list: t.optional(t.array(t.integer(), {})),
  });
  const given = {};
  assert.deepEqual(validator(schema, "page").parse(given), { size: 20 });
  assert.deepEqual(given, {});
  assert.deepEqual(validator(schema, "page").parse({ size: 5 }), { size: 5 });
});

void test("keys of records are checked, whatever is in them", () => {
  const schema = t.object({ labels: t.record(t.integer()) });
  const parse = (json: string) => validator(schema, "x").parse(JSON.parse(json));
  assert.deepEqual(parse('{"labels":{"a\\nb":1}}'), { labels: { "a\nb": 1 } });
  assert.throws(() => parse('{"labels":{"a\\nb":"text"}}'), { code: "kernel/invalid" });
  assert.throws(() => parse('{"labels":{"__proto__":{"admin":true}}}'), { code: "kernel/invalid" });
  assert.throws(() => parse(`{"labels":{"${"k".repeat(101)}":1}}`), { code: "kernel/invalid" });
});

void test("foreign data keeps no prototype and has a bounded depth", () => {
  const schema = t.object({ data: t.unknown() });
  const parsed = validator(schema, "x").parse(JSON.parse('{"data":{"__proto__":{"admin":true}}}'));
  assert.equal((parsed.data as Record<string, unknown>)["admin"], undefined);
  const deep = `{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assert.deepEqual(issuesOf(schema, JSON.parse(deep)), [
    { path: "", keyword: "depth", message: "is nested too deeply" },
  ]);
});

void test("no value whatever makes a check do anything but pass or raise Invalid", () => {
  const schemas: Schema[] = [Order, t.union(Line, t.text()), t.record(Line), t.unknown(), t.nullable(Order)];
  fc.assert(
    fc.property(
      fc.constantFrom(...schemas),
      fc.jsonValue(),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (schema, a, b) => {
        for (const value of [a, b, { ...good, ...b }]) issuesOf(schema, value);
      },
    ),
  );
});

void test("what passed once passes again unchanged", () => {
  const order = fc.record(
    {
      id: fc.uuid(),
      at: fc
        .date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
        .map((at) => at.toISOString()),
      lines: fc.array(
        fc.record({
          sku: fc.string({ minLength: 1, maxLength: 20 }),
          quantity: fc.integer({ min: 1, max: 99 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      note: fc.string({ maxLength: 500 }),
      gift: fc.option(fc.string()),
      channel: fc.constantFrom("web", "shop"),
      express: fc.boolean(),
    },
    { requiredKeys: ["id", "at", "lines", "gift", "channel"] },
  );
  fc.assert(
    fc.property(order, (value) => {
      const once = validator(Order, "order").parse(value);
      assert.equal(JSON.stringify(validator(Order, "order").parse(once)), JSON.stringify(once));
      assert.equal(canonicalJson(once), canonicalJson(value));
    }),
  );
});

void test("a property that is not known is refused wherever it is, and a known one may be undefined", () => {
  const Part = t.object({ a: t.integer(), b: t.optional(t.text()) });
  const Whole = t.object({
    part: Part,
    list: t.array(Part),
    maybe: t.optional(t.nullable(Part)),
    either: t.union(t.object({ kind: t.literal("x") }), t.object({ kind: t.literal("y"), n: t.integer() })),
    open: t.record(t.integer()),
  });
  const whole = (stray: { readonly at: number }): Record<string, unknown> => {
    let at = 0;
    const object = (known: object): object => ((at += 1) === stray.at ? { ...known, stray: 1 } : known);
    return object({
      part: object({ a: 1, b: undefined }),
      list: [object({ a: 2 }), object({ a: 3, b: "c" })],
      maybe: object({ a: 4 }),
      either: object({ kind: "y", n: 5 }),
      open: { free: 1 },
    }) as Record<string, unknown>;
  };
  const { parse, check } = validator(Whole, "whole");
  assert.deepEqual(parse(whole({ at: 0 })), JSON.parse(JSON.stringify(whole({ at: 0 }))));
  for (let at = 1; at <= 6; at += 1) {
    const value = whole({ at });
    assert.equal(check(value), false, `stray ${at}`);
    assert.throws(() => parse(value), Invalid.is, `stray ${at}`);
    assert.notEqual(issuesOf(Whole, value).length, 0);
  }
  assert.throws(() => parse({ ...whole({ at: 0 }), maybe: undefined, other: undefined }), Invalid.is);
  assert.deepEqual(Object.keys(parse({ ...whole({ at: 0 }), maybe: undefined })), ["part", "list", "either", "open"]);
});
