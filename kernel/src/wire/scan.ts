/**
 * Looks through MessagePack before anything is made of it: a few bytes can announce billions of items, or nest a million
 * levels. What passes is a JSON value, within the limits, in well-formed UTF-8, and ends where it should.
 */
import { Malformed } from "./faults.ts";

/** The bounds that a scan keeps. */
export interface ScanLimits {
  readonly depthMax: number;
  readonly itemsMax: number;
}

const EMPTY: Uint8Array = new Uint8Array(0);
const PROTO = [...new TextEncoder().encode("__proto__")];

/** Scans values. Has no state between calls, only room for it. */
export class Scanner {
  readonly #limits: ScanLimits;
  /** How many values are still to come, by level. Those of a map are twice its members. */
  readonly #left: Int32Array;
  readonly #isMap: Uint8Array;
  #bytes: Uint8Array = EMPTY;
  #end = 0;
  #position = 0;
  /** How many members and items the value had that was scanned last, those of all levels together. */
  items = 0;
  /** Where the marked item of the outermost array ended; -1 when there are fewer. */
  markedAt = -1;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
    this.#left = new Int32Array(limits.depthMax + 2);
    this.#isMap = new Uint8Array(limits.depthMax + 2);
  }

  /**
   * Scans one value that fills the bytes from `start` to `end`. `mark` asks where that many items of the outermost array
   * have ended (see {@link markedAt}).
   * @throws {Malformed}
   */
  scan(bytes: Uint8Array, start: number, end: number, mark = -1): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#position = start;
    this.items = 0;
    this.markedAt = -1;
    const left = this.#left;
    const isMap = this.#isMap;
    let depth = 0;
    let marksLeft = mark;
    left[0] = 1;
    isMap[0] = 0;
    while (true) {
      const isKey = isMap[depth] === 1 && (left[depth]! & 1) === 0;
      const count = this.#value(isKey);
      if (count !== 0) {
        depth += 1;
        if (depth > this.#limits.depthMax) throw bad(`nested deeper than ${this.#limits.depthMax} levels`);
        left[depth] = Math.abs(count);
        isMap[depth] = count < 0 ? 1 : 0;
        continue;
      }
      while ((left[depth] = left[depth]! - 1) === 0) {
        if (depth === 1 && (marksLeft -= 1) === 0) this.markedAt = this.#position;
        if (depth === 0) break;
        depth -= 1;
      }
      if (left[0] === 0) break;
      if (depth === 1 && (marksLeft -= 1) === 0) this.markedAt = this.#position;
    }
    if (this.#position !== end) throw bad("bytes after the value");
    this.#bytes = EMPTY;
  }

  /** Passes the head of a value; returns how many values are in it, negative for a map, 0 for what has none. */
  #value(isKey: boolean): number {
    const type = this.#uint(1);
    if (type >= 0xa0 && type <= 0xbf) return this.#text(type & 0x1f, isKey);
    if (isKey && !(type >= 0xd9 && type <= 0xdb)) throw bad("a member's name is not a text");
    if (type <= 0x7f || type >= 0xe0) return 0;
    if (type <= 0x8f) return this.#container(type & 0x0f, true);
    if (type <= 0x9f) return this.#container(type & 0x0f, false);
    switch (type) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0;
      case 0xcc:
      case 0xd0:
        return this.#skip(1);
      case 0xcd:
      case 0xd1:
        return this.#skip(2);
      case 0xce:
      case 0xd2:
        return this.#skip(4);
      case 0xcf:
      case 0xd3:
        return this.#integer64(type === 0xd3);
      case 0xca:
      case 0xcb:
        return this.#float(type === 0xca ? 4 : 8);
      case 0xd9:
        return this.#text(this.#uint(1), isKey);
      case 0xda:
        return this.#text(this.#uint(2), isKey);
      case 0xdb:
        return this.#text(this.#uint(4), isKey);
      case 0xdc:
      case 0xdd:
        return this.#container(this.#uint(type === 0xdc ? 2 : 4), false);
      case 0xde:
      case 0xdf:
        return this.#container(this.#uint(type === 0xde ? 2 : 4), true);
      default:
        throw bad(`a value of type 0x${type.toString(16)}, which JSON does not have`);
    }
  }

  #need(count: number): void {
    if (this.#end - this.#position < count) throw bad("a value that is cut short");
  }

  #skip(count: number): 0 {
    this.#need(count);
    this.#position += count;
    return 0;
  }

  #uint(count: number): number {
    this.#need(count);
    let value = 0;
    for (let n = 0; n < count; n += 1) value = value * 256 + this.#bytes[this.#position++]!;
    return value;
  }

  #container(count: number, isMap: boolean): number {
    const values = isMap ? count * 2 : count;
    this.items += count;
    if (this.items > this.#limits.itemsMax) throw bad(`more than ${this.#limits.itemsMax} members and items`);
    this.#need(values);
    return isMap ? -values : values;
  }

  /** Whole numbers beyond 2^53 are not what they look like in JSON. */
  #integer64(isSigned: boolean): 0 {
    const high = this.#uint(4);
    const low = this.#uint(4);
    const value = (isSigned && high >= 2 ** 31 ? high - 2 ** 32 : high) * 2 ** 32 + low;
    if (!Number.isSafeInteger(value)) throw bad("a whole number beyond 2^53");
    return 0;
  }

  #float(size: 4 | 8): 0 {
    const at = this.#position;
    this.#skip(size);
    const bytes = this.#bytes;
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const isSpecial = (first & 0x7f) === 0x7f && (size === 8 ? (second & 0xf0) === 0xf0 : (second & 0x80) === 0x80);
    if (isSpecial) throw bad("a number that is not finite");
    if (first === 0x80 && bytes.subarray(at + 1, at + size).every((byte) => byte === 0)) throw bad("a negative zero");
    return 0;
  }

  #text(length: number, isKey: boolean): 0 {
    this.#need(length);
    const bytes = this.#bytes;
    const start = this.#position;
    const end = start + length;
    let at = start;
    while (at < end && bytes[at]! < 0x80) at += 1;
    while (at < end) at = afterCharacter(bytes, at, end);
    this.#position = end;
    if (isKey && length === 9 && PROTO.every((byte, n) => bytes[start + n] === byte))
      throw bad("a member named __proto__");
    return 0;
  }
}

function bad(reason: string): Error {
  return Malformed.with({ reason });
}

/** Where the next character begins. https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf, table 3-7 */
function afterCharacter(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return at + 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const second = bytes[at + 1]!;
  const isWrong =
    first < 0xc2 ||
    first > 0xf4 ||
    at + length > end ||
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f);
  if (isWrong) throw bad("a text that is not well-formed Unicode");
  for (let n = 1; n < length; n += 1)
    if ((bytes[at + n]! & 0xc0) !== 0x80) throw bad("a text that is not well-formed Unicode");
  return at + length;
}
