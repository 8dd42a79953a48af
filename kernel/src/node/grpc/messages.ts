/**
 * JSON as the messages that a contract's .proto defines, and back. A schema and its message are walked side by side, once;
 * what comes of it is applied to each value. Absent stands for optional and for null, as the file says.
 */
import protobuf from "protobufjs";
import type { LockedMessage, ProtoLock } from "../../contract/mod.ts";
import type { SchemaData } from "../../schema/mod.ts";
import { WIRE_LIMITS } from "../../wire/mod.ts";
import { itemsIn } from "./message-bounds.ts";

/** Writes values as a message's bytes, and reads them. */
export interface MessageCodec {
  /** @throws {Unfit} when the message has no place for what is in the value. */
  write(value: unknown): Buffer;
  /** @throws {Unfit} when the bytes are no such message. */
  read(bytes: Uint8Array): unknown;
  /** How many members and items are in the bytes. @throws {Unfit} when they are no such message, or too many. */
  itemsOf(bytes: Uint8Array): number;
}

/** A value does not fit a message, or bytes are none. */
export class Unfit extends Error {
  override readonly name = "Unfit";
}

/** One value: as JSON has it, and as protobufjs has it. Undefined is a value that is left out. */
interface Part {
  write(value: unknown): unknown;
  read(value: unknown): unknown;
}

interface FieldPart {
  /** Its name in JSON, and in protobufjs' objects. */
  readonly property: string;
  readonly name: string;
  readonly part: Part;
  /** What it is read as when the message has none; undefined when JSON has none either. */
  readonly absent: () => unknown;
  /** Whether null is left out, for absence says it. */
  readonly isNullable: boolean;
}

/** The codec of a type, which was made from this schema and this lock. */
export function messageCodec(schema: SchemaData, type: protobuf.Type, lock: ProtoLock): MessageCodec {
  const isWrapped = !hasFields(schema);
  const part = messagePart(isWrapped ? wrapped(schema) : schema, type, lock);
  return {
    write(value) {
      const message = part.write(isWrapped ? { value } : value) as object;
      return Buffer.from(type.encode(message).finish());
    },
    read(bytes) {
      let message: protobuf.Message;
      try {
        message = type.decode(bytes);
      } catch (error) {
        throw new Unfit("the bytes are no such message", { cause: error });
      }
      const value = part.read(message) as { readonly value?: unknown };
      return isWrapped ? value.value : value;
    },
    itemsOf(bytes) {
      const { itemsMax } = WIRE_LIMITS;
      let items: number;
      try {
        items = itemsIn(type, bytes, itemsMax);
      } catch (error) {
        throw new Unfit("the bytes are no such message", { cause: error });
      }
      if (items > itemsMax) throw new Unfit(`it has more than ${itemsMax} members and items`);
      return items;
    },
  };
}

/** The schema of the message that holds what has no fields of its own. */
function wrapped(schema: SchemaData): SchemaData {
  return { type: "object", properties: { value: schema }, required: ["value"] };
}

function messagePart(schema: SchemaData, type: protobuf.Type, lock: ProtoLock): Part {
  const fields = type.fieldsArray.map((field) => fieldPart(schema, field, lock));
  const known = new Set(fields.map(({ property }) => property));
  return {
    write(value) {
      const object = objectIn(value, type.name);
      for (const property of Object.keys(object))
        if (!known.has(property)) throw new Unfit(`${type.name} has no ${property}`);
      const message: Record<string, unknown> = {};
      for (const { name, property, part, isNullable } of fields) {
        const own = object[property];
        if (own !== undefined && !(own === null && isNullable)) message[name] = part.write(own);
      }
      return message;
    },
    read(message) {
      const pairs: [string, unknown][] = [];
      for (const { name, property, part, absent } of fields) {
        const own = Object.hasOwn(message as object, name) ? (message as Record<string, unknown>)[name] : undefined;
        const value = own === undefined || own === null || isNone(own) ? absent() : part.read(own);
        if (value !== undefined) pairs.push([property, value]);
      }
      // Names may be anything, `__proto__` too: this makes each a property of its own.
      return Object.fromEntries(pairs);
    },
  };
}

/** Lists and maps have no presence: an empty one was left out, or was empty. */
function isNone(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  return (prototype === Object.prototype || prototype === null) && Object.keys(value as object).length === 0;
}

function fieldPart(schema: SchemaData, field: protobuf.Field, lock: ProtoLock): FieldPart {
  field.resolve();
  const property = field.jsonName;
  const own = partsOf(schema["properties"])[property] ?? {};
  const required = (schema["required"] ?? []) as readonly string[];
  const common = { property, name: field.name, isNullable: mayBeNull(own) };
  const absentAs = (make: () => unknown): (() => unknown) => (required.includes(property) ? make : () => undefined);
  if (field.map) return { ...common, part: recordPart(own, field, lock), absent: absentAs(() => ({})) };
  if (field.repeated) return { ...common, part: listPart(own, field, lock), absent: absentAs(() => []) };
  const nought = common.isNullable ? null : field.partOf === null ? implicit(field) : undefined;
  return { ...common, part: valuePart(plain(own), field, lock), absent: absentAs(() => nought) };
}

/** What proto3 leaves out of a message because it is nought. */
function implicit({ type, resolvedType }: protobuf.Field): unknown {
  if (resolvedType !== null) return undefined;
  return type === "string" ? "" : type === "bool" ? false : 0;
}

function listPart(schema: SchemaData, field: protobuf.Field, lock: ProtoLock): Part {
  const item = valuePart(plain((schema["items"] ?? {}) as SchemaData), field, lock);
  return {
    write(value) {
      if (!Array.isArray(value)) throw new Unfit(`${field.name} is a list`);
      return value.map((each) => item.write(each));
    },
    read: (value) => (value as readonly unknown[]).map((each) => item.read(each)),
  };
}

function recordPart(schema: SchemaData, field: protobuf.Field, lock: ProtoLock): Part {
  const [values = {}] = Object.values(partsOf(schema["patternProperties"]));
  const part = valuePart(plain(values), field, lock);
  const each = (value: object, apply: (one: unknown) => unknown): unknown =>
    Object.fromEntries(Object.entries(value).map(([key, one]) => [key, apply(one)]));
  return {
    write: (value) => each(objectIn(value, field.name), part.write),
    read: (value) => each(value as object, part.read),
  };
}

/** One value of a field's type, whether the field has one or many. */
function valuePart(schema: SchemaData, { type, resolvedType }: protobuf.Field, lock: ProtoLock): Part {
  if (resolvedType instanceof protobuf.Enum) return enumPart(resolvedType.name, lock.messages[resolvedType.name]);
  if (resolvedType instanceof protobuf.Type)
    return resolvedType.fullName === ".google.protobuf.Value" ? ANY : messagePart(schema, resolvedType, lock);
  const part = SCALARS[type];
  if (part === undefined) throw new TypeError(`Contracts have no fields of the type ${type}.`);
  return part;
}

function enumPart(name: string, locked: LockedMessage | undefined): Part {
  const numbers = new Map(Object.entries(locked?.fields ?? {}).map(([value, { number }]) => [value, number]));
  const values = new Map([...numbers].map(([value, number]) => [number, value]));
  return {
    write(value) {
      const number = numbers.get(value as string);
      if (number === undefined) throw new Unfit(`${name} has no value of that name`);
      return number;
    },
    // A number that nobody here knows is left out: what needs the value says that it is missing.
    read: (value) => values.get(value as number),
  };
}

function scalar(what: string, isOne: (value: unknown) => boolean, read = (value: unknown): unknown => value): Part {
  return {
    write(value) {
      if (!isOne(value)) throw new Unfit(`a value is no ${what}`);
      return value;
    },
    read,
  };
}

const SCALARS: Readonly<Record<string, Part>> = {
  string: scalar("text", (value) => typeof value === "string" && value.isWellFormed()),
  bool: scalar("boolean", (value) => typeof value === "boolean"),
  double: scalar("number", Number.isFinite),
  int64: scalar("whole number", Number.isSafeInteger, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new Unfit("a whole number is greater than 2^53 - 1");
    return number;
  }),
};

/** Any JSON as `google.protobuf.Value`. */
export const ANY: Part = {
  write(value) {
    if (value === null) return { nullValue: 0 };
    if (Array.isArray(value)) return { listValue: { values: value.map(ANY.write) } };
    switch (typeof value) {
      case "string":
        return { stringValue: value };
      case "boolean":
        return { boolValue: value };
      case "number":
        if (Number.isFinite(value)) return { numberValue: value };
        throw new Unfit("a number is none of JSON's");
      case "object":
        return {
          structValue: {
            fields: Object.fromEntries(
              Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, ANY.write(each)]])),
            ),
          },
        };
      default:
        throw new Unfit("a value is none of JSON's");
    }
  },
  read(value) {
    const [[name, held] = ["nullValue", 0]] = Object.entries(value as Readonly<Record<string, unknown>>);
    if (name === "nullValue") return null;
    if (name === "listValue") return ((held as { values?: readonly unknown[] }).values ?? []).map(ANY.read);
    if (typeof held === "number" && !Number.isFinite(held)) throw new Unfit("a number is none of JSON's");
    if (name !== "structValue") return held;
    const { fields = {} } = held as { fields?: Record<string, unknown> };
    return Object.fromEntries(Object.entries(fields).map(([key, each]) => [key, ANY.read(each)]));
  },
};

function objectIn(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Unfit(`${what} is an object`);
}

function partsOf(value: unknown): Readonly<Record<string, SchemaData>> {
  return (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, SchemaData>>;
}

/** Whether a schema's properties are a message's fields; everything else is wrapped. See `contract/protobuf/proto.ts`. */
function hasFields(schema: SchemaData): boolean {
  return schema["type"] === "object" && schema["properties"] !== undefined;
}

function branchesOf(schema: SchemaData): readonly SchemaData[] {
  return Array.isArray(schema["anyOf"]) ? (schema["anyOf"] as readonly SchemaData[]) : [schema];
}

function mayBeNull(schema: SchemaData): boolean {
  return branchesOf(schema).some(({ type }) => type === "null");
}

/** What is there when it is not null. */
function plain(schema: SchemaData): SchemaData {
  const [only = schema, ...others] = branchesOf(schema).filter(({ type }) => type !== "null");
  return others.length === 0 ? only : schema;
}
