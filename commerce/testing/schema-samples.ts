/** Values that fit a schema, for fast-check: what suites over every route ask with. */
import fc from "fast-check";
import type { Schema } from "@isomer/kernel/schema";

/** A JSON Schema as the builders of `t` make them. */
export interface Node {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

/** Lists are as short as the schema allows, and a little longer. */
const ITEMS_EXTRA = 2;
/** Texts are not made longer than this, so that a body stays small. */
const LENGTH_MAX = 40;

const arbitraries = new WeakMap<object, fc.Arbitrary<unknown>>();

/** Values that fit the schema. */
export function valuesOf(schema: Schema | Node): fc.Arbitrary<unknown> {
  let values = arbitraries.get(schema);
  if (values === undefined) arbitraries.set(schema, (values = make(schema as Node)));
  return values;
}

function make(node: Node): fc.Arbitrary<unknown> {
  if ("const" in node) return fc.constant(node.const);
  if (node.enum !== undefined) return fc.constantFrom(...node.enum);
  if (node.anyOf !== undefined) return fc.oneof(...node.anyOf.map(valuesOf));
  switch (node.type) {
    case "string":
      return texts(node);
    case "integer":
      return fc.integer({
        min: Math.max(node.minimum ?? 0, -1_000_000),
        max: Math.min(node.maximum ?? 1_000_000, 1_000_000),
      });
    case "number":
      return fc.integer({ min: node.minimum ?? 0, max: node.maximum ?? 1_000 });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return lists(node);
    case "object":
      return objects(node);
    default:
      return fc.constantFrom(null, 1, "anything", { a: [true] });
  }
}

function texts({ format, pattern, minLength = 0, maxLength = LENGTH_MAX }: Node): fc.Arbitrary<unknown> {
  if (format === "uuid") return fc.uuid();
  if (format === "date-time")
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
  if (format === "email") return fc.stringMatching(/^[a-z]{3,12}$/).map((name) => `${name}@example.com`);
  const fits = (text: string): boolean => text.length >= minLength && text.length <= maxLength;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { size: "small" }).filter(fits);
  return fc.string({
    unit: "grapheme-ascii",
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, LENGTH_MAX)),
  });
}

function lists({ items = {}, minItems = 0, maxItems = 1_000, uniqueItems }: Node): fc.Arbitrary<unknown> {
  const size = { minLength: minItems, maxLength: Math.min(maxItems, minItems + ITEMS_EXTRA) };
  return uniqueItems === true ? fc.uniqueArray(valuesOf(items), size) : fc.array(valuesOf(items), size);
}

function objects({ properties, required = [], patternProperties }: Node): fc.Arbitrary<unknown> {
  if (properties === undefined || Object.keys(properties).length === 0) {
    const [values = {}] = Object.values(patternProperties ?? {});
    return patternProperties === undefined
      ? fc.constant({})
      : fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valuesOf(values), { maxKeys: 2 });
  }
  const model = Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, valuesOf(node)]));
  return fc.record(model, { requiredKeys: [...required], noNullPrototype: true });
}

const samples = new WeakMap<object, Map<number, unknown>>();

/** One value that fits the schema: the same for the same seed, and its caller's own. */
export function sampleOf(schema: Schema | Node, seed = 1): unknown {
  let bySeed = samples.get(schema);
  if (bySeed === undefined) samples.set(schema, (bySeed = new Map()));
  if (!bySeed.has(seed)) bySeed.set(seed, fc.sample(valuesOf(schema), { numRuns: 1, seed })[0]);
  return structuredClone(bySeed.get(seed));
}
