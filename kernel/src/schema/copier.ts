/**
 * Copies of values by their schema. A value that fits its schema has known properties, so its copy needs no listing of
 * keys: the code for it is made once, as the checks of TypeBox are.
 */
import { copyJson } from "../std/mod.ts";
import type { Schema } from "./types.ts";

/** Copies a value that fits the schema; nothing is shared. Properties that are undefined are left out. */
export type Copier = (value: unknown) => unknown;

interface JsonSchema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly patternProperties?: unknown;
  readonly items?: unknown;
  readonly prefixItems?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
}

const PLAIN = new Set(["string", "number", "integer", "boolean", "null"]);

/** Makes the copier of a schema; it throws {@link STRAY} at a property that a closed object does not have. */
export function copier(schema: Schema): Copier {
  const program = new Program();
  const entry = program.copierOf(schema);
  if (entry === undefined) return (value) => value;
  // oxlint-disable-next-line typescript/no-implied-eval -- Made of the schema's own names, quoted; never of a value.
  const make = new Function("copyJson", "refuseStray", `"use strict";\n${program.source}\nreturn ${entry};`);
  return (make as (copy: typeof copyJson, refuse: typeof refuseStray) => Copier)(copyJson, refuseStray);
}

/** Thrown by copiers at a property that a closed object does not have. */
export const STRAY: unique symbol = Symbol("a property that the schema does not have");

function refuseStray(value: object, known: ReadonlySet<string>): void {
  // oxlint-disable-next-line typescript/only-throw-error -- It is caught by who calls the copier, who says what is wrong.
  for (const name of Object.getOwnPropertyNames(value)) if (!known.has(name)) throw STRAY;
}

/** With these around, a schema means more than its parts do. */
const ENTANGLED = /"(?:unevaluated\w+|allOf|oneOf|not|if|\$\w*[rR]ef)":/;

/**
 * The schema without `additionalProperties: false` where its copier looks for strays itself: the checks of TypeBox hold
 * a regular expression against each name of an object, which costs as much as all else that they do.
 */
export function withoutClosing(schema: Schema): Schema {
  return ENTANGLED.test(JSON.stringify(schema)) ? schema : (opened(schema) as Schema);
}

function opened(schema: JsonSchema): JsonSchema {
  if (isPlain(schema)) return schema;
  if (schema.anyOf !== undefined) {
    const others = schema.anyOf.filter((branch) => !isPlain(branch));
    if (others.length !== 1) return schema;
    return changed(schema, { anyOf: schema.anyOf.map((branch) => (isPlain(branch) ? branch : opened(branch))) });
  }
  if (schema.type === "array" && isSchema(schema.items) && schema.prefixItems === undefined) {
    return changed(schema, { items: opened(schema.items) });
  }
  if (!isClosedObject(schema)) return schema;
  const properties: Record<string, JsonSchema> = {};
  for (const [name, part] of Object.entries(schema.properties ?? {})) properties[name] = opened(part);
  return changed(schema, { properties, additionalProperties: undefined });
}

/** A schema with other keywords, and all that TypeBox keeps on it where it does not show. */
function changed(schema: JsonSchema, keywords: JsonSchema): JsonSchema {
  const copy: Record<string, unknown> = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema));
  for (const [name, value] of Object.entries(keywords)) {
    delete copy[name];
    if (value !== undefined) copy[name] = value;
  }
  return copy;
}

class Program {
  source = "";
  #functions = 0;

  /** The name of the function that copies values of a schema; undefined when they are their own copies. */
  copierOf(schema: JsonSchema): string | undefined {
    if (isPlain(schema)) return undefined;
    if (schema.anyOf !== undefined) return this.#union(schema.anyOf);
    if (schema.type === "array" && isSchema(schema.items) && schema.prefixItems === undefined) {
      return this.#array(schema.items);
    }
    if (isClosedObject(schema)) return this.#object(schema.properties ?? {}, new Set(schema.required));
    return "copyJson";
  }

  #union(branches: readonly JsonSchema[]): string | undefined {
    const others = branches.filter((branch) => !isPlain(branch));
    const [only] = others;
    if (only === undefined) return undefined;
    if (others.length > 1) return "copyJson";
    const inner = this.copierOf(only);
    if (inner === undefined || inner === "copyJson") return inner;
    return this.#define(`return typeof v !== "object" || v === null ? v : ${inner}(v);`);
  }

  #array(items: JsonSchema): string {
    const inner = this.copierOf(items);
    if (inner === undefined) return this.#define("return v.slice();");
    return this.#define(
      `const n = v.length; const o = new Array(n); for (let i = 0; i < n; i += 1) o[i] = ${inner}(v[i]); return o;`,
    );
  }

  #object(properties: Readonly<Record<string, JsonSchema>>, required: ReadonlySet<string>): string {
    const always: string[] = [];
    const sometimes: string[] = [];
    for (const [name, schema] of Object.entries(properties)) {
      const key = JSON.stringify(name);
      const inner = this.copierOf(schema);
      const copied = (value: string): string => (inner === undefined ? value : `${inner}(${value})`);
      if (required.has(name)) always.push(`${key}: ${copied(`v[${key}]`)}`);
      else sometimes.push(`const p = v[${key}]; if (p !== undefined) { o[${key}] = ${copied("p")}; n += 1; }`);
    }
    const rest = sometimes.map((statement) => `{ ${statement} }`).join(" ");
    this.#functions += 1;
    const known = `known${this.#functions}`;
    this.source += `const ${known} = new Set(${JSON.stringify(Object.keys(properties))});\n`;
    // To count costs less than to look names up. Too many may only mean that some are there and undefined.
    const count = `let n = ${always.length}; ${rest} for (const k in v) n -= 1; if (n !== 0) refuseStray(v, ${known});`;
    return this.#define(`const o = { ${always.join(", ")} }; ${count} return o;`);
  }

  #define(body: string): string {
    this.#functions += 1;
    const name = `copy${this.#functions}`;
    this.source += `function ${name}(v) { ${body} }\n`;
    return name;
  }
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlain({ type, const: fixed, enum: values }: JsonSchema): boolean {
  if (typeof type === "string") return PLAIN.has(type);
  if (fixed !== undefined) return typeof fixed !== "object";
  return values !== undefined && values.every((value) => typeof value !== "object" || value === null);
}

/** Only objects that refuse unknown properties, and whose names cannot be mistaken for a prototype. */
function isClosedObject({ type, properties, additionalProperties, patternProperties }: JsonSchema): boolean {
  if (type !== "object" || additionalProperties !== false || patternProperties !== undefined) return false;
  return !Object.hasOwn(properties ?? {}, "__proto__");
}
