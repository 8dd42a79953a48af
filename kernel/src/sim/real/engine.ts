/** SQLite in memory: the disk of a simulated database. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Session } from "../../sqlite/mod.ts";

export type { DatabaseSync } from "node:sqlite";

/** What a simulated disk holds. */
export interface Engine {
  /** The database itself, for checks. */
  readonly database: DatabaseSync;
  /** The connection of whoever has it open. */
  readonly session: Session;
  /** What checks have asked, prepared. */
  readonly questions: Map<string, StatementSync>;
}

const SETTINGS = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = MEMORY;";

/** Makes a disk, empty or with what {@link image} gave. */
export function openEngine(name: string, image?: Uint8Array): Engine {
  const database = new DatabaseSync(":memory:");
  if (image !== undefined) database.deserialize(image);
  database.exec(SETTINGS);
  return { database, session: new Session(database, name), questions: new Map() };
}

/** Everything that a disk holds. */
export function image({ database }: Engine): Uint8Array {
  return database.serialize();
}

/** The rows of a check's statement. */
export function rowsOf({ database, questions }: Engine, sql: string, parameters: readonly SQLInputValue[]): unknown[] {
  let statement = questions.get(sql);
  if (statement === undefined) questions.set(sql, (statement = database.prepare(sql)));
  return statement.all(...parameters);
}
