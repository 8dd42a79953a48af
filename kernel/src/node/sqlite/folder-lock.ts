/**
 * One host per data folder. The lock is SQLite's own on a small file, which the system releases when the process
 * ends, however it ends: there is no stale lock to remove by hand after a crash.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FolderInUse } from "../../store/mod.ts";
import { isBusy } from "../../sqlite/mod.ts";

/** A folder that is ours. */
export interface FolderLock {
  /** Gives the folder back. Releasing twice does nothing. */
  release(): void;
}

/** Takes a data folder, making it if need be. @throws {FolderInUse} when another process, or this one, has it. */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, "host.lock.sqlite"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw isBusy(error) ? FolderInUse.with({ folder }, { cause: error }) : error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}
