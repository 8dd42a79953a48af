/** Makes any value fit to be logged: bounded, without cycles, and without running into getters that throw. */

const DEPTH_MAX = 6;
const MEMBERS_MAX = 50;
const TEXT_MAX = 4_000;
/** The most values of one record, over all levels: bounds wide and deep structures alike. */
const VALUES_MAX = 500;

/** What a record may hold after {@link plainFields}: JSON. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

interface Budget {
  values: number;
  readonly path: object[];
}

/** The fields of a record as JSON that is safe to write. Never throws. */
export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, Plain> {
  const budget: Budget = { values: VALUES_MAX, path: [] };
  return members(fields, budget);
}

function plain(value: unknown, budget: Budget): Plain {
  budget.values -= 1;
  if (budget.values < 0) return "[left out]";
  switch (typeof value) {
    case "string":
      return shortened(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "bigint":
      return shortened(String(value));
    case "undefined":
      return null;
    case "symbol":
    case "function":
      return `[${typeof value}]`;
    default:
      return value === null ? null : nested(value as object, budget);
  }
}

function nested(value: object, budget: Budget): Plain {
  if (budget.path.includes(value)) return "[circular]";
  if (budget.path.length >= DEPTH_MAX) return "[deeper]";
  budget.path.push(value);
  try {
    if (value instanceof Error) return errorFields(value, budget);
    if (Array.isArray(value)) return items(value, budget);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Date || value instanceof URL) return shortened(String(value.toJSON()));
    if (value instanceof Map) return members(Object.fromEntries(value), budget);
    if (value instanceof Set) return items([...value], budget);
    return members(value, budget);
  } catch (error) {
    return `[not readable: ${shortened(messageOf(error))}]`;
  } finally {
    budget.path.pop();
  }
}

function items(values: readonly unknown[], budget: Budget): Plain[] {
  const kept = values.slice(0, MEMBERS_MAX).map((value) => plain(value, budget));
  if (values.length > MEMBERS_MAX) kept.push(`[${values.length - MEMBERS_MAX} more]`);
  return kept;
}

function members(value: object, budget: Budget): Record<string, Plain> {
  // No prototype: a key named __proto__ is then a key like any other.
  const kept = Object.create(null) as Record<string, Plain>;
  let left = MEMBERS_MAX;
  for (const key of Object.keys(value)) {
    if (left === 0) {
      kept["[more]"] = true;
      break;
    }
    left -= 1;
    kept[key.slice(0, 200)] = member(value, key, budget);
  }
  return kept;
}

function member(value: object, key: string, budget: Budget): Plain {
  try {
    return plain((value as Record<string, unknown>)[key], budget);
  } catch (error) {
    return `[not readable: ${shortened(messageOf(error))}]`;
  }
}

/** An error with its stack, and the fields of its own (a fault's code, kind and data; a system error's errno). */
function errorFields(error: Error, budget: Budget): Record<string, Plain> {
  const fields: Record<string, Plain> = {
    name: shortened(String(error.name)),
    message: shortened(String(error.message)),
    ...members(error, budget),
  };
  if (typeof error.stack === "string") fields["stack"] = shortened(error.stack);
  if (error.cause !== undefined) fields["cause"] = plain(error.cause, budget);
  if (error instanceof AggregateError) fields["errors"] = items(error.errors, budget);
  return fields;
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "no message";
  }
}

function shortened(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}[${text.length - TEXT_MAX} more]`;
}
