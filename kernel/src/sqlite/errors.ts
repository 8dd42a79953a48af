/** Tells the errors of `node:sqlite` apart by result code (sqlite.org/rescode.html). */
import { DiskFull, StoreDamaged } from "../store/mod.ts";

const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** The primary result code of an error, or 0 when it is not SQLite's. Extended codes keep theirs in the low byte. */
function primaryCode(error: unknown): number {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return 0;
  return typeof error.errcode === "number" ? error.errcode & 0xff : 0;
}

/** Whether another connection held the lock. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY;
}

/** The fault that an error of SQLite means to callers; errors that are the statement's own come back as they are. */
export function translate(error: unknown, database: string): unknown {
  switch (primaryCode(error)) {
    case FULL:
      return DiskFull.with({ database }, { cause: error });
    case CORRUPT:
    case NOT_A_DATABASE:
      return StoreDamaged.with({ database, detail: (error as Error).message }, { cause: error });
    default:
      return isOutOfRange(error)
        ? new RangeError("A column holds an integer beyond 2^53. Keep such values as TEXT.", {
            cause: error,
          })
        : error;
  }
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}
