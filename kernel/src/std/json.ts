/** JSON values: what contracts carry. */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How deep a value may be nested. */
export const DEPTH_MAX = 200;

/**
 * Copies a JSON value deeply, so that nothing is shared between caller and callee. Properties that are
 * undefined are left out, as JSON leaves them out.
 * @throws {RangeError} when it is nested deeper than {@link DEPTH_MAX}.
 */
export function copyJson<T>(value: T): T {
  return copy(value, DEPTH_MAX) as T;
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) throw new RangeError(`The value is nested deeper than ${DEPTH_MAX} levels.`);
  if (Array.isArray(value)) {
    const items: unknown[] = Array.from({ length: value.length });
    for (let index = 0; index < value.length; index += 1) items[index] = copy(value[index], depth - 1);
    return items;
  }
  const members: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    // Assigning to __proto__ would give the copy another prototype.
    if (key === "__proto__") define(members, key, copy(member, depth - 1));
    else members[key] = copy(member, depth - 1);
  }
  return members;
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** JSON text with the keys of every object in order, so that equal values give equal text. Used for fingerprints. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${canonicalJson(item)}`;
    return `[${text}]`;
  }
  // By units of UTF-16, as `<` compares. Added up piece by piece: each command that is recorded passes here.
  for (const key of Object.keys(value).toSorted()) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (member === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}
