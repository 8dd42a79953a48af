/** Tells the errors of PostgreSQL apart by SQLSTATE (PostgreSQL, appendix A). */
import { DeadlineExceeded } from "../../guard/mod.ts";
import { isFault } from "../../std/mod.ts";
import { ConnectionLost, DiskFull, StoreBusy, StoreDamaged, TransactionOver } from "../../store/mod.ts";

const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";
/** `read_only_sql_transaction`. */
const READ_ONLY = "25006";
const DISK_FULL = "53100";
/** `query_canceled`: by `statement_timeout`, which comes from the deadline. */
const QUERY_CANCELED = "57014";
/** `idle_in_transaction_session_timeout`, `transaction_timeout`. */
const IDLE_IN_TRANSACTION = new Set(["25P03", "25P04"]);
/** `insufficient_resources`, `out_of_memory`, `too_many_connections`, `configuration_limit_exceeded`. */
const EXHAUSTED = new Set(["53000", "53200", "53300", "53400"]);
/** `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`, `database_dropped`, `idle_session_timeout`. */
const SHUTDOWN = new Set(["57P01", "57P02", "57P03", "57P04", "57P05"]);
/** `data_corrupted`, `index_corrupted`. */
const DAMAGED = new Set(["XX001", "XX002"]);
const SOCKET = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "EHOSTUNREACH",
]);
const BROKEN =
  /^(?:Connection terminated|Client has encountered|Client was closed|timeout expired|Query read timeout|Connection ended)/;

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

/** Whether another transaction was in the way: nothing happened, and running again helps. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED;
}

/** Whether a migration has changed what a prepared statement gives: on a fresh connection it is prepared anew. */
export function isStalePlan(error: unknown): boolean {
  return codeOf(error) === "0A000" && error instanceof Error && error.message.startsWith("cached plan");
}

/** Whether the server refuses to write at all: it was demoted, or is a copy. Of a read, that is its own mistake. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === READ_ONLY || isHotStandby(error);
}

/** Whether the server refuses to begin a serializable transaction because it is a copy. */
export function isHotStandby(error: unknown): boolean {
  return codeOf(error) === "0A000" && error instanceof Error && error.message.includes("hot standby");
}

/** Whether the connection is gone, or there was none. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  if (code.startsWith("08") || SHUTDOWN.has(code) || SOCKET.has(code)) return true;
  return error instanceof Error && BROKEN.test(error.message);
}

/** What an error is about. */
export interface Occasion {
  readonly database: string;
  readonly label: string;
  readonly queuedMax: number;
}

/** The fault that an error of PostgreSQL means to callers; errors that are the statement's own come back as they are. */
export function translate(error: unknown, { database, label, queuedMax }: Occasion): unknown {
  if (isFault(error)) return error;
  const code = codeOf(error);
  const cause = { cause: error };
  if (isLost(error)) return ConnectionLost.with({ database }, cause);
  if (code === DISK_FULL) return DiskFull.with({ database }, cause);
  if (code === QUERY_CANCELED) return DeadlineExceeded.with({ label }, cause);
  if (IDLE_IN_TRANSACTION.has(code)) return TransactionOver.with({ label }, cause);
  if (EXHAUSTED.has(code)) return StoreBusy.with({ database, queuedMax }, cause);
  if (DAMAGED.has(code)) return StoreDamaged.with({ database, detail: (error as Error).message }, cause);
  return error;
}
