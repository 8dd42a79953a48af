/** What the conformance cases share. */
import assert from "node:assert/strict";
import { type Clock, isFault } from "../../std/mod.ts";
import type { Database, MigrationSet } from "../mod.ts";

/** An engine's place for one database. */
export interface ConformanceSubject {
  readonly clock: Clock;
  /** Opens the database, which is empty at first; again after a close. */
  open(options?: { readonly queuedMax?: number }): Promise<Database>;
  /** Opens what {@link Database.backup} wrote. Absent where a backup is no file that this process can open. */
  openBackup?(path: string): Promise<Database>;
  /** Whether what was written is there after closing and opening again. */
  readonly keeps: boolean;
  /** Whether transactions run side by side, and reads beside writes; where not, one waits for the other. */
  readonly sideBySide: boolean;
  /** Closes what is open and removes everything. */
  remove(): Promise<void>;
}

/** The tables that the cases use. */
export interface Tables {
  counter: { id: string; count: number };
}

/** Their migrations. */
export const SCHEMA: MigrationSet = {
  owner: "test",
  migrations: [
    {
      name: "0001_counter",
      sql: "CREATE TABLE counter (id TEXT PRIMARY KEY, count BIGINT NOT NULL)",
    },
    {
      name: "0002_line",
      sql: `CREATE TABLE line (id TEXT PRIMARY KEY, counter_id TEXT NOT NULL REFERENCES counter (id));
            CREATE INDEX line_counter ON line (counter_id);`,
    },
  ],
};

/** Options of a write without a deadline. */
export const WRITE = { label: "test.write" };
/** Options of a read without a deadline. */
export const READ = { label: "test.read" };
/** Adds a counter: id, count. */
export const INSERT = "INSERT INTO counter (id, count) VALUES (?, ?)";
/** All counters. */
export const SELECT = "SELECT id, count FROM counter ORDER BY id";

/** Adds a counter in a write of its own. */
export function insert(database: Database, id: string, count = 0): Promise<number> {
  return database.write(WRITE, (connection) => connection.run(INSERT, [id, count]));
}

/** All counters, by id. */
export async function counters(database: Database): Promise<Record<string, number>> {
  const rows = await database.read(READ, (connection) => connection.all<{ id: string; count: number }>(SELECT));
  return Object.fromEntries(rows.map(({ id, count }) => [id, Number(count)]));
}

/** A promise that somebody else settles. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Asserts that an action rejects with a fault of this code. */
export async function rejectsWith(fault: { readonly code: string }, action: Promise<unknown>): Promise<void> {
  await assert.rejects(action, (error) => {
    assert.ok(isFault(error), String(error));
    assert.equal(error.code, fault.code);
    return true;
  });
}

/** A case, over a database with the schema applied. The suite closes the database after it. */
export type Case = (database: Database, subject: ConformanceSubject) => Promise<void>;
