/** store: a database per service, and typed SQL for it. */
export type {
  Database,
  DatabaseStats,
  Dialect,
  Migration,
  MigrationSet,
  Row,
  SqlConnection,
  SqlValue,
  Storage,
  TransactionOptions,
} from "./database.ts";
export {
  BackupExists,
  ConnectionLost,
  Contended,
  DiskFull,
  FolderInUse,
  MigrationFailed,
  MigrationMismatch,
  ProvisioningBlocked,
  ReadOnly,
  StoreBusy,
  StoreClosed,
  StoreDamaged,
  SyncFailed,
  TransactionOver,
} from "./faults.ts";
export { type MigrationColumns, columnsAhead, columnsBrought } from "./columns.ts";
export { type MakeRow, rowMaker } from "./rows.ts";
export { isUniqueViolation } from "./constraints.ts";
export {
  type AppliedMigration,
  type MigrationState,
  type PendingMigration,
  migrationText,
  migrationsAhead,
  pendingMigrations,
} from "./migrations.ts";
export { type Outcome, Watchdog } from "./watchdog.ts";
export { type Compilable, type Reader, type Statement, type Writer, statements, writerOn } from "./statement.ts";
