/** Keeps secrets out of logs, spans and event views: what a schema marks `x-secret` is replaced before it gets there. */
import type { Schema } from "./types.ts";

/** What stands in place of a secret. */
export const REDACTED = "[redacted]";

/** Copies a value without its secrets; a value without any is returned as it is. */
export type Redactor = (value: unknown) => unknown;

type Node = Readonly<Record<string, unknown>>;

interface Compiler {
  readonly root: Node;
  /** Redactors of `$ref`s by their text, so that recursive schemas end. */
  readonly refs: Map<string, { redact: Redactor | undefined }>;
}

const compiled = new WeakMap<object, Redactor>();
const same: Redactor = (value) => value;

/**
 * The redactor of a schema, compiled once. It goes by the schema's shape and does not check the value, so it may be
 * given one that does not fit. Where alternatives (`anyOf`) disagree, a field is secret if one of them says so.
 */
export function redactor(schema: Schema): Redactor {
  let found = compiled.get(schema);
  if (found === undefined) {
    // A look at the text spares most schemas, which hold no secret, the walk; and `$ref`s are walked only if need be.
    const marked = JSON.stringify(schema).includes('"x-secret":true');
    found = (marked ? compile(schema as Node, { root: schema as Node, refs: new Map() }) : undefined) ?? same;
    compiled.set(schema, found);
  }
  return found;
}

const secret: Redactor = (value) => (value === null || value === undefined ? value : REDACTED);

/** The redactor of a part, or `undefined` when there is nothing secret in it. */
function compile(node: Node, compiler: Compiler): Redactor | undefined {
  if (node["x-secret"] === true) return secret;
  const steps = [referenced(node, compiler), objectStep(node, compiler), arrayStep(node, compiler)];
  for (const keyword of ["anyOf", "oneOf", "allOf"]) {
    for (const branch of nodes(node[keyword])) steps.push(compile(branch, compiler));
  }
  return sequence(steps);
}

function sequence(steps: readonly (Redactor | undefined)[]): Redactor | undefined {
  const needed = steps.filter((step) => step !== undefined);
  if (needed.length <= 1) return needed[0];
  return (value) => needed.reduce((current, step) => step(current), value);
}

function referenced(node: Node, compiler: Compiler): Redactor | undefined {
  const ref = node["$ref"];
  if (typeof ref !== "string") return undefined;
  const known = compiler.refs.get(ref);
  if (known !== undefined) return (value) => (known.redact ?? same)(value);
  const entry: { redact: Redactor | undefined } = { redact: undefined };
  compiler.refs.set(ref, entry);
  const target = ref === "#" ? compiler.root : definition(compiler.root, ref);
  // What cannot be looked into is treated as secret as a whole.
  entry.redact = target === undefined ? secret : compile(target, compiler);
  return entry.redact;
}

function definition(root: Node, ref: string): Node | undefined {
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(ref)?.[1] ?? ref;
  for (const keyword of ["$defs", "definitions"]) {
    const target = isNode(root[keyword]) ? root[keyword][name] : undefined;
    if (isNode(target)) return target;
  }
  return undefined;
}

function objectStep(node: Node, compiler: Compiler): Redactor | undefined {
  const named = new Map<string, Redactor>();
  for (const [name, property] of entries(node["properties"])) {
    const redact = compile(property, compiler);
    if (redact !== undefined) named.set(name, redact);
  }
  const others = sequence([
    ...entries(node["patternProperties"]).map(([, property]) => compile(property, compiler)),
    isNode(node["additionalProperties"]) ? compile(node["additionalProperties"], compiler) : undefined,
  ]);
  if (named.size === 0 && others === undefined) return undefined;
  const known = new Set(entries(node["properties"]).map(([name]) => name));
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => {
        const redact = named.get(key) ?? (known.has(key) ? undefined : others);
        return [key, redact === undefined ? member : redact(member)];
      }),
    );
  };
}

function arrayStep(node: Node, compiler: Compiler): Redactor | undefined {
  const first = nodes(node["prefixItems"]).map((item) => compile(item, compiler));
  const rest = isNode(node["items"]) ? compile(node["items"], compiler) : undefined;
  if (rest === undefined && first.every((redact) => redact === undefined)) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return value;
    return value.map((item: unknown, index) => ((index < first.length ? first[index] : rest) ?? same)(item));
  };
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nodes(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function entries(value: unknown): readonly (readonly [string, Node])[] {
  if (!isNode(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Node] => isNode(entry[1]));
}
