import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { REDACTED, type Schema, redactor, t } from "./mod.ts";

const Password = t.secret(t.text());

void test("a schema without secrets gives the value itself", () => {
  const value = { a: 1, list: [{ b: "c" }] };
  const schema = t.object({ a: t.integer(), list: t.array(t.object({ b: t.text() })) });
  assert.equal(redactor(schema)(value), value);
});

void test("secrets are replaced wherever they are: nested, in lists, unions, records, nullable and optional", () => {
  const schema = t.object({
    plain: t.text(),
    password: Password,
    maybe: t.optional(Password),
    nothing: t.nullable(Password),
    inner: t.object({ token: t.secret(t.object({ a: t.text() })) }),
    list: t.array(t.object({ pin: t.secret(t.integer()), sku: t.text() })),
    either: t.union(t.object({ kind: t.literal("card"), number: Password }), t.object({ kind: t.literal("cash") })),
    keys: t.record(Password),
    codes: t.array(Password),
  });
  const redacted = redactor(schema)({
    plain: "seen",
    password: "hunter2",
    maybe: "hunter3",
    nothing: null,
    inner: { token: { a: "b" } },
    list: [{ pin: 1234, sku: "A" }],
    either: { kind: "card", number: "4111" },
    keys: { a: "b" },
    codes: ["x", "y"],
  });
  assert.deepEqual(redacted, {
    plain: "seen",
    password: REDACTED,
    maybe: REDACTED,
    nothing: null,
    inner: { token: REDACTED },
    list: [{ pin: REDACTED, sku: "A" }],
    either: { kind: "card", number: REDACTED },
    keys: { a: REDACTED },
    codes: [REDACTED, REDACTED],
  });
});

void test("the value that is redacted stays as it was", () => {
  const value = { password: "hunter2" };
  redactor(t.object({ password: Password }))(value);
  assert.equal(value.password, "hunter2");
});

void test("references are followed, also where a schema refers to itself; unknown ones hide what they stand for", () => {
  const tree = {
    $defs: {
      Node: {
        type: "object",
        properties: { key: { "x-secret": true }, next: { $ref: "#/$defs/Node" } },
      },
    },
    $ref: "#/$defs/Node",
  } as Schema;
  const redact = redactor(tree);
  assert.deepEqual(redact({ key: 1, next: { key: 2, next: { key: 3 } } }), {
    key: REDACTED,
    next: { key: REDACTED, next: { key: REDACTED } },
  });
  const unknown = {
    type: "object",
    properties: { a: { $ref: "elsewhere" }, b: { "x-secret": true } },
  } as Schema;
  assert.deepEqual(redactor(unknown)({ a: { b: 1 } }), { a: REDACTED });
});

void test("no secret is seen whatever the value, and nothing throws", () => {
  const schema = t.object({ a: t.array(t.object({ secret: Password })), secret: Password });
  const holder = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.record({ a: fc.array(tie("value")), secret: fc.jsonValue() })),
  })).value;
  fc.assert(
    fc.property(holder, (value) => {
      const redacted = redactor(schema)(value) as {
        secret?: unknown;
        a?: { secret?: unknown }[];
      } | null;
      if (typeof redacted !== "object" || redacted === null || Array.isArray(redacted)) return;
      if (redacted.secret !== undefined && redacted.secret !== null) assert.equal(redacted.secret, REDACTED);
    }),
  );
});
