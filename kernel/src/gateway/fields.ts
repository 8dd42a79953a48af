/** Fields of an input that arrive as text: in the path, the query, or a header. */
import { Invalid, type Issue, type Schema } from "../schema/mod.ts";
import { Malformed } from "./faults.ts";

/** A field that may come from a query: whether it is a list, which may be given several times, once for each item. */
export interface QueryField {
  readonly list: boolean;
}

/** Texts by field, before a schema's coercer reads them. */
export type FieldTexts = Record<string, string | string[]>;

/** How many parameters a query may have. */
export const QUERY_PARAMETERS_MAX = 100;

/**
 * How a field is found in a query. @throws {TypeError} when no text can stand for it: an object, or a list of them.
 */
export function queryField(schema: Schema, at: string): QueryField {
  const { type, items } = schema as { type?: unknown; items?: Schema };
  if (type === "object" || (type === "array" && (items as { type?: unknown } | undefined)?.type === "object")) {
    throw new TypeError(`${at} is of objects, so it cannot come from the query: take it from a body, with POST.`);
  }
  return { list: type === "array" };
}

/**
 * Reads a query into texts by field.
 * @throws {Invalid} naming parameters that the operation does not have, or that are given twice.
 * @throws {Malformed} when the percent-encoding is broken.
 */
export function readQuery(
  query: string,
  fields: ReadonlyMap<string, QueryField>,
  texts: FieldTexts,
  what: string,
): void {
  const issues: Issue[] = [];
  let count = 0;
  for (let from = 0; from <= query.length;) {
    let end = query.indexOf("&", from);
    if (end < 0) end = query.length;
    if (end > from) {
      count += 1;
      if (count > QUERY_PARAMETERS_MAX) {
        throw Malformed.with({ what: "query", problem: `has more than ${QUERY_PARAMETERS_MAX} parameters` });
      }
      readParameter(query, from, end, fields, texts, issues);
    }
    from = end + 1;
  }
  if (issues.length > 0) throw Invalid.with({ what, issues: issues.slice(0, 20) });
}

// oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
function readParameter(
  query: string,
  from: number,
  end: number,
  fields: ReadonlyMap<string, QueryField>,
  texts: FieldTexts,
  issues: Issue[],
): void {
  const equals = query.indexOf("=", from);
  const nameEnd = equals < 0 || equals > end ? end : equals;
  const name = decode(query.slice(from, nameEnd), "query");
  const text = decode(query.slice(Math.min(nameEnd + 1, end), end), "query");
  const field = fields.get(name);
  if (field === undefined) {
    issues.push({
      path: pointer(name),
      keyword: "additionalProperties",
      message: "is not a parameter of this operation",
    });
    return;
  }
  const known = texts[name];
  if (known === undefined) texts[name] = text;
  else if (!field.list)
    issues.push({ path: pointer(name), keyword: "uniqueItems", message: "is given more than once" });
  else if (typeof known === "string") texts[name] = [known, text];
  else known.push(text);
}

/** Decodes percent-encoded UTF-8; in a query `+` is a space. @throws {Malformed} when it is broken. */
export function decode(text: string, what: "path" | "query"): string {
  const spaced = what === "query" && text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw Malformed.with({ what, problem: "is not percent-encoded UTF-8" });
  }
}

/** The JSON Pointer of a field (RFC 6901 §3), cut to a length that can be shown. */
export function pointer(name: string): string {
  return `/${name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
