import { test } from "node:test";
import assert from "node:assert/strict";
import { Invalid, type StandardSchema, type TypeOf, fromStandard, t, validator } from "./mod.ts";

interface Customer {
  name: string;
  age?: number;
}

/** What Zod, Valibot and ArkType give, by hand: an object with a rule that JSON Schema cannot express. */
function customer(validate?: StandardSchema["~standard"]["validate"]): StandardSchema<Customer> {
  const json = () => ({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name"],
    additionalProperties: false,
  });
  const rule = (value: unknown) =>
    (value as Customer).name === "root" ? { issues: [{ message: "must not be root" }] } : { value };
  return {
    "~standard": {
      version: 1,
      vendor: "toy",
      validate: validate ?? rule,
      jsonSchema: { input: json, output: json },
    },
  };
}

void test("a foreign schema is one of ours: typed, checked, and part of others", () => {
  const Customer = fromStandard(customer());
  const typed: TypeOf<typeof Customer> = { name: "Ada", age: 36 };
  const Order = t.object({ customer: Customer, total: t.integer() });
  const parsed = validator(Order, "order").parse({ customer: typed, total: 1 });
  assert.equal(parsed.customer.name, "Ada");
  assert.throws(
    () => validator(Order, "order").parse({ customer: { name: 1 }, total: 1 }),
    /\/customer\/name must be string/,
  );
  assert.throws(
    () => validator(Order, "order").parse({ customer: { name: "a", b: 1 }, total: 1 }),
    (error) => Invalid.is(error),
  );
});

void test("its own rules run after the shape fits", () => {
  const check = validator(fromStandard(customer()), "customer");
  assert.throws(() => check.parse({ name: "root" }), /it must not be root/);
  assert.throws(() => check.parse(null), /must be object/);
});

void test("the document is its JSON Schema without the dialect", () => {
  const text = JSON.stringify(fromStandard(customer(), "output"));
  assert.match(text, /"required":\["name"\]/);
  assert.doesNotMatch(text, /\$schema/);
});

void test("a library that validates asynchronously, or has no JSON Schema for it, is refused", () => {
  const slow = fromStandard(customer(() => Promise.resolve({ value: 1 } as object)));
  assert.throws(() => validator(slow, "x").parse({ name: "a" }), /validates asynchronously/);
  const silent = customer();
  const input = (): never => {
    throw new Error("no way to say a Map");
  };
  const broken: StandardSchema = {
    "~standard": { ...silent["~standard"], jsonSchema: { input, output: input } },
  };
  assert.throws(() => fromStandard(broken), /toy cannot say this schema/);
});
