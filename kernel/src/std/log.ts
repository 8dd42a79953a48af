/** Structured logging as a port. */

/** How much a record matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a record carries. Values are JSON, or errors; secrets are redacted by schema before they get here. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes structured records: one line each, however hostile the values. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each record. */
  with(fields: LogFields): Logger;
}

/** Discards everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};
