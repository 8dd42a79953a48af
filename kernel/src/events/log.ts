/**
 * The log: each service's append-only table of events. It is outbox, event store, audit trail and source of replay.
 *
 * What holds across a crash at any point: an event is in the log exactly when the changes of its transaction are in
 * the database, and the sequence of each key is 1, 2, 3, … without gap or repeat.
 */
import type { Dialect, Migration, SqlConnection, SqlValue } from "../store/mod.ts";
import { EventDataTooLarge } from "./broker-faults.ts";
import type { Actor, EventRecord, RecordedEvent } from "./event.ts";

/**
 * Rows are never changed but for getting their position, and another one when the log had lost its end (`likeness.ts`); and
 * deleted only when they are old, and their type says so (`log-pruning.ts`).
 *
 * In SQLite `position` is given by the engine: max + 1 to an `INTEGER PRIMARY KEY`; that would repeat only if the
 * last row were deleted, which is never pruned (a rolled back append may give its position to another event, but no
 * reader saw the first). As SQLite's writes are serial, positions also grow in the order of commits, so that a reader
 * that goes by position misses none.
 *
 * In PostgreSQL nothing that is drawn before the commit has its order: rows wait without a position, in the order of
 * `entry`, until a reader gives them one (`log-positions.ts`). The last sequence of each key has a row of its own there:
 * to look for it among the events would make serializable transactions depend on their neighbours in the index, whose
 * keys are as new as theirs, and undo one another.
 */
export const logMigration: Migration = {
  name: "0001_events_log",
  sql: {
    sqlite: `CREATE TABLE isomer_log (
      position INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      type TEXT NOT NULL,
      version INTEGER NOT NULL,
      key TEXT NOT NULL,
      sequence BIGINT NOT NULL,
      at BIGINT NOT NULL,
      data TEXT NOT NULL,
      actor_service TEXT,
      actor_subject TEXT,
      trace TEXT,
      UNIQUE (key, sequence));`,
    postgres: `CREATE TABLE isomer_log (
      entry BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      position BIGINT UNIQUE,
      id TEXT NOT NULL UNIQUE,
      type TEXT NOT NULL,
      version INTEGER NOT NULL,
      key TEXT NOT NULL,
      sequence BIGINT NOT NULL,
      at BIGINT NOT NULL,
      data TEXT NOT NULL,
      actor_service TEXT,
      actor_subject TEXT,
      trace TEXT,
      UNIQUE (key, sequence));
    CREATE INDEX isomer_log_waiting ON isomer_log (entry) WHERE position IS NULL;
    CREATE TABLE isomer_log_key (key TEXT PRIMARY KEY, sequence BIGINT NOT NULL);`,
  },
};

const KEY_COLUMNS = "id, type, version, key, sequence, at, data, actor_service, actor_subject, trace";
const COLUMNS = `position, ${KEY_COLUMNS}`;

const APPEND: Readonly<Record<Dialect, string>> = {
  // One statement: the sequence is found by the index of (key, sequence) while the row is written, or where it is kept
  // of events that were pruned.
  sqlite: `INSERT INTO isomer_log (key, sequence, id, type, version, at, data, actor_service, actor_subject, trace)
    VALUES (?1, max((SELECT coalesce(max(sequence), 0) FROM isomer_log WHERE key = ?1),
      coalesce((SELECT sequence FROM isomer_log_key WHERE key = ?1), 0)) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    RETURNING sequence`,
  // The entry is drawn for a row that has its sequence: after the wait for whoever records something of this key.
  postgres: `WITH next AS (
      INSERT INTO isomer_log_key (key, sequence) VALUES ($1, 1)
      ON CONFLICT (key) DO UPDATE SET sequence = isomer_log_key.sequence + 1 RETURNING sequence)
    INSERT INTO isomer_log (key, sequence, id, type, version, at, data, actor_service, actor_subject, trace)
    SELECT $1, next.sequence, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), $6, $7, $8, $9 FROM next
    RETURNING sequence`,
};
const READ_LOG = `SELECT ${COLUMNS} FROM isomer_log WHERE position > ? ORDER BY position LIMIT ?`;
const READ_IDS = "SELECT position, id FROM isomer_log WHERE position > ? AND position <= ? ORDER BY position";
const READ_KEY = `SELECT ${KEY_COLUMNS} FROM isomer_log WHERE key = ? AND sequence > ? ORDER BY sequence LIMIT ?`;
const HEAD = "SELECT coalesce(max(position), 0) AS head FROM isomer_log";

/** A row of the log, its data still text: it is parsed anew for each reader, so that readers share nothing. */
export type LogRow = {
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly key: string;
  readonly sequence: number;
  readonly at: number;
  readonly data: string;
  readonly actor_service: string | null;
  readonly actor_subject: string | null;
  readonly trace: string | null;
};

/** An event that is about to be appended; the log adds its position and sequence. */
export type NewEvent<Data = unknown> = Omit<RecordedEvent<Data>, "sequence">;

/**
 * The most bytes (UTF-8) of an event's data as JSON, with its key: what is larger would not fit into a message of a broker
 * with the settings that brokers have unless others are said (NATS: 1 MiB), and would hold up all that comes after it.
 */
export const EVENT_BYTES_MAX: number = 512 * 1_024;

/** Appends an event in the open transaction: one statement. @throws {EventDataTooLarge}. */
export async function appendEvent<Data>(
  connection: SqlConnection,
  event: NewEvent<Data>,
): Promise<RecordedEvent<Data>> {
  const { id, service, type, version, key, at, data, actor, trace } = event;
  const text = JSON.stringify(data);
  checkSize(event, text);
  const parameters: readonly SqlValue[] = [
    key,
    id,
    type,
    version,
    at,
    text,
    actor.service ?? null,
    actor.subject ?? null,
    trace ?? null,
  ];
  const [row] = await connection.all<{ sequence: number }>(APPEND[connection.dialect], parameters);
  if (row === undefined) throw new Error("The append returned no row.");
  return { id, service, type, version, key, sequence: row.sequence, at, data, actor, trace };
}

function checkSize({ service, type, key }: NewEvent, text: string): void {
  // No character has more than three bytes for each unit of its length.
  if (3 * (text.length + key.length) <= EVENT_BYTES_MAX) return;
  const encoder = new TextEncoder();
  const bytes = encoder.encode(text).length + encoder.encode(key).length;
  if (bytes <= EVENT_BYTES_MAX) return;
  throw EventDataTooLarge.with({ event: `${service}.${type}`, bytes, bytesMax: EVENT_BYTES_MAX });
}

/** The rows after a position, in order. */
export function readLogRows(
  connection: SqlConnection,
  options: { readonly after: number; readonly limit: number },
): Promise<LogRow[]> {
  return connection.all<LogRow>(READ_LOG, [options.after, options.limit]);
}

/** What {@link readLog} is to read. */
export interface LogRange {
  /** Events after this position; 0 is the beginning. */
  readonly after: number;
  /** The most rows to look at: with `types`, fewer events may come back. */
  readonly limit: number;
  readonly types?: ReadonlySet<string>;
}

/** The ids of the events after a position up to another, by position. */
export async function readLogIds(
  connection: SqlConnection,
  range: { readonly after: number; readonly upTo: number },
): Promise<ReadonlyMap<number, string>> {
  const rows = await connection.all<{ position: number; id: string }>(READ_IDS, [range.after, range.upTo]);
  return new Map(rows.map(({ position, id }) => [position, id]));
}

/** The events after a position, in order, as they were stored (not upcast). */
export async function readLog(connection: SqlConnection, service: string, range: LogRange): Promise<EventRecord[]> {
  const rows = await readLogRows(connection, range);
  const { types } = range;
  const wanted = types === undefined ? rows : rows.filter((row) => types.has(row.type));
  return wanted.map((row) => toRecord(service, row));
}

/**
 * The events of a key after a sequence, in order, as they were stored (not upcast). In the transaction that recorded them
 * they are among them, before they have a position.
 */
export async function readKey(
  connection: SqlConnection,
  service: string,
  options: { readonly key: string; readonly afterSequence: number; readonly limit: number },
): Promise<RecordedEvent[]> {
  const rows = await connection.all<Omit<LogRow, "position">>(READ_KEY, [
    options.key,
    options.afterSequence,
    options.limit,
  ]);
  return rows.map((row) => toRecorded(service, row));
}

/** The position of the last event, 0 when there is none. */
export async function logHead(connection: SqlConnection): Promise<number> {
  const [row] = await connection.all<{ head: number }>(HEAD);
  return row?.head ?? 0;
}

/** The event that a row holds. */
export function toRecord(service: string, row: LogRow): EventRecord {
  return { ...toRecorded(service, row), position: row.position };
}

function toRecorded(service: string, row: Omit<LogRow, "position">): RecordedEvent {
  const { id, type, version, key, sequence, at, actor_service, actor_subject } = row;
  const data: unknown = JSON.parse(row.data);
  const actor: Actor = {
    ...(actor_service === null ? {} : { service: actor_service }),
    ...(actor_subject === null ? {} : { subject: actor_subject }),
  };
  return {
    id,
    service,
    type,
    version,
    key,
    sequence,
    at,
    data,
    actor,
    trace: row.trace ?? undefined,
  };
}
