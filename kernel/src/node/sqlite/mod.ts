/** node/sqlite: the store on SQLite, one file per service. */
export { type FolderLock, lockFolder } from "./folder-lock.ts";
export { type SqliteStorageOptions, sqliteStorage } from "./storage.ts";
