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
    HEAD.has(key) || (key === "instance" && value === instance)
      ? []
      : [`${key}=${typeof value === "string" ? value : JSON.stringify(value)}`],
  );
  const parts = [time, level, first(fields, MESSAGE), ...rest].filter((part) => part !== "");
  return `${name} │ ${parts.join(" ")}`;
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
