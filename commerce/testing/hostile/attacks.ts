/** Attacks on one operation, made from its contract: each is a request with what should come of it. */
import assert from "node:assert/strict";
import { type Schema, coercer, validator } from "@isomer/kernel/schema";
import type { Answer } from "../client.ts";
import { inputFor, requestFor } from "../matrix/requests.ts";
import type { HttpOperation } from "../operations.ts";
import type { Node } from "../schema-samples.ts";
import type { RawRequest } from "./raw.ts";
import { BAD_IDS, NUMBER_TEXTS, WRONG_VALUES } from "./values.ts";

/** A request, and what should come of it. Whatever else is said: never a 5xx, always a problem. */
export interface Attack {
  readonly what: string;
  readonly request: RawRequest;
  readonly expect: (answer: Answer) => void;
}

const MIB = 2 ** 20;

const code =
  (status: number, ...codes: readonly string[]) =>
  ({ status: got, body }: Answer): void => {
    assert.equal(got, status, JSON.stringify(body).slice(0, 300));
    assert.ok(codes.includes(body.code), `${body.code} is not ${codes.join(" or ")}`);
  };

/** The answer says that the input does not fit, and names the field: by its path, or where it is missing by its name. */
const names =
  (field: string) =>
  ({ status, body }: Answer): void => {
    assert.equal(status, 400, JSON.stringify(body).slice(0, 300));
    assert.equal(body.code, "kernel/invalid", JSON.stringify(body).slice(0, 300));
    const errors = body.errors as { path: string; message: string }[];
    const isNamed = errors.some(
      ({ path, message }) => path.startsWith(`/${field}`) || message.includes(JSON.stringify(field)),
    );
    assert.ok(isNamed, `${field} is not named: ${JSON.stringify(errors).slice(0, 300)}`);
  };

/** A request that would be taken, to spoil in one place. */
export function goodRequest(operation: HttpOperation, credentials: Readonly<Record<string, string>>): RawRequest {
  const { method, path, ask } = requestFor(operation, inputFor(operation, {}));
  const headers: Record<string, string> = { ...credentials, ...ask.headers };
  if (ask.raw !== undefined)
    return { method, path, headers: { ...headers, "content-type": "application/json" }, body: ask.raw };
  if (ask.body === undefined) return { method, path, headers };
  return { method, path, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(ask.body) };
}

/** All attacks on an operation that must be refused before anything is done. */
export function attacksOn(operation: HttpOperation, credentials: Readonly<Record<string, string>>): Attack[] {
  const good = goodRequest(operation, credentials);
  return [
    ...(operation.takesJson ? [...bodyAttacks(operation, good), ...fieldAttacks(operation, good)] : []),
    ...(operation.binding.rawBody === undefined ? [] : [tooLarge(operation, good, 413)]),
    ...(operation.takesJson || operation.binding.rawBody !== undefined ? [] : queryAttacks(operation, good)),
    ...pathAttacks(operation, good),
    ...headerAttacks(operation, good),
  ];
}

function tooLarge({ binding }: HttpOperation, good: RawRequest, status: number): Attack {
  const limit = binding.bodyBytesMax ?? MIB;
  const body = `{"x":"${"a".repeat(limit)}"}`.slice(0, limit + 1);
  return {
    what: "a body of one byte too many",
    request: { ...good, body },
    expect: code(status, "gateway/body-too-large"),
  };
}

function bodyAttacks(operation: HttpOperation, good: RawRequest): Attack[] {
  const malformed = [
    "{",
    '{"a":}',
    "[1,",
    "nul",
    '{"a":1}x',
    "{'a':1}",
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":01}',
    "\ufeff{}",
    '{"a":"\n"}',
  ];
  const others = ["[]", '"text"', "1", "null", "true"];
  const typed = (type: string | undefined): RawRequest => {
    const { "content-type": _, ...headers } = good.headers ?? {};
    return { ...good, headers: type === undefined ? headers : { ...headers, "content-type": type } };
  };
  const types = [
    undefined,
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    ";;",
  ];
  const refused = code(400, "gateway/malformed");
  return [
    ...malformed.map((body) => ({ what: `the body ${body}`, request: { ...good, body }, expect: refused })),
    ...others.map((body) => ({
      what: `the body ${body}`,
      request: { ...good, body },
      expect: code(400, "kernel/invalid"),
    })),
    ...types.map((type) => ({
      what: `the type ${type}`,
      request: typed(type),
      expect: code(415, "gateway/unsupported-media-type"),
    })),
    {
      what: "a coding",
      request: { ...good, headers: { ...good.headers, "content-encoding": "gzip" } },
      expect: code(415, "gateway/unsupported-media-type"),
    },
    {
      what: "bytes that are not UTF-8",
      request: { ...good, body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) },
      expect: refused,
    },
    {
      what: "an overlong encoding",
      request: { ...good, body: Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d]) },
      expect: refused,
    },
    { what: "100,000 brackets", request: { ...good, body: "[".repeat(100_000) }, expect: refused },
    { what: "100,000 objects", request: { ...good, body: '{"a":'.repeat(100_000) }, expect: refused },
    tooLarge(operation, good, 413),
  ];
}

function fieldAttacks(operation: HttpOperation, good: RawRequest): Attack[] {
  const { definition, otherFields } = operation;
  const body = JSON.parse(String(good.body)) as Record<string, unknown>;
  const spoilt = (changed: Record<string, unknown>): RawRequest => ({ ...good, body: textOf({ ...body, ...changed }) });
  const { required = [], properties = {} } = definition.input as unknown as Node;
  const attacks: Attack[] = [];
  for (const field of otherFields) {
    const schema = properties[field] as Node;
    if (required.includes(field)) {
      const { [field]: _, ...rest } = body;
      attacks.push({ what: `no ${field}`, request: { ...good, body: JSON.stringify(rest) }, expect: names(field) });
    }
    for (const value of wrongFor(schema)) {
      attacks.push({
        what: `${field} = ${describe(value)}`,
        request: spoilt({ [field]: value }),
        expect: names(field),
      });
    }
    if (required.includes(field)) {
      const nested = `${"[".repeat(50)}${"]".repeat(50)}`;
      const deep = JSON.stringify({ ...body, [field]: "@deep@" }).replace('"@deep@"', nested);
      attacks.push({
        what: `${field} nested 50 deep`,
        request: { ...good, body: deep },
        expect: code(400, "gateway/malformed"),
      });
    }
  }
  for (const name of ["isAdmin", "subject", "owner_id", "constructor", "toString", "$where", "", "a\r\nb"]) {
    if (!(otherFields as readonly string[]).includes(name)) {
      attacks.push({
        what: `the unknown field ${JSON.stringify(name)}`,
        request: spoilt({ [name]: true }),
        expect: names(name),
      });
    }
  }
  const polluted = [
    `{"__proto__":{"polluted":true}}`,
    `{"\\u005f_proto__":{"polluted":true}}`,
    `{"constructor":{"prototype":{"polluted":true}}}`,
  ];
  for (const text of polluted) {
    attacks.push({
      what: text,
      request: { ...good, body: text },
      expect: code(400, "gateway/malformed", "kernel/invalid"),
    });
  }
  return attacks;
}

/** JSON, with numbers that `JSON.stringify` cannot write. */
function textOf(body: unknown): string {
  return JSON.stringify(body).replaceAll(/"@number:([^"]*)@"/g, "$1");
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

/** Values that do not fit: some of every type, and just past every bound that the schema has. */
export function wrongFor(node: Node): unknown[] {
  const { check } = validator(node as unknown as Schema, "a field");
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, items } = node;
  const candidates: unknown[] = [...WRONG_VALUES];
  if (minimum !== undefined) candidates.push(minimum - 1);
  if (maximum !== undefined) candidates.push(maximum + 1);
  if (minLength !== undefined && minLength > 0) candidates.push("A".repeat(minLength - 1));
  if (maxLength !== undefined && maxLength <= 20_000) candidates.push("A".repeat(maxLength + 1));
  if (minItems !== undefined && minItems > 0) candidates.push([]);
  if (maxItems !== undefined && items !== undefined) candidates.push(Array.from({ length: maxItems + 1 }, () => null));
  return candidates.filter((value) => !check(meant(value)));
}

/** What a value is once it was read: `1e400` is infinite. */
function meant(value: unknown): unknown {
  const number = typeof value === "string" ? /^@number:(.*)@$/.exec(value)?.[1] : undefined;
  return number === undefined ? value : JSON.parse(number);
}

function queryAttacks(operation: HttpOperation, good: RawRequest): Attack[] {
  const { definition, otherFields } = operation;
  const read = coercer(definition.input);
  const with_ = (query: string): RawRequest => ({
    ...good,
    path: `${good.path}${good.path.includes("?") ? "&" : "?"}${query}`,
  });
  const base = good.path.split("?")[0] ?? "";
  const attacks: Attack[] = [
    { what: "an unknown parameter", request: with_("is_admin=true"), expect: names("is_admin") },
    { what: "__proto__", request: with_("__proto__=1"), expect: names("__proto__") },
    { what: "broken percent-encoding", request: with_("a=%zz"), expect: code(400, "gateway/malformed") },
    { what: "bytes that are not UTF-8", request: with_("a=%ff%fe"), expect: code(400, "gateway/malformed") },
    {
      what: "101 parameters",
      request: { ...good, path: `${base}?${"a=1&".repeat(101)}` },
      expect: code(400, "gateway/malformed"),
    },
    { what: "a body", request: { ...good, body: "{}" }, expect: code(400, "gateway/malformed") },
  ];
  for (const field of otherFields) {
    const schema = definition.input.properties[field] as Schema;
    const { check } = validator(schema, "a field");
    const { maxLength = 0, type } = schema as unknown as Node;
    const texts = [...NUMBER_TEXTS, ...(maxLength > 0 && maxLength < 6_000 ? ["A".repeat(maxLength + 1)] : [])];
    for (const text of texts.filter((one) => !check(read({ [field]: one })[field]))) {
      // In place of the good value: twice would be another mistake.
      const others = new URLSearchParams(
        (good.path.split("?")[1] ?? "")
          .split("&")
          .filter((part) => part !== "" && !part.startsWith(`${field}=`))
          .join("&"),
      );
      others.append(field, text);
      attacks.push({
        what: `${field}=${text.slice(0, 40)}`,
        request: { ...good, path: `${base}?${others.toString()}` },
        expect: names(field),
      });
    }
    if (type !== "array") {
      const request = { ...good, path: `${base}?${field}=1&${field}=1` };
      attacks.push({ what: `${field} twice`, request, expect: names(field) });
    }
  }
  return attacks;
}

function pathAttacks(operation: HttpOperation, good: RawRequest): Attack[] {
  const { binding, definition, pathFields } = operation;
  const input = inputFor(operation, {});
  return pathFields.flatMap((field) => {
    const { check } = validator(definition.input.properties[field] as Schema, "a field");
    return BAD_IDS.flatMap((text) => {
      const decoded = decoding(text);
      // Texts that fit are no attack on the schema; those that cannot be read, or lead elsewhere, name no field.
      if (decoded !== undefined && check(decoded)) return [];
      const path = binding.path.replaceAll(/:(\w+)/g, (_, name: string) =>
        name === field ? text : encodeURIComponent(String(input[name])),
      );
      const query = good.path.split("?")[1];
      const request = { ...good, path: query === undefined ? path : `${path}?${query}` };
      const what = `${field} = ${text.slice(0, 40)} in the path`;
      return [{ what, request, expect: decoded === undefined ? code(400, "gateway/malformed") : names(field) }];
    });
  });
}

function decoding(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function headerAttacks({ binding, headerFields, definition }: HttpOperation, good: RawRequest): Attack[] {
  const headed = (name: string, value: string | string[]): RawRequest => ({
    ...good,
    headers: { ...good.headers, [name]: value },
  });
  const attacks: Attack[] = [];
  if (definition.kind === "command") {
    for (const key of ["", "with space", "a".repeat(256), "caf\u00e9", "\t"]) {
      attacks.push({
        what: `the key ${JSON.stringify(key).slice(0, 20)}`,
        request: headed("idempotency-key", key),
        expect: code(400, "gateway/idempotency-key-malformed"),
      });
    }
    attacks.push({
      what: "two keys",
      request: headed("idempotency-key", ["one", "two"]),
      expect: code(400, "gateway/idempotency-key-malformed"),
    });
  }
  if (binding.ifMatch !== undefined) {
    for (const tag of ["*", "1", '"', '"1', '"-1"', '"1.5"', '"x"', '"1", "2"', '"99999999999999999999"', ""]) {
      attacks.push({
        what: `If-Match: ${tag}`,
        request: headed("if-match", tag),
        expect: code(400, "gateway/malformed", "kernel/invalid"),
      });
    }
  }
  for (const field of headerFields) {
    const header = binding.headers?.[field] ?? "";
    const { maxLength } = definition.input.properties[field] as unknown as Node;
    if (maxLength === undefined) continue;
    attacks.push({
      what: `${header} too long`,
      request: headed(header, "a".repeat(maxLength + 1)),
      expect: names(field),
    });
  }
  return attacks;
}
