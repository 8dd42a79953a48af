/** Loggers that write lines: JSON for machines, short and coloured for terminals. */
import type { LogFields, LogLevel, Logger } from "../std/mod.ts";
import { type Plain, plainFields } from "./log-values.ts";
import { standardOutput } from "./standard-output.ts";

/** What a logger needs. */
export interface LoggerOptions {
  /** The least level that is written; `info` unless said. */
  readonly level?: LogLevel;
  /** Takes one line, which ends in a line feed. Standard output unless said. */
  readonly write?: (line: string) => void;
  /** Milliseconds since 1970, for the time of each record. */
  readonly now?: () => number;
}

/** The longest line in characters; a longer record loses its fields, and says so. */
export const LINE_MAX = 32_000;

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

type Format = (timeMs: number, level: LogLevel, message: string, fields: Readonly<Record<string, Plain>>) => string;

/** Writes each record as one line of JSON, however hostile the values: `{"time":…,"level":…,"message":…,…fields}`. */
export function jsonLogger(options: LoggerOptions = {}): Logger {
  return lineLogger(jsonLine, options);
}

/** Writes records for people at a terminal; stacks take lines of their own. */
export function prettyLogger(options: LoggerOptions & { readonly colours?: boolean } = {}): Logger {
  const colours = options.colours ?? process.stdout.isTTY;
  return lineLogger((...record) => prettyLines(colours, ...record), options);
}

function lineLogger(format: Format, options: LoggerOptions): Logger {
  const write = options.write ?? standardOutput();
  const now = options.now ?? Date.now;
  const least = LEVELS[options.level ?? "info"];
  const make = (bound: Readonly<Record<string, Plain>>): Logger => {
    const record = (level: LogLevel) =>
      LEVELS[level] < least
        ? (): void => {}
        : (message: string, fields?: LogFields): void => {
            const all = fields === undefined ? bound : { ...bound, ...plainFields(fields) };
            write(format(now(), level, String(message), all));
          };
    return {
      debug: record("debug"),
      info: record("info"),
      warn: record("warn"),
      error: record("error"),
      with: (fields) => make({ ...bound, ...plainFields(fields) }),
    };
  };
  return make({});
}

const RESERVED = new Set(["time", "level", "message"]);
// JSON leaves these as they are, but some readers of logs begin a new line at them, and terminals obey them.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function jsonLine(timeMs: number, level: LogLevel, message: string, fields: Readonly<Record<string, Plain>>): string {
  const head = { time: new Date(timeMs).toISOString(), level, message };
  const body: Record<string, Plain> = { ...head };
  for (const [key, value] of Object.entries(fields)) body[RESERVED.has(key) ? `_${key}` : key] = value;
  const line = JSON.stringify(body);
  const short =
    line.length <= LINE_MAX ? line : JSON.stringify({ ...head, message: message.slice(0, 4_000), truncated: true });
  return `${short.replaceAll(UNSAFE, escaped)}\n`;
}

const COLOURS: Readonly<Record<LogLevel, string>> = {
  debug: "90",
  info: "36",
  warn: "33",
  error: "31",
};
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

// oxlint-disable-next-line max-params -- a record's four parts, as loggers pass them, and how to paint
function prettyLines(
  colours: boolean,
  timeMs: number,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, Plain>>,
): string {
  const paint = (code: string, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const stacks: string[] = [];
  const parts = Object.entries(fields).map(([key, value]) => {
    const stack = stackOf(value);
    if (stack !== undefined) stacks.push(...stack);
    const shown = stack === undefined ? value : shortError(value);
    const text = typeof shown === "string" ? shown : JSON.stringify(shown);
    return `${paint("90", `${key.replaceAll(CONTROL, escaped)}=`)}${text.replaceAll(CONTROL, escaped)}`;
  });
  const time = paint("90", new Date(timeMs).toISOString().slice(11, 23));
  const first = [time, paint(COLOURS[level], level.padEnd(5)), message.replaceAll(CONTROL, escaped), ...parts].join(
    " ",
  );
  const lines = [
    first.slice(0, LINE_MAX),
    ...stacks.map((line) => paint("90", `    ${line.replaceAll(CONTROL, escaped)}`)),
  ];
  return `${lines.join("\n")}\n`;
}

function stackOf(value: Plain): readonly string[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { stack } = value;
  return typeof stack === "string"
    ? stack
        .split("\n")
        .slice(1)
        .map((line) => line.trim())
    : undefined;
}

function shortError(value: Plain): string {
  const { name, message, code } = value as Record<string, Plain>;
  return [name, code, message].filter((part) => typeof part === "string").join(" ");
}
