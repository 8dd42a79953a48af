/** Compiled checks of values against schemas. */
import { Compile } from "typebox/compile";
import { Default } from "typebox/value";
import { type FaultType, copyJson, defineFault } from "../std/mod.ts";
import { type Copier, STRAY, copier, withoutClosing } from "./copier.ts";
import type { Schema, TypeOf } from "./types.ts";

/** One thing that is wrong with a value. */
export interface Issue {
  /** JSON Pointer (RFC 6901) to the place, `""` for the whole value. */
  readonly path: string;
  /** The JSON Schema keyword that was broken. */
  readonly keyword: string;
  readonly message: string;
}

/** What is wrong with a value that does not fit its schema. */
export interface InvalidData {
  /** What the value was: "input of inventory.reserve". */
  readonly what: string;
  /** At most {@link ISSUES_MAX}, the first found first. */
  readonly issues: readonly Issue[];
}

/** A value does not fit its schema. Raised before any handler runs, so nothing has happened. */
export const Invalid: FaultType<InvalidData> = defineFault<InvalidData>({
  code: "kernel/invalid",
  kind: "invalid",
  message: ({ what, issues }) => {
    const first = issues[0];
    return first === undefined
      ? `The ${what} does not fit its schema.`
      : `The ${what} does not fit its schema: ${first.path === "" ? "it" : first.path} ${first.message}.`;
  },
});

/** How many issues are listed. */
export const ISSUES_MAX = 20;

/** A compiled schema. */
export interface Validator<T> {
  readonly schema: Schema;
  /** Whether a copy may have more in it than the value: defaults. */
  readonly fills: boolean;
  /** Whether the value fits. */
  check(value: unknown): value is T;
  /**
   * Checks the value and returns a copy that shares nothing with it, defaults filled in.
   * @throws {Invalid} naming the fields.
   */
  parse(value: unknown): T;
}

type Program = ReturnType<typeof Compile>;

const compiled = new WeakMap<Schema, Map<string, Validator<unknown>>>();

/** Compiles a schema once; `what` names the value in faults. */
export function validator<S extends Schema>(schema: S, what: string): Validator<TypeOf<S>> {
  let byName = compiled.get(schema);
  if (byName === undefined) {
    byName = new Map();
    compiled.set(schema, byName);
  }
  let found = byName.get(what);
  if (found === undefined) {
    found = compile(schema, what);
    byName.set(what, found);
  }
  return found as Validator<TypeOf<S>>;
}

function compile(schema: Schema, what: string): Validator<unknown> {
  // Compiling costs about a millisecond, and a shop has hundreds of schemas: wait for the first use.
  let program: Program | undefined;
  const ready = (): Program => (program ??= Compile(schema));
  let open: Program | undefined;
  let copy: Copier | undefined;
  const hasDefaults = JSON.stringify(schema).includes('"default":');
  return {
    schema,
    fills: hasDefaults,
    check: (value): value is unknown => ready().Check(value),
    parse(value) {
      if (hasDefaults) {
        const filled = Default(schema, copied(value, what));
        if (!ready().Check(filled)) throw Invalid.with({ what, issues: issuesOf(ready(), filled) });
        return filled;
      }
      // What only the copier refuses is found by the whole program, which can also say what is wrong.
      const found = (open ??= Compile(withoutClosing(schema))).Check(value)
        ? copied(value, what, (copy ??= copier(schema)))
        : STRAY;
      if (found === STRAY) throw Invalid.with({ what, issues: issuesOf(ready(), value) });
      return found;
    },
  };
}

/** Schemas of foreign data say nothing about its depth, and a body of brackets would use up the stack. */
function copied(value: unknown, what: string, copy: Copier = copyJson): unknown {
  try {
    return copy(value);
  } catch (error) {
    if (error === STRAY) return STRAY;
    if (!(error instanceof RangeError)) throw error;
    throw Invalid.with({
      what,
      issues: [{ path: "", keyword: "depth", message: "is nested too deeply" }],
    });
  }
}

function issuesOf(program: ReturnType<typeof Compile>, value: unknown): Issue[] {
  const issues: Issue[] = [];
  for (const error of program.Errors(value)) {
    // An unknown property is reported twice, once as "schema is false": the second says more.
    if (error.keyword === "boolean") continue;
    if (issues.length === ISSUES_MAX) break;
    issues.push({ path: error.instancePath, keyword: error.keyword, message: describe(error) });
  }
  return issues;
}

function describe(error: { keyword: string; message: string; params: unknown }): string {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === "additionalProperties") {
    return `must not have the unknown properties ${list(params["additionalProperties"])}`;
  }
  if (error.keyword === "required") return `must have the properties ${list(params["requiredProperties"])}`;
  if (error.keyword === "enum") return `must be one of ${list(params["allowedValues"])}`;
  if (error.keyword === "const") return `must be ${list([params["allowedValue"]])}`;
  return error.message;
}

function list(values: unknown): string {
  if (!Array.isArray(values)) return "that it names";
  return values
    .slice(0, 10)
    .map((value) => JSON.stringify(value).slice(0, 100))
    .join(", ");
}
