/** Values on their way to PostgreSQL and back, so that they are what SQLite gives. */
import pg from "pg";
import type { SqlValue } from "../../store/mod.ts";

const { builtins } = pg.types;
/** `oid`, `float4`, `float8`. */
const FLOATS: ReadonlySet<number> = new Set([builtins.FLOAT4, builtins.FLOAT8]);
const INTEGERS: ReadonlySet<number> = new Set([builtins.INT2, builtins.INT4, builtins.INT8, builtins.OID]);

type Parse = (text: string) => SqlValue;

const asText: Parse = (text) => text;

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError("A column holds an integer beyond 2^53. Keep such values as TEXT.");
  }
  return value;
}

/** A sum of BIGINT is NUMERIC; where it is whole, it must be exact. */
function numeric(text: string): number {
  return text.includes(".") ? Number(text) : integer(text);
}

const bytes: Parse = (text) => new Uint8Array(Buffer.from(text.slice(2), "hex"));

function parserOf(type: number): Parse {
  if (INTEGERS.has(type)) return integer;
  if (FLOATS.has(type)) return Number;
  if (type === builtins.NUMERIC) return numeric;
  if (type === builtins.BOOL) return (text) => (text === "t" ? 1 : 0);
  if (type === builtins.BYTEA) return bytes;
  return asText;
}

/** How the driver reads values. What is neither number, truth nor bytes is text. */
export const types = { getTypeParser: parserOf } as unknown as pg.CustomTypesConfig;

/** The values as the driver takes them. @throws {RangeError} at whole numbers beyond 2^53. */
export function bound(parameters: readonly SqlValue[]): unknown[] {
  return parameters.map((value) => {
    if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new RangeError(`${value} is beyond 2^53: it is not exact any more.`);
    }
    if (typeof value === "bigint") return value.toString();
    return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
  });
}
