/** Bodies: bytes to text to JSON, refused before they cost anything. */
import { Invalid } from "../schema/mod.ts";
import { BodyTooLarge, Malformed, UnsupportedMediaType } from "./faults.ts";
import { pointer } from "./fields.ts";
import { type GatewayRequest, headerOf } from "./request.ts";

/** How deep the arrays and objects of a body may lie in one another. */
export const DEPTH_MAX = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body as text; empty when there is none. @throws {BodyTooLarge}, {@link Malformed} when it is not UTF-8. */
export async function readText(request: GatewayRequest, bytesMax: number): Promise<string> {
  const { body } = request;
  if (body === undefined) return "";
  // Content-Length is known before a single byte is read.
  if (Number(headerOf(request, "content-length") ?? 0) > bytesMax) throw BodyTooLarge.with({ bytesMax });
  const encoding = headerOf(request, "content-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    throw UnsupportedMediaType.with({ expected: "it is, without a Content-Encoding" });
  }
  const bytes = typeof body === "function" ? await body(bytesMax) : body;
  if (bytes.length > bytesMax) throw BodyTooLarge.with({ bytesMax });
  if (typeof bytes === "string") return bytes;
  try {
    return decoder.decode(bytes);
  } catch {
    throw Malformed.with({ what: "body", problem: "is not UTF-8" });
  }
}

/**
 * The JSON object that the body is; an empty one when there is no body.
 * @throws {UnsupportedMediaType} unless it is `application/json`; {@link Malformed} when it is not JSON, or too deep;
 *   {@link Invalid} when it is not an object.
 */
export function parseObject(text: string, contentType: string | undefined, what: string): Record<string, unknown> {
  if (text === "") return {};
  if (!isJsonType(contentType)) throw UnsupportedMediaType.with({ expected: "application/json" });
  if (isTooDeep(text, DEPTH_MAX)) {
    throw Malformed.with({ what: "body", problem: `is nested deeper than ${DEPTH_MAX} levels` });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw Malformed.with({ what: "body", problem: "is not JSON" });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw Invalid.with({ what, issues: [{ path: "", keyword: "type", message: "must be an object" }] });
  }
  // Looking through the value is only worth it when the text may hold the key, plain or with escapes.
  if ((text.includes("__proto__") || text.includes("\\u")) && holdsProto(value)) {
    throw Malformed.with({ what: "body", problem: 'has a property named "__proto__"' });
  }
  // JSON can escape half a character, which UTF-8 cannot: what is stored would not be what was sent (RFC 7493 §2.1).
  if (text.includes("\\u")) {
    const path = brokenTextIn(value, "");
    if (path !== undefined) {
      throw Invalid.with({ what, issues: [{ path, keyword: "unicode", message: "must be whole Unicode characters" }] });
    }
  }
  return value as Record<string, unknown>;
}

/** Whether a `Content-Type` is JSON in UTF-8. */
function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  if (contentType === "application/json") return true;
  const [type, ...parameters] = contentType.toLowerCase().split(";");
  if (type?.trim() !== "application/json") return false;
  return parameters.every((parameter) => {
    const [name, value] = parameter.split("=");
    return name?.trim() !== "charset" || value?.trim().replaceAll('"', "") === "utf-8";
  });
}

const QUOTE = 34;
const BACKSLASH = 92;

/** Counts brackets outside strings, and stops at the first that is too deep: a parser would recurse first. */
export function isTooDeep(text: string, depthMax: number): boolean {
  if (text.length <= depthMax) return false;
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index + 1);
    } else if (code === 91 || code === 123) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (code === 93 || code === 125) {
      depth -= 1;
    }
  }
  return false;
}

function endOfString(text: string, from: number): number {
  let index = from;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index;
    index += code === BACKSLASH ? 2 : 1;
  }
  return index;
}

/** Where a text holds half a surrogate pair, by JSON Pointer; of a property whose name does, where its object is. */
function brokenTextIn(value: unknown, path: string): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return path;
    const found = brokenTextIn(member, path + pointer(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Recurses as deep as {@link DEPTH_MAX} at most. */
function holdsProto(value: object): boolean {
  if (Object.hasOwn(value, "__proto__")) return true;
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null && holdsProto(member)) return true;
  }
  return false;
}
