/**
 * JSON for signed data: strict UTF-8 and no member twice. RFC 8259 leaves open which of two equal names counts, so one
 * reader could check the first and another act on the last.
 */
import type { Json } from "../std/mod.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A JSON object, with nothing known of its members. */
export type JsonObject = { readonly [name: string]: Json };

/** Reads a JSON object from bytes; undefined when they are anything else, or an object has a member twice. */
export function readStrictObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const text = utf8.decode(bytes);
    const value = JSON.parse(text) as Json;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return hasTwins(text) ? undefined : (value as JsonObject);
  } catch {
    return undefined;
  }
}

/** Whether some object has two members of one name. The text must be JSON: then a text before a colon is a name. */
function hasTwins(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = endOfText(text, at);
      const names = open.at(-1);
      if (names !== undefined && isBeforeColon(text, end)) {
        // Escapes are undone first: "sub" and "\u0073ub" are one name.
        const name = JSON.parse(text.slice(at, end)) as string;
        if (names.has(name)) return true;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return false;
}

function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isBeforeColon(text: string, start: number): boolean {
  let at = start;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at += 1;
  return text[at] === ":";
}
