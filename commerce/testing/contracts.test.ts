/** The snapshots of the shop's contracts are those of the contracts, and what is called compatible is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type ContractSnapshot, contractPlan, protoOf } from "@isomer/kernel/contract";
import { readLock, readSnapshots } from "@isomer/kernel/node";
import { grpcMethods } from "@isomer/kernel/node/grpc";
import { systemSnapshots } from "@isomer/kernel/runtime";
import { type Schema, type SchemaData, misfits, pruner, validator } from "@isomer/kernel/schema";
import { shop } from "../system.ts";
import { type Node, valuesOf } from "./schema-samples.ts";

const folder = fileURLToPath(new URL("../contracts/", import.meta.url));

void describe("the shop's contracts", () => {
  test("are as their snapshots say", () => {
    const advice =
      "A contract changed. See what that means: write the new snapshots to another folder or stash the old ones, and run " +
      "`isomer contract diff <old> <new>`. Then `npm run contracts`, and commit what it wrote.";
    assert.deepEqual(systemSnapshots(shop), readSnapshots(folder), advice);
  });

  test("are as their .proto files say, with the numbers of fields that were given", () => {
    const protos = `${folder}proto/`;
    for (const snapshot of systemSnapshots(shop)) {
      const lock = readLock(protos, snapshot.name);
      const written = readFileSync(`${protos}${snapshot.name}.proto`, "utf8");
      const { text, lock: next } = protoOf(snapshot, lock);
      assert.deepEqual(
        { text, lock: next },
        { text: written, lock },
        "Run `npm run contracts`, and commit what it wrote.",
      );
    }
  });

  test("are carried over gRPC as they are: what goes into a message comes out of it", () => {
    const snapshots = new Map(systemSnapshots(shop).map((snapshot) => [snapshot.name, snapshot]));
    let values = 0;
    for (const contract of shop.contracts) {
      for (const { operation, input, output } of grpcMethods(contract, readLock(`${folder}proto/`, contract.name))) {
        const { input: asked = {}, output: answered = {} } = snapshots.get(contract.name)?.operations[operation] ?? {};
        for (const [codec, schema] of [[input, asked] as const, [output, answered] as const]) {
          const check = (sample: unknown): void => {
            values += 1;
            const value: unknown = JSON.parse(JSON.stringify(sample));
            assert.deepEqual(
              codec.read(codec.write(value)),
              asCarried(value, schema as Node),
              contract.name + operation,
            );
          };
          fc.assert(fc.property(valuesOf(schema as Node), check), { numRuns: 5, seed: 7 });
        }
      }
    }
    assert.ok(values > 1_000, String(values));
  });

  test("are compatible with themselves", () => {
    const snapshots = systemSnapshots(shop);
    assert.deepEqual(contractPlan(snapshots, snapshots), {
      verdict: "compatible",
      changes: [],
      precedences: [],
      steps: [],
      circular: [],
    });
  });
});

/** What a message says of a value: optional nulls, and optional lists and records with nothing in them, are absent. */
function asCarried(value: unknown, schema: Node): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => asCarried(item, schema.items ?? {}));
  if (typeof value !== "object") return value;
  const parts = schema.anyOf?.find(({ type }) => type === "object") ?? schema;
  if (parts.properties === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => {
      const own = asCarried(part, parts.properties?.[name] ?? {});
      const isNothing = own === null || (typeof own === "object" && Object.keys(own).length === 0);
      const isList = parts.properties?.[name]?.properties === undefined;
      return isNothing && isList && parts.required?.includes(name) !== true ? [] : [[name, own]];
    }),
  );
}

/** All schemas of the shop: what properties are tried on besides made-up ones. */
const schemas: readonly Node[] = readSnapshots(folder).flatMap(({ operations, events }: ContractSnapshot) => [
  ...Object.values(operations).flatMap(({ input, output }) => [input, output] as Node[]),
  ...Object.values(events).map(({ data }) => data as Node),
]);

type Edit = (node: Node, dice: number) => Node;

const dropped = (node: Node, ...keywords: readonly (keyof Node)[]): Node => {
  const copy: Record<string, unknown> = { ...node };
  for (const keyword of keywords) delete copy[keyword];
  return copy as Node;
};
/** Whether samples of other lengths can be made. */
const isPlain = ({ type, pattern, format }: Node): boolean =>
  type === "string" && pattern === undefined && format === undefined;
const nameOf = ({ properties = {} }: Node, dice: number): string => Object.keys(properties)[dice % 7] ?? "";

/** Changes that people make to schemas, each where it can be made. */
const edits: readonly Edit[] = [
  (node, dice) => ({
    ...node,
    properties: { ...node.properties, [`new${dice % 3}`]: { type: "string", maxLength: 9 } },
  }),
  (node, dice) => ({
    ...node,
    properties: { ...node.properties, added: { type: "integer", minimum: 0, maximum: dice } },
    required: [...(node.required ?? []), "added"],
  }),
  (node, dice) => {
    const { [nameOf(node, dice)]: _, ...properties } = node.properties ?? {};
    return { ...node, properties, required: (node.required ?? []).filter((name) => name !== nameOf(node, dice)) };
  },
  (node, dice) => ({ ...node, required: (node.required ?? []).filter((name) => name !== nameOf(node, dice)) }),
  (node) => ({ ...node, required: Object.keys(node.properties ?? {}) }),
  (node, dice) => ({ ...node, ...(isPlain(node) && { maxLength: (node.maxLength ?? 40) + (dice % 5) - 2 }) }),
  (node, dice) => ({
    ...node,
    ...(isPlain(node) && { minLength: Math.max(0, (node.minLength ?? 0) + (dice % 3) - 1) }),
  }),
  (node, dice) => ({ ...node, maximum: (node.maximum ?? 100) + (dice % 5) - 2 }),
  (node) => dropped(node, "pattern", "format"),
  (node) => dropped(node, "maxItems", "minItems", "uniqueItems"),
  (node, dice) => ({ ...node, maxItems: 1 + (dice % 4) }),
  (node, dice) => ({
    ...node,
    ...(node.enum && { enum: dice % 2 === 0 ? [...node.enum, "new"] : node.enum.slice(1) }),
  }),
  (node) => ({ ...node, ...(node.enum && node.enum.length > 1 && { enum: [...node.enum].toReversed() }) }),
  (node) => ({ anyOf: [node, { type: "null" }] }),
  (node) => node.anyOf?.[0] ?? node,
  (node) => (node.type === "integer" ? { ...node, type: "number" } : node),
  (node, dice) => ({ ...node, type: ["string", "integer", "boolean"][dice % 3] ?? "string" }),
];

/** The schema with one edit somewhere in it. */
function edited(node: Node, dice: number, depth = 0): Node {
  const goDeeper = depth < 4 && dice % 3 !== 0;
  const rest = Math.floor(dice / 3);
  if (goDeeper && node.type === "object" && node.properties !== undefined) {
    const names = Object.keys(node.properties);
    const name = names[rest % Math.max(1, names.length)];
    const part = name === undefined ? undefined : node.properties[name];
    if (name !== undefined && part !== undefined)
      return { ...node, properties: { ...node.properties, [name]: edited(part, rest, depth + 1) } };
  }
  if (goDeeper && node.items !== undefined) return { ...node, items: edited(node.items, rest, depth + 1) };
  if (goDeeper && node.anyOf !== undefined)
    return { ...node, anyOf: node.anyOf.map((branch, at) => (at === 0 ? edited(branch, rest, depth + 1) : branch)) };
  return edits[rest % edits.length]?.(node, Math.floor(rest / edits.length)) ?? node;
}

/** Two versions of one schema, up to three edits apart. */
const versions = fc
  .record({
    schema: fc.constantFrom(...schemas),
    dice: fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 3 }),
  })
  .map(({ schema, dice }) => ({ old: schema, next: dice.reduce((node, number) => edited(node, number), schema) }));

void describe("what is called compatible", () => {
  /** Whether samples of one schema fit the other, where no misfit is found. Counts how often there was none. */
  const holds = (read: (value: unknown, schema: Node) => unknown, strictness: "closed" | "open"): number => {
    let alike = 0;
    fc.assert(
      fc.property(versions, fc.boolean(), fc.nat(), ({ old, next }, forwards, seed) => {
        const [written, taken] = forwards ? [old, next] : [next, old];
        if (misfits(written as SchemaData, taken as SchemaData, strictness).length > 0) return;
        alike += 1;
        const { check } = validator(taken as unknown as Schema, "value");
        for (const value of samples(written, seed)) {
          const seen = read(value, taken);
          assert.ok(check(seen), `${JSON.stringify(value)}\n${JSON.stringify(written)}\n${JSON.stringify(taken)}`);
        }
      }),
      { numRuns: 250 },
    );
    return alike;
  };
  /** Values of a schema; none of one that no value fits. */
  const samples = (schema: Node, seed: number): readonly unknown[] => {
    try {
      return fc.sample(valuesOf(schema), { numRuns: 5, seed });
    } catch {
      return [];
    }
  };

  test("for a callee: what fits the one schema fits the other", () => {
    assert.ok(holds((value) => value, "closed") > 40);
  });

  test("for callers and subscribers: once they left out what they do not know", () => {
    assert.ok(holds((value, schema) => pruner(schema as unknown as Schema)(value), "open") > 40);
  });

  test("nearly all that is not compatible has a value that shows it", () => {
    // Being careful is right, crying wolf is not: of the misfits that are found, samples show most.
    let [shown, found] = [0, 0];
    for (const { old, next } of fc.sample(versions, { numRuns: 150, seed: 7 })) {
      if (misfits(next as SchemaData, old as SchemaData, "closed").length === 0) continue;
      const { check } = validator(old as unknown as Schema, "value");
      const values = samples(next, 7);
      if (values.length === 0) continue;
      found += 1;
      if (!values.every((value) => check(value))) shown += 1;
    }
    assert.ok(found > 30 && shown / found > 0.5, `${shown} of ${found}`);
  });
});
