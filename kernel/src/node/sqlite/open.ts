/** Opens connections to a database file, with the settings that the store's promises rest on. */
import { closeSync, existsSync, fdatasync, fdatasyncSync, fstatSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreDamaged } from "../../store/mod.ts";
import { Session, translate } from "../../sqlite/mod.ts";
import type { SyncFile } from "./wal-sync.ts";

/** Only tools of an operator can hold a lock on our files; waiting for them blocks the host. */
const BUSY_TIMEOUT_MS = 1_000;

/** The log is copied to the main file when it has so many pages (4 KB each): 8 MB, a stall of some milliseconds. */
const CHECKPOINT_PAGES = 2_000;

/** Files up to this size are checked at the start: it takes about a millisecond per megabyte. */
const CHECKED_BYTES_MAX = 4 << 20;

const SETTINGS = `
  PRAGMA foreign_keys = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA synchronous = NORMAL;
`;

/** Opens the connection that writes. @throws {StoreDamaged} when the file is not a sound database. */
export function openWriter(path: string, options: { database: string; maxPages: number | undefined }): Session {
  return guarded(options.database, () => {
    const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      connection.exec(`${SETTINGS} PRAGMA cache_size = -2000;`);
      if (path !== ":memory:") {
        connection.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
          PRAGMA journal_size_limit = ${64 << 20};`);
        checkSound(connection, path, options.database);
      }
      if (options.maxPages !== undefined) connection.exec(`PRAGMA max_page_count = ${options.maxPages}`);
      return new Session(connection, options.database);
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

/** Opens a connection that only reads. */
export function openReader(path: string, database: string): Session {
  return guarded(database, () => new Session(readOnly(path), database));
}

/** A bare connection that only reads. */
export function readOnly(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  connection.exec(`${SETTINGS} PRAGMA cache_size = -1000; PRAGMA query_only = ON;`);
  return connection;
}

/**
 * Opens the log for syncing. Another descriptor of the *main* file would, when it is closed, drop the POSIX locks
 * that SQLite holds on it; there are none on the log. SQLite keeps the log's file until its last connection closes.
 */
export function openLog(path: string): { readonly sync: SyncFile; readonly close: () => void } {
  const log = openSync(`${path}-wal`, "r+");
  // What a killed process left in the log was perhaps never synced, and readers are about to see it.
  if (fstatSync(log).size > 0) fdatasyncSync(log);
  // The names of new files are durable only with their folder.
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
  return { sync: (done) => fdatasync(log, done), close: () => closeSync(log) };
}

function checkSound(connection: DatabaseSync, path: string, database: string): void {
  // This read also makes SQLite create the log.
  const mode = connection.prepare("SELECT count(*) AS tables FROM sqlite_schema").get();
  if (mode === undefined || !existsSync(`${path}-wal`)) {
    throw new Error(`The file system of ${path} does not carry a write-ahead log.`);
  }
  if (statSync(path).size > CHECKED_BYTES_MAX) return;
  const verdict = String(connection.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (verdict !== "ok") throw StoreDamaged.with({ database, detail: verdict });
}

function guarded<T>(database: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw translate(error, database);
  }
}
