/** Looks through JSON before anything is made of it: what becomes of a body of brackets is bounded as on the wire. */
import { DEPTH_MAX } from "../../std/mod.ts";
import { WIRE_LIMITS } from "../../wire/mod.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const SPACE = 0x20;

/**
 * How many members and items a text has, those of all levels together; what it has too much of, where it has. Of what is not
 * JSON it says something, and the parser says no.
 */
export function itemsOf(text: Uint8Array): number | string {
  let [items, depth] = [0, 0];
  let isEmpty = false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at]!;
    if (byte <= SPACE) continue;
    // Brackets differ from braces by one bit.
    const kind = byte | 0x20;
    if (kind === 0x7b) {
      depth += 1;
      items += 1;
      if (depth > DEPTH_MAX) return `is nested deeper than ${DEPTH_MAX} levels`;
    } else if (kind === 0x7d) {
      depth -= 1;
      if (isEmpty) items -= 1;
    } else if (byte === COMMA) {
      items += 1;
      if (items > WIRE_LIMITS.itemsMax) return `has more than ${WIRE_LIMITS.itemsMax} members and items`;
    } else if (byte === QUOTE) {
      at = endOfText(text, at + 1);
    }
    isEmpty = kind === 0x7b;
  }
  return items;
}

function endOfText(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
  return at;
}
