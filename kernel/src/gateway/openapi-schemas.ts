/** Names for the schemas of a document: an object that occurs more than once is written down once. */
import type { Schema } from "../schema/mod.ts";
import { canonicalJson } from "../std/mod.ts";

type Node = Readonly<Record<string, unknown>>;

const PREFIX = "#/components/schemas/";

interface Known {
  readonly node: Node;
  /** What fields call it, the first found first. */
  readonly hint: string;
  uses: number;
  name: string | undefined;
}

/** Counts the schemas first, then replaces those that are used several times by references. */
export class SchemaNames {
  readonly #known = new Map<string, Known>();
  readonly #taken = new Set<string>(["Problem"]);

  /**
   * Counts the objects in a schema, which its `hint` names if nothing better does. All must be counted before the
   * first {@link refer}.
   */
  count(schema: Schema, hint: string): void {
    this.#count(schema as Node, hint);
  }

  /** The schema with references in the place of what has a name. */
  refer(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((item) => this.refer(item));
    if (!isNode(schema)) return schema;
    const known = isNamed(schema) ? this.#known.get(canonicalJson(schema)) : undefined;
    if (known === undefined || known.uses < 2) return this.#inner(schema);
    known.name ??= this.#name(known.hint);
    return { $ref: PREFIX + known.name };
  }

  /** The schemas that have names, in the order of the alphabet. */
  components(): Record<string, unknown> {
    const components: Record<string, unknown> = {};
    // Writing one down may name another: go on until there is none left.
    for (let before = -1; before !== Object.keys(components).length;) {
      before = Object.keys(components).length;
      for (const { name, node } of this.#known.values()) {
        if (name !== undefined) components[name] ??= this.#inner(node);
      }
    }
    return Object.fromEntries(Object.entries(components).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #inner(schema: Node): Node {
    return Object.fromEntries(Object.entries(schema).map(([key, member]) => [key, this.refer(member)]));
  }

  #count(node: unknown, hint: string): void {
    if (Array.isArray(node)) for (const item of node) this.#count(item, hint);
    if (!isNode(node)) return;
    if (isNamed(node)) {
      const key = canonicalJson(node);
      const known = this.#known.get(key);
      if (known !== undefined) {
        known.uses += 1;
        return;
      }
      const { title } = node;
      this.#known.set(key, { node, hint: typeof title === "string" ? title : hint, uses: 1, name: undefined });
    }
    for (const [key, member] of Object.entries(node)) {
      if (key === "properties" && isNode(member)) {
        // The items of a page of products are products.
        for (const [field, schema] of Object.entries(member)) this.#count(schema, field === "items" ? hint : field);
      } else {
        this.#count(member, key === "items" ? singular(hint) : hint);
      }
    }
  }

  #name(hint: string): string {
    const base = capital(hint.replaceAll(/\W/g, ""));
    let name = base;
    for (let number = 2; this.#taken.has(name); number += 1) name = `${base}${number}`;
    this.#taken.add(name);
    return name;
  }
}

/** Only objects with properties are worth a name. */
function isNamed(node: Node): boolean {
  return node["type"] === "object" && isNode(node["properties"]) && Object.keys(node["properties"]).length > 0;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The word with its first letter in upper case. */
export function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** The word for one of what an English plural names, as far as endings tell. */
function singular(word: string): string {
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}
