/** Leaves out what a schema does not know: how an older build reads what a newer one wrote. */
import type { SchemaData } from "./compatible.ts";
import type { Schema } from "./types.ts";
import { validator } from "./validator.ts";

/** Leaves out the properties that closed objects do not have. A value without any is returned as it is. */
export type Pruner = (value: unknown) => unknown;

const made = new WeakMap<object, Pruner>();
const same: Pruner = (value) => value;

/** The pruner of a schema, made once. It does not check: what does not fit is returned, and does not fit still. */
export function pruner(schema: Schema): Pruner {
  let found = made.get(schema);
  if (found === undefined) made.set(schema, (found = make(schema as SchemaData) ?? same));
  return found;
}

/** The pruner of a part, or `undefined` where there is nothing to leave out. */
function make(schema: SchemaData): Pruner | undefined {
  const { type, anyOf, items, properties, additionalProperties, patternProperties } = schema;
  if (Array.isArray(anyOf)) return alternatives(anyOf as SchemaData[]);
  if (type === "array") return typeof items === "object" && items !== null ? list(items as SchemaData) : undefined;
  if (type !== "object") return undefined;
  const [values] = Object.values((patternProperties ?? {}) as Record<string, SchemaData>);
  if (values !== undefined) return record(values);
  return object((properties ?? {}) as Record<string, SchemaData>, additionalProperties === false);
}

function alternatives(branches: readonly SchemaData[]): Pruner | undefined {
  const pruners = branches.map((branch) => ({ branch, prune: make(branch) }));
  const [only, ...more] = pruners.filter(({ prune }) => prune !== undefined);
  if (only === undefined) return undefined;
  if (more.length === 0) return only.prune;
  return (value) => {
    for (const { branch, prune = same } of pruners) {
      const pruned = prune(value);
      if (validator(branch as Schema, "alternative").check(pruned)) return pruned;
    }
    return value;
  };
}

function list(items: SchemaData): Pruner | undefined {
  const prune = make(items);
  if (prune === undefined) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return value;
    const pruned = value.map(prune);
    return pruned.some((item, at) => item !== value[at]) ? pruned : value;
  };
}

function record(values: SchemaData): Pruner | undefined {
  const prune = make(values);
  return prune && ((value) => (isObject(value) ? changed(value, () => prune) : value));
}

function object(properties: Readonly<Record<string, SchemaData>>, isClosed: boolean): Pruner {
  const known = new Map(Object.entries(properties).map(([name, part]) => [name, make(part) ?? same]));
  const others = isClosed ? undefined : same;
  return (value) => (isObject(value) ? changed(value, (name) => known.get(name) ?? others) : value);
}

/** The object with its properties pruned, those without a pruner left out; itself when nothing changes. */
function changed(value: Readonly<Record<string, unknown>>, prunerOf: (name: string) => Pruner | undefined): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const prune = prunerOf(name);
    const part = prune?.(value[name]);
    if (prune !== undefined && part === value[name]) continue;
    copy ??= { ...value };
    if (prune === undefined) delete copy[name];
    else copy[name] = part;
  }
  return copy ?? value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
