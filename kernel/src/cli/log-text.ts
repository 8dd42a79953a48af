/** Lines of logs for people: those that hosts write as JSON, and whatever else a process prints. Pure. */
import type { LogLine } from "../node/fleet/mod.ts";

/** What stands in a column of its own, by the names that loggers use. */
const TIME = ["time", "timestamp", "ts"];
const MESSAGE = ["message", "msg"];
const HEAD = new Set([...TIME, ...MESSAGE, "level"]);

/** One line: the instance, the time, the level, the message, then whatever else there is. */
export function logText({ instance, text }: LogLine, width: number): string {
  const name = instance.padEnd(width);
  const fields = fieldsOf(text);
  if (fields === undefined) return `${name} │ ${text}`;
  const time = first(fields, TIME).replace(/^\d{4}-\d\d-\d\dT(.*)Z$/, "$1");
  const level = typeof fields["level"] === "string" ? fields["level"].toUpperCase().padEnd(5) : "";
  const rest = Object.entries(fields).flatMap(([key, value]) =>
    HEAD.has(key) || (key === "instance" && value === instance) ? [] : [`${key}=${valueText(value)}`],
  );
  const parts = [time, level, first(fields, MESSAGE), ...rest].filter((part) => part !== "");
  const stacks = fields["level"] === "error" ? Object.values(fields).flatMap(stackOf) : [];
  return [parts.join(" "), ...stacks].map((line) => `${name} │ ${line}`).join("\n");
}

/** An error, as loggers write one. */
interface Told {
  readonly name?: string;
  readonly message: string;
  readonly code?: string;
  /** A fault's. */
  readonly kind?: string;
  readonly stack?: string;
  readonly cause?: unknown;
}

function isError(value: unknown): value is Told {
  return typeof value === "object" && value !== null && typeof (value as Partial<Told>).message === "string";
}

/** Of an error what it says; of a bug also what it comes from. */
function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!isError(value)) return JSON.stringify(value);
  const { name = "Error", code = name, message, cause } = value;
  const why = isBug(value) && isError(cause) ? `, because of ${valueText(cause)}` : "";
  return `${message.startsWith(`${code}: `) ? "" : `${code}: `}${message}${why}`;
}

/** A fault, or what the system says of a file or a port, says what to do: where it was met is of no use to who reads it. */
function isBug({ kind, code }: Told): boolean {
  return code === undefined || kind === "broken";
}

function stackOf(value: unknown): readonly string[] {
  if (!isError(value) || !isBug(value)) return [];
  return (value.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function first(fields: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  const value = names.map((name) => fields[name]).find((each) => each !== undefined) ?? "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
