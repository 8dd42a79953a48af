/**
 * Schemas of other libraries (Zod, Valibot, ArkType, …), by the interfaces they share.
 * https://standardschema.dev and https://standardschema.dev/json-schema
 */
import Type, { type TObject, type TOptional, type TUnsafe } from "typebox";
import type { Schema } from "./types.ts";

/** What a library that implements Standard Schema and Standard JSON Schema gives. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
    readonly jsonSchema: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
      readonly output: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
    };
  };
}

type StandardResult = { readonly issues?: readonly { readonly message: string }[] | undefined };

/** The schema that stands for values of type `T`: one of an object when `T` is one. */
export type SchemaOf<T> = T extends readonly unknown[] | string | number | boolean | null
  ? TUnsafe<T>
  : T extends object
    ? TObject<{
        [K in keyof T & string]-?: undefined extends T[K]
          ? TOptional<TUnsafe<Exclude<T[K], undefined>>>
          : TUnsafe<T[K]>;
      }>
    : TUnsafe<T>;

/**
 * One of our schemas from another library's. Documents and the compiled check come from its JSON Schema of the given
 * side; after that check its own `validate` runs too, for rules that JSON Schema cannot express. Values are not
 * transformed: what a contract carries is JSON on both sides.
 * @throws {TypeError} when the library cannot say the schema as JSON Schema, and at the first check when its
 *   `validate` is asynchronous.
 */
export function fromStandard<Input, Output, const Side extends "input" | "output" = "input">(
  schema: StandardSchema<Input, Output>,
  side: Side | "input" = "input",
): SchemaOf<Side extends "output" ? Output : Input> {
  type Result = SchemaOf<Side extends "output" ? Output : Input>;
  const standard = schema["~standard"];
  const { $schema: _dialect, ...json } = convert(schema, side);
  const plain = Type.Unsafe<unknown>(json as Schema);
  // On the other side of a transformation `validate` would be given what it is to make, so only the shape is checked.
  if (side === "output") return plain as unknown as Result;
  const refined = Type.Refine(
    plain,
    (value: unknown) => (issuesOf(standard, value)?.length ?? 0) === 0,
    (value: unknown) => issuesOf(standard, value)?.[0]?.message ?? "must fit its schema",
  );
  return refined as unknown as Result;
}

function convert(schema: StandardSchema, side: "input" | "output"): Record<string, unknown> {
  const { vendor, jsonSchema } = schema["~standard"];
  try {
    return jsonSchema[side]({ target: "draft-2020-12" });
  } catch (error) {
    throw new TypeError(`${vendor} cannot say this schema as JSON Schema 2020-12.`, {
      cause: error,
    });
  }
}

function issuesOf(standard: StandardSchema["~standard"], value: unknown): StandardResult["issues"] {
  const result = standard.validate(value);
  if (result instanceof Promise) {
    throw new TypeError(`A schema of ${standard.vendor} validates asynchronously. Contracts need one that does not.`);
  }
  return result.issues;
}
