/** The builders of contract schemas: JSON Schema 2020-12 by TypeBox, with the house's defaults and types. */
import Type, { type Static, type TArray, type TObject, type TProperties, type TSchema } from "typebox";

/** A JSON Schema that carries its TypeScript type. */
export type Schema = TSchema;
/** The TypeScript type of a schema's values. */
export type TypeOf<S extends Schema> = Static<S>;
/** A schema of an object with named properties. */
export type ObjectSchema = TObject;

/** Keys that a schema may carry besides the JSON Schema ones of its type. */
export interface Notes {
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

/** The longest text that a schema accepts when it does not say. Every text has a bound. */
export const TEXT_LENGTH_MAX = 1_000;
/** The longest list that a schema accepts when it does not say. */
export const ITEMS_MAX = 1_000;

interface TextOptions extends Notes {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

interface NumberOptions extends Notes {
  readonly minimum?: number;
  readonly maximum?: number;
}

interface ArrayOptions extends Notes {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

const text = (options: TextOptions = {}) => Type.String({ maxLength: TEXT_LENGTH_MAX, ...options });

const object = <P extends TProperties>(properties: P, notes: Notes = {}): TObject<P> =>
  Type.Object(properties, { ...notes, additionalProperties: false });

const array = <S extends TSchema>(items: S, options: ArrayOptions = {}): TArray<S> =>
  Type.Array(items, { maxItems: ITEMS_MAX, ...options });

const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);

/** One of some texts. */
const oneOf = <const V extends readonly string[]>(values: V, notes: Notes = {}) =>
  Type.Enum<[...V]>([...values], { ...notes });

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);

/** Whole numbers; safe ones unless told otherwise, because JSON cannot carry more. */
const integer = (options: NumberOptions = {}) =>
  Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, ...options });

/**
 * Marks a field as secret: it is redacted in every log, span and event view. The mark is the standard
 * `writeOnly` plus `x-secret`, so that documents of the contract show it too.
 */
const secret = <S extends TSchema>(schema: S): S =>
  // TypeBox keeps its own marks in properties that are not enumerable: a spread would lose them.
  Object.defineProperties({} as S, {
    ...Object.getOwnPropertyDescriptors(schema),
    writeOnly: { value: true, enumerable: true },
    "x-secret": { value: true, enumerable: true },
  });

/** An identifier: a UUID in lower or upper case. */
const id = (notes: Notes = {}) => Type.String({ ...notes, format: "uuid", maxLength: 36 });

/** A moment, as RFC 3339 text. */
const instant = (notes: Notes = {}) => Type.String({ ...notes, format: "date-time", maxLength: 40 });

/** Builders of schemas. Objects refuse unknown properties; texts and lists are bounded. */
export const t = {
  array,
  boolean: (notes: Notes = {}) => Type.Boolean({ ...notes }),
  id,
  instant,
  integer,
  literal: <const V extends string | number | boolean>(value: V) => Type.Literal(value),
  nullable,
  number: (options: NumberOptions = {}) => Type.Number({ ...options }),
  object,
  oneOf,
  optional,
  record: <S extends TSchema>(values: S, notes: Notes = {}) =>
    // `.` stops at line breaks, and a key that no pattern matches would be let through unchecked.
    Type.Record(Type.String({ pattern: "^[\\s\\S]{0,100}$" }), values, {
      ...notes,
      additionalProperties: false,
      maxProperties: 100,
    }),
  secret,
  text,
  union: <S extends TSchema[]>(...schemas: [...S]) => Type.Union<S>([...schemas]),
  /** Any JSON value. For places that hold foreign data, never for a service's own. */
  unknown: (notes: Notes = {}) => Type.Unknown({ ...notes }),
} as const;
