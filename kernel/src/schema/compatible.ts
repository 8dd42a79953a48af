/**
 * Which values of one schema do not fit another: what decides whether two builds understand one another. It is careful:
 * where it cannot tell (two patterns, keywords that it does not know), it says that values may not fit.
 */
import { canonicalJson } from "../std/mod.ts";
import type { Schema } from "./types.ts";
import { validator } from "./validator.ts";

/** A JSON Schema as plain data. */
export type SchemaData = Readonly<Record<string, unknown>>;

/** Why values that fit the one schema may not fit the other. */
export interface Misfit {
  /** JSON Pointer to the place, with `*` for items and values of records. */
  readonly path: string;
  /** A clause that goes on from the path: "may be longer than 20". */
  readonly problem: string;
}

/**
 * How the reader takes properties that it does not know: `closed` refuses them, as a service does with its input; `open`
 * leaves them out, as callers do with answers and subscribers with events.
 */
export type Strictness = "closed" | "open";

interface Comparison {
  readonly strictness: Strictness;
  readonly found: Misfit[];
}

const NOTES = ["description", "title", "examples", "default", "writeOnly", "readOnly", "x-secret", "$id", "deprecated"];
/** What a schema of a kind may say so that it is understood; more than this only narrows what it takes. */
const UNDERSTOOD: Readonly<Record<string, readonly string[]>> = {
  anyOf: ["anyOf"],
  values: ["const", "enum", "type"],
  string: ["type", "minLength", "maxLength", "pattern", "format"],
  integer: ["type", "minimum", "maximum"],
  number: ["type", "minimum", "maximum"],
  boolean: ["type"],
  null: ["type"],
  array: ["type", "items", "minItems", "maxItems", "uniqueItems"],
  object: ["type", "properties", "required", "additionalProperties", "patternProperties", "maxProperties"],
};

function kindOf(schema: SchemaData): string {
  if ("anyOf" in schema) return "anyOf";
  if ("const" in schema || "enum" in schema) return "values";
  return String(schema["type"]);
}

/** A keyword of what is read that says more than can be compared. What `written` says more only makes it fit better. */
function strangeIn(read: SchemaData): string | undefined {
  const understood = UNDERSTOOD[kindOf(read)] ?? [];
  return Object.keys(read).find((keyword) => !understood.includes(keyword) && !NOTES.includes(keyword));
}

/** What keeps values that fit `written` from fitting `read`; none when all of them fit. */
export function misfits(written: SchemaData, read: SchemaData, strictness: Strictness): readonly Misfit[] {
  const comparison: Comparison = { strictness, found: [] };
  compare(written, read, "", comparison);
  return comparison.found;
}

function compare(written: SchemaData, read: SchemaData, path: string, to: Comparison): void {
  const add = (problem: string): void => void to.found.push({ path, problem });
  if (canonicalJson(bare(written)) === canonicalJson(bare(read))) return;
  const strange = strangeIn(read);
  if (strange !== undefined) return add(`differs, and "${strange}" of what is read cannot be compared`);
  if (Object.keys(bare(read)).length === 0) return;
  const branches = written["anyOf"];
  if (isList(branches)) {
    for (const branch of branches) compare(branch, read, path, to);
    return;
  }
  const values = valuesOf(written);
  if (values !== undefined) return compareValues(values, read, add);
  if (isList(read["anyOf"])) return compareWithAny(written, read["anyOf"], path, to);
  const taken = valuesOf(read);
  if (taken !== undefined) return add(`may be other than ${listed(taken)}`);
  const [from, into] = [written["type"], read["type"]];
  if (from !== into && !(from === "integer" && into === "number"))
    return add(`may be ${typeof from === "string" ? aType(from) : "anything"}, not only ${aType(String(into))}`);
  if (from === "string") compareTexts(written, read, add);
  else if (from === "integer" || from === "number") compareBounds(written, read, [["minimum", "maximum"]], add);
  else if (from === "array") compareArrays(written, read, path, to);
  else if (from === "object") compareObjects(written, read, path, to);
}

function compareValues(values: readonly unknown[], read: SchemaData, add: (problem: string) => void): void {
  const { check } = validator(read as Schema, "value");
  const unknown = values.filter((value) => !check(value));
  if (unknown.length > 0) add(`may be ${listed(unknown)}`);
}

/** It fits if it fits one of them. If not, and only one has its type, that one says why. */
function compareWithAny(written: SchemaData, branches: readonly SchemaData[], path: string, to: Comparison): void {
  const tried = branches.map((branch) => {
    const attempt: Comparison = { ...to, found: [] };
    compare(written, branch, path, attempt);
    return { branch, found: attempt.found };
  });
  if (tried.some(({ found }) => found.length === 0)) return;
  const alike = tried.filter(({ branch }) => branch["type"] === written["type"]);
  if (alike.length === 1) to.found.push(...(alike[0]?.found ?? []));
  else to.found.push({ path, problem: `may be ${aType(String(written["type"]))} that none of the alternatives takes` });
}

function compareTexts(written: SchemaData, read: SchemaData, add: (problem: string) => void): void {
  compareBounds(written, read, [["minLength", "maxLength"]], add);
  for (const keyword of ["pattern", "format"] as const) {
    const asked = read[keyword];
    if (asked !== undefined && written[keyword] !== asked)
      add(`may be a text that the ${keyword} ${JSON.stringify(asked)} refuses`);
  }
}

const BELOW: Readonly<Record<string, string>> = {
  minimum: "may be less than",
  minLength: "may be shorter than",
  minItems: "may have fewer items than",
};
const ABOVE: Readonly<Record<string, string>> = {
  maximum: "may be more than",
  maxLength: "may be longer than",
  maxItems: "may have more items than",
};

function compareBounds(
  written: SchemaData,
  read: SchemaData,
  keywords: readonly (readonly [string, string])[],
  add: (problem: string) => void,
): void {
  for (const [low, high] of keywords) {
    const [least, most] = [numberOf(read[low]), numberOf(read[high])];
    const floor = low === "minimum" ? Number.NEGATIVE_INFINITY : 0;
    if (least !== undefined && (numberOf(written[low]) ?? floor) < least) add(`${BELOW[low]} ${least}`);
    if (most !== undefined && (numberOf(written[high]) ?? Infinity) > most) add(`${ABOVE[high]} ${most}`);
  }
}

function compareArrays(written: SchemaData, read: SchemaData, path: string, to: Comparison): void {
  const add = (problem: string): void => void to.found.push({ path, problem });
  compareBounds(written, read, [["minItems", "maxItems"]], add);
  const [from, into] = [schemaOf(written["items"]), schemaOf(read["items"])];
  if (read["uniqueItems"] === true && written["uniqueItems"] !== true) add("may have an item twice");
  // Items that are apart may be alike once a reader has left out what it does not know.
  else if (read["uniqueItems"] === true && to.strictness === "open" && !isFlat(from) && !isSame(from, into))
    add("may have items that differ only in what is not known");
  if (numberOf(written["maxItems"]) !== 0) compare(from, into, `${path}/*`, to);
}

function compareObjects(written: SchemaData, read: SchemaData, path: string, to: Comparison): void {
  const add = (problem: string): void => void to.found.push({ path, problem });
  const [from, into] = [partsOf(written), partsOf(read)];
  const required = new Set(namesOf(written["required"]));
  for (const [name, part] of Object.entries(from)) {
    const known = into[name] ?? elsewhereOf(read, name);
    if (known === "refused") {
      if (to.strictness === "closed")
        to.found.push({ path: `${path}/${name}`, problem: "may be there and is not known" });
    } else compare(part, known, `${path}/${name}`, to);
  }
  for (const name of namesOf(read["required"])) {
    if (!required.has(name) && into[name]?.["default"] === undefined)
      to.found.push({ path: `${path}/${name}`, problem: "may be missing" });
  }
  compareOthers(written, read, path, to);
  const most = numberOf(read["maxProperties"]);
  const bound = numberOf(written["maxProperties"]) ?? (isClosed(written) ? Object.keys(from).length : Infinity);
  if (most !== undefined && bound > most) add(`may have more properties than ${most}`);
}

/** Properties that `written` does not name: those of records, or any at all. */
function compareOthers(written: SchemaData, read: SchemaData, path: string, to: Comparison): void {
  const add = (problem: string): void => void to.found.push({ path, problem });
  const [from, into] = [patternsOf(written), patternsOf(read)];
  for (const [pattern, part] of Object.entries(from)) {
    const known = into[pattern];
    if (known !== undefined) compare(part, known, `${path}/*`, to);
    else add(`may have properties of any name that matches ${pattern}`);
  }
  const others = written["additionalProperties"];
  if (others === false) return;
  const taken = read["additionalProperties"];
  const named = Object.keys(partsOf(read)).filter((name) => partsOf(written)[name] === undefined);
  const anyTaken = taken === undefined || taken === true;
  if (to.strictness === "closed" ? !anyTaken : isSchema(taken)) add("may have any other properties");
  else if (named.length > 0) add(`may have ${listed(named)} of any kind`);
  else if (Object.keys(into).length > 0) add("may have any other properties");
}

/** The schema that an unnamed property meets. */
function elsewhereOf(read: SchemaData, name: string): SchemaData | "refused" {
  for (const [pattern, part] of Object.entries(patternsOf(read))) if (new RegExp(pattern).test(name)) return part;
  const { additionalProperties: others } = read;
  if (others === false) return "refused";
  return isSchema(others) ? others : {};
}

/** All values of a schema, where they are few. */
function valuesOf(schema: SchemaData): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  if (Array.isArray(schema["enum"])) return schema["enum"];
  if (schema["type"] === "null") return [null];
  return schema["type"] === "boolean" ? [true, false] : undefined;
}

function bare(schema: SchemaData): SchemaData {
  const rest = { ...schema };
  // A default is filled in by whoever reads; that it changes changes no value's fitting but the missing one's.
  for (const note of NOTES) delete rest[note];
  if (isSchema(rest["items"])) rest["items"] = bare(rest["items"]);
  if (isList(rest["anyOf"])) rest["anyOf"] = rest["anyOf"].map(bare);
  for (const keyword of ["properties", "patternProperties"]) {
    const parts = rest[keyword];
    if (isSchema(parts)) rest[keyword] = Object.fromEntries(Object.entries(parts).map(([n, p]) => [n, kept(p)]));
  }
  if (Array.isArray(rest["required"])) rest["required"] = namesOf(rest["required"]).toSorted(inOrder);
  return rest;
}

/** A property without its notes, except that it has a default: that decides whether it may be missing. */
function kept(part: unknown): unknown {
  if (!isSchema(part)) return part;
  return part["default"] === undefined ? bare(part) : { ...bare(part), default: part["default"] };
}

const isSchema = (value: unknown): value is SchemaData =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is readonly SchemaData[] => Array.isArray(value);
const schemaOf = (value: unknown): SchemaData => (isSchema(value) ? value : {});
const partsOf = (schema: SchemaData): Readonly<Record<string, SchemaData>> =>
  schemaOf(schema["properties"]) as Readonly<Record<string, SchemaData>>;
const patternsOf = (schema: SchemaData): Readonly<Record<string, SchemaData>> =>
  schemaOf(schema["patternProperties"]) as Readonly<Record<string, SchemaData>>;
const namesOf = (value: unknown): readonly string[] => (Array.isArray(value) ? (value as string[]) : []);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const isClosed = (schema: SchemaData): boolean =>
  schema["additionalProperties"] === false && schema["patternProperties"] === undefined;
const isFlat = ({ type }: SchemaData): boolean => typeof type === "string" && type !== "object" && type !== "array";
const isSame = (a: SchemaData, b: SchemaData): boolean => canonicalJson(bare(a)) === canonicalJson(bare(b));
const listed = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(", ");
const aType = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
const inOrder = (a: string, b: string): number => (a < b ? -1 : 1);
