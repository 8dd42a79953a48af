/** Databases that several hosts of one program have open at once, as replicas have in a fleet. */
import { type SqliteStorageOptions, sqliteStorage } from "../../node/sqlite/mod.ts";
import type { Database, Storage } from "../../store/mod.ts";

/** Storage whose databases are shared by all who open them; `close` ends them for all. */
export function sharedStorage(options: Pick<SqliteStorageOptions, "clock">): {
  readonly storage: Storage;
  close(): Promise<void>;
} {
  const storage = sqliteStorage({ folder: ":memory:", relaxed: true, ...options });
  const open = new Map<string, Promise<Database>>();
  return {
    storage: {
      async open(service) {
        const opening = open.get(service) ?? storage.open(service);
        open.set(service, opening);
        return shared(await opening);
      },
    },
    async close() {
      for (const opening of open.values()) await (await opening).close();
    },
  };
}

function shared(database: Database): Database {
  return {
    name: database.name,
    dialect: database.dialect,
    isShared: true,
    write: (options, body) => database.write(options, body),
    read: (options, body) => database.read(options, body),
    migrate: (sets) => database.migrate(sets),
    backup: (path) => database.backup(path),
    stats: () => database.stats(),
    close: () => Promise.resolve(),
  };
}
