/**
 * The inbox: which events took effect in a subscriber's database.
 *
 * What holds across a crash at any point: an event's row is in the inbox exactly when its effect (or its dead letter)
 * is in the database, as both commit together. The cursor is only where reading goes on; it may lag, never lead.
 */
import type { Migration, SqlConnection } from "../store/mod.ts";
import type { EventRecord } from "./event.ts";

/** The tables of subscribers: what took effect, how far reading came, and what failed for good. */
export const inboxMigration: Migration = {
  name: "0002_events_inbox",
  sql: `CREATE TABLE isomer_inbox (
      consumer TEXT NOT NULL,
      event_id TEXT NOT NULL,
      source TEXT NOT NULL,
      position BIGINT NOT NULL,
      at BIGINT NOT NULL,
      PRIMARY KEY (consumer, event_id));
    CREATE INDEX isomer_inbox_at ON isomer_inbox (at);
    CREATE TABLE isomer_cursor (
      consumer TEXT NOT NULL,
      source TEXT NOT NULL,
      position BIGINT NOT NULL,
      PRIMARY KEY (consumer, source));
    CREATE TABLE isomer_dead (
      consumer TEXT NOT NULL,
      event_id TEXT NOT NULL,
      source TEXT NOT NULL,
      position BIGINT NOT NULL,
      type TEXT NOT NULL,
      key TEXT NOT NULL,
      event TEXT NOT NULL,
      fault TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      at BIGINT NOT NULL,
      PRIMARY KEY (consumer, event_id));
    CREATE INDEX isomer_dead_order ON isomer_dead (consumer, source, position);`,
};

/** Up to where a consumer knows that what was deleted from the log is missing to it. */
export const missedMigration: Migration = {
  name: "0004_events_missed",
  sql: "ALTER TABLE isomer_cursor ADD COLUMN missed BIGINT NOT NULL DEFAULT 0",
};

/** Which types a consumer hears, and up to where it has heard others: `heard-types.ts`. */
export const heardMigration: Migration = {
  name: "0005_events_heard",
  sql: "ALTER TABLE isomer_cursor ADD COLUMN heard TEXT",
};

/** How long the inbox remembers, in milliseconds: longer than any outage after which an event may come again. */
export const INBOX_RETENTION_MS = 7 * 24 * 3_600_000;

const CLAIM =
  "INSERT INTO isomer_inbox (consumer, event_id, source, position, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
const READ_CURSOR = "SELECT position, missed, heard FROM isomer_cursor WHERE consumer = ? AND source = ?";
// Together: a leader of another build that ends late stores what is so of its own types.
const SAVE_CURSOR = `INSERT INTO isomer_cursor (consumer, source, position, heard) VALUES (?, ?, ?, ?)
  ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position, heard = excluded.heard`;
const SAVE_MISSED = `INSERT INTO isomer_cursor (consumer, source, position, missed) VALUES (?, ?, 0, ?)
  ON CONFLICT (consumer, source) DO UPDATE SET missed = excluded.missed`;
// What lies after the cursor will be read again after a crash, however old it is: it must be recognised.
const PRUNE = `DELETE FROM isomer_inbox WHERE (consumer, event_id) IN (
  SELECT i.consumer, i.event_id FROM isomer_inbox i
  JOIN isomer_cursor c ON c.consumer = i.consumer AND c.source = i.source
  WHERE i.at < ? AND i.position <= c.position ORDER BY i.at LIMIT ?)`;

/** Claims an event for this transaction: false when it took effect before. Comes first, before any effect. */
export async function claimEvent(
  connection: SqlConnection,
  consumer: string,
  event: EventRecord,
  at: number,
): Promise<boolean> {
  return (await connection.run(CLAIM, [consumer, event.id, event.service, event.position, at])) === 1;
}

/** Where a consumer stands. */
export type Place = {
  /** Everything up to here is done or dead. */
  readonly position: number;
  /** What was deleted from the log up to here is missing to it, and that is known. */
  readonly missed: number;
  /** What of it was heard, as `heard-types.ts` writes it; null where a build from before that was last. */
  readonly heard: string | null;
};

/** Where a consumer goes on reading; undefined when it has not begun. */
export async function readPlace(
  connection: SqlConnection,
  consumer: string,
  source: string,
): Promise<Place | undefined> {
  const [row] = await connection.all<Place>(READ_CURSOR, [consumer, source]);
  return row;
}

/** Where a consumer goes on reading: everything up to this position is done or dead. 0 when it has not begun. */
export async function readCursor(connection: SqlConnection, consumer: string, source: string): Promise<number> {
  return (await readPlace(connection, consumer, source))?.position ?? 0;
}

/** What is remembered of a consumer's place. */
export interface Standing {
  readonly consumer: string;
  readonly source: string;
  readonly position: number;
  readonly heard: string;
}

/** Remembers where a consumer goes on reading. */
export async function saveCursor(connection: SqlConnection, standing: Standing): Promise<void> {
  const { consumer, source, position, heard } = standing;
  await connection.run(SAVE_CURSOR, [consumer, source, position, heard]);
}

/** Remembers up to where a consumer knows that something is missing to it. */
export async function saveMissed(
  connection: SqlConnection,
  consumer: string,
  source: string,
  missed: number,
): Promise<void> {
  await connection.run(SAVE_MISSED, [consumer, source, missed]);
}

/**
 * Deletes what was handled before a moment (now less {@link INBOX_RETENTION_MS}) and need not be remembered, at most
 * `limit` rows; resolves to how many. Repeat while it reaches the limit.
 */
export function pruneInbox(connection: SqlConnection, before: number, limit: number): Promise<number> {
  return connection.run(PRUNE, [before, limit]);
}
