/** The faults of the store. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** More writes wait than the bound allows. Nothing happened; back off and repeat. */
export const StoreBusy: FaultType<{ database: string; queuedMax: number }> = defineFault({
  code: "store/busy",
  kind: "exhausted",
  message: ({ database, queuedMax }) =>
    `The database "${database}" has ${queuedMax} writes waiting already. Repeat later.`,
});

/** Others were in a transaction's way again and again. Nothing happened; repeat later, or with `read committed`. */
export const Contended: FaultType<{ database: string; label: string }> = defineFault({
  code: "store/contended",
  kind: "exhausted",
  message: ({ database, label }) =>
    `Too many write the same rows of the database "${database}" as ${label}. Nothing was changed; repeat later.`,
});

/** The disk is full: nothing was written, and nothing will be until there is room. */
export const DiskFull: FaultType<{ database: string }> = defineFault({
  code: "store/disk-full",
  kind: "unavailable",
  message: ({ database }) => `There is no room on the disk for the database "${database}". Free some, then repeat.`,
});

/** The file is damaged. Restore it from a backup; what it holds cannot be trusted. */
export const StoreDamaged: FaultType<{ database: string; detail: string }> = defineFault({
  code: "store/damaged",
  kind: "broken",
  message: ({ database, detail }) =>
    `The database "${database}" is damaged (${detail}). Stop the host and restore the file from a backup.`,
});

/** The server takes no writes: it was demoted, or it is a copy. Nothing happened; a new connection may reach the primary. */
export const ReadOnly: FaultType<{ database: string }> = defineFault({
  code: "store/read-only",
  kind: "unavailable",
  message: ({ database }) =>
    `The database "${database}" takes no writes now: its server is a copy, or was made read-only. Nothing was changed; repeat later.`,
});

/** Another session holds what making databases and roles needs. Nothing was changed that doing it again would not. */
export const ProvisioningBlocked: FaultType<{ by: string; waitMs: number }> = defineFault({
  code: "store/provisioning-blocked",
  kind: "unavailable",
  message: ({ by, waitMs }) =>
    `Databases and roles could not be made: ${by} held a lock for more than ${waitMs} ms. End that session, then start again.`,
});

/** A migration that was applied has another text now, or is gone from between others. Add a new migration instead. */
export const MigrationMismatch: FaultType<{ database: string; migration: string; detail: string }> = defineFault({
  code: "store/migration-mismatch",
  kind: "broken",
  message: ({ database, migration, detail }) =>
    `The migration ${migration} of the database "${database}" ${detail}. Applied migrations never change: restore its text and add a new one.`,
});

/** The transaction is over, by its end or its deadline; nothing more can be done in it. */
export const TransactionOver: FaultType<{ label: string }> = defineFault({
  code: "store/transaction-over",
  kind: "broken",
  message: ({ label }) => `The transaction of ${label} is over. Await each statement inside its body.`,
});

/** A step of a migration failed; the steps before it stay applied, and of this one nothing. The cause tells why. */
export const MigrationFailed: FaultType<{ database: string; migration: string; detail: string }> = defineFault({
  code: "store/migration-failed",
  kind: "broken",
  message: ({ database, migration, detail }) =>
    `The migration ${migration} of the database "${database}" failed and was undone: ${detail}`,
});

/**
 * The system could not bring a commit to the disk. What was committed lately may or may not survive a power cut, so
 * the database refuses everything until it is opened anew; repeat with the same keys then.
 */
export const SyncFailed: FaultType<{ database: string; detail: string }> = defineFault({
  code: "store/sync-failed",
  kind: "unavailable",
  message: ({ database, detail }) =>
    `The disk failed to keep the database "${database}" (${detail}). Check the disk, then restart the host.`,
});

/** The database was closed: the host is stopping. */
export const StoreClosed: FaultType<{ database: string }> = defineFault({
  code: "store/closed",
  kind: "unavailable",
  message: ({ database }) => `The database "${database}" is closed. Repeat at another host, or after the restart.`,
});

/** Another process has the data folder open. Two hosts over one folder would undo each other's order of events. */
export const FolderInUse: FaultType<{ folder: string }> = defineFault({
  code: "store/folder-in-use",
  kind: "conflict",
  message: ({ folder }) => `Another host uses the data folder ${folder}. Stop it, or give this one another folder.`,
});

/** A backup never overwrites: the file may be the last good copy. */
export const BackupExists: FaultType<{ path: string }> = defineFault({
  code: "store/backup-exists",
  kind: "conflict",
  message: ({ path }) => `There is a file at ${path} already. Name another one.`,
});

/**
 * The connection to the database was lost. Whether the transaction committed is unknown: repeat it with the same key,
 * which finds what was recorded if it did.
 */
export const ConnectionLost: FaultType<{ database: string }> = defineFault({
  code: "store/connection-lost",
  kind: "unavailable",
  message: ({ database }) => `The connection to the database "${database}" was lost. Repeat with the same key.`,
});
