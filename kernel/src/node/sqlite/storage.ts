/** The databases of a host: a folder with one SQLite file per service. */
import { join } from "node:path";
import type { Clock } from "../../std/mod.ts";
import type { Database, Storage } from "../../store/mod.ts";
import { SqliteDatabase } from "./database.ts";
import { type FolderLock, lockFolder } from "./folder-lock.ts";

/** Where and how databases are opened. */
export interface SqliteStorageOptions {
  /** The data folder, made if need be; or `":memory:"`, where each open gives an empty database. */
  readonly folder: string;
  readonly clock: Clock;
  /** How many writes may wait per database before more are refused: 10,000 unless told. */
  readonly queuedMax?: number;
  /** How long a body may take at most, in milliseconds, whatever its deadline: 10,000 unless told. */
  readonly longestMs?: number;
  /** Resolve writes without waiting for the disk: a power cut may lose the last ones, in order from the end. */
  readonly relaxed?: boolean;
  /** The greatest size of a file in pages: for tests of a full disk. */
  readonly maxPages?: number;
}

const SERVICE_NAME = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * Opens databases in a folder, which is held against other hosts while any of them is open.
 * `open` throws {@link FolderInUse} and {@link StoreDamaged}.
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  const { folder } = options;
  const inMemory = folder === ":memory:";
  const opened = new Set<string>();
  let lock: FolderLock | undefined;
  const closed = (service: string): void => {
    opened.delete(service);
    if (opened.size > 0) return;
    lock?.release();
    lock = undefined;
  };
  return {
    async open(service): Promise<Database> {
      if (!SERVICE_NAME.test(service)) throw new TypeError(`"${service}" is no name for a service.`);
      if (!inMemory) {
        if (opened.has(service)) throw new TypeError(`The database of ${service} is open already.`);
        lock ??= lockFolder(folder);
        opened.add(service);
      }
      try {
        return new SqliteDatabase({
          name: service,
          path: inMemory ? folder : join(folder, `${service}.sqlite`),
          clock: options.clock,
          queuedMax: options.queuedMax ?? 10_000,
          longestMs: options.longestMs ?? 10_000,
          relaxed: options.relaxed ?? false,
          maxPages: options.maxPages,
          onClosed: () => closed(service),
        });
      } catch (error) {
        closed(service);
        throw error;
      }
    },
  };
}
