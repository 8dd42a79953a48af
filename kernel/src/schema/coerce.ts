/** Reads the texts of queries, paths and headers as the numbers and booleans that a schema asks for. */
import type { ObjectSchema } from "./types.ts";

/** What a query string or a path gives: a text for each name, or several when the name was repeated. */
export type Texts = Readonly<Record<string, string | readonly string[]>>;

/** Turns texts into what a schema asks for. Never throws: what does not fit stays as it is. */
export type Coercer = (texts: Texts) => Record<string, unknown>;

type Node = Readonly<Record<string, unknown>>;
/** Reads one text, or gives it back when it is not in the form asked for. */
type ReadText = (text: string) => unknown;
type Read = (value: string | readonly string[]) => unknown;

const compiled = new WeakMap<object, Coercer>();

/**
 * The coercer of an object schema, compiled once. Numbers are read in JSON's form only (`1e3`, not `0x10` or `007`),
 * whole numbers only as far as they are exact, booleans as `true` and `false`; an empty text is null where null is
 * allowed and a text is not. A list takes repeated names, or one value. Whatever cannot be read stays a text, and
 * unknown names stay too, so that the validator names them.
 */
export function coercer(schema: ObjectSchema): Coercer {
  let found = compiled.get(schema);
  if (found === undefined) {
    found = compile(schema);
    compiled.set(schema, found);
  }
  return found;
}

function compile(schema: ObjectSchema): Coercer {
  const reads = new Map<string, Read>();
  for (const [name, property] of Object.entries(schema.properties)) {
    const read = valueReader(property as Node);
    if (read !== undefined) reads.set(name, read);
  }
  return (texts) => {
    const values: Record<string, unknown> = {};
    for (const name of Object.keys(texts)) {
      const text = texts[name] ?? "";
      const read = reads.get(name);
      put(values, name, read === undefined ? text : read(text));
    }
    return values;
  };
}

/** Assigning to `__proto__` would change the prototype; defining it makes a property that the validator refuses. */
function put(values: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") values[name] = value;
  else
    Object.defineProperty(values, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function valueReader(node: Node): Read | undefined {
  const list = alternatives(node).find((branch) => branch["type"] === "array");
  const readText = textReader(node);
  if (list === undefined) {
    if (readText === undefined) return undefined;
    return (value) => (typeof value === "string" ? readText(value) : value);
  }
  const { items } = list;
  const readItem = (isNode(items) ? textReader(items) : undefined) ?? String;
  return (value) => (typeof value === "string" ? [readItem(value)] : value.map((text) => readItem(text)));
}

/** `undefined` when texts are to stay texts. */
function textReader(node: Node): ReadText | undefined {
  const readers: ReadText[] = [];
  for (const branch of alternatives(node)) {
    const reader = branchReader(branch);
    // Where a text is allowed, every text fits: nothing is to be guessed.
    if (reader === "text") return undefined;
    if (reader !== undefined) readers.push(reader);
  }
  if (readers.length <= 1) return readers[0];
  return (text) => {
    for (const read of readers) {
      const value = read(text);
      if (value !== text) return value;
    }
    return text;
  };
}

/** The schemas of which a value may fit any, with lists of types taken apart. */
function alternatives(node: Node): readonly Node[] {
  const branches = node["anyOf"] ?? node["oneOf"];
  if (Array.isArray(branches)) return branches.filter(isNode).flatMap(alternatives);
  const { type } = node;
  return Array.isArray(type) ? type.map((one: unknown) => ({ ...node, type: one })) : [node];
}

function branchReader(branch: Node): ReadText | "text" | undefined {
  switch (branch["type"]) {
    case "string":
      return "text";
    case "integer":
      return readInteger;
    case "number":
      return readNumber;
    case "boolean":
      return readBoolean;
    case "null":
      return readNull;
    default:
      return Array.isArray(branch["enum"]) ? memberReader(branch["enum"]) : undefined;
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUMBER_LENGTH_MAX = 40;

const readNumber: ReadText = (text) => {
  if (text.length > NUMBER_LENGTH_MAX || !NUMBER.test(text)) return text;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
};

const readInteger: ReadText = (text) => {
  const value = readNumber(text);
  // Beyond 2^53 the number would be another one than was sent.
  return typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
};

const readBoolean: ReadText = (text) => (text === "true" ? true : text === "false" ? false : text);

const readNull: ReadText = (text) => (text === "" || text === "null" ? null : text);

function memberReader(members: readonly unknown[]): ReadText | "text" {
  if (members.every((member) => typeof member === "string")) return "text";
  return (text) => members.find((member) => String(member) === text) ?? text;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
