/**
 * Taking old events out of the log: only those of types that say how long they are kept, only from its beginning on, and
 * in pieces whose cost does not depend on how long the log is.
 *
 * What holds, across a crash at any point too: up to where a type was pruned is written down in the transaction that
 * deletes, so a reader that wants what is gone is told so (`EventsPruned`). Sequences of keys and positions go on as if
 * nothing had been deleted; the newest event is never deleted, since the next position follows from it.
 */
import type { Migration, SqlConnection } from "../store/mod.ts";
import { type FaultType, defineFault } from "../std/mod.ts";

/** A reader wants events that were deleted from the log, because their contract does not keep them for ever. */
export const EventsPruned: FaultType<{ service: string; after: number; pruned: number }> = defineFault({
  code: "events/pruned",
  kind: "missing",
  message: ({ service, after, pruned }) =>
    `Events of "${service}" up to ${pruned} were deleted when their time (keepMs) was over, and those after ${after} are ` +
    `asked for. A subscriber goes on with what is left by "isomer skip"; or restore a backup.`,
});

/** Up to where each type was pruned; in SQLite, also the last sequence of keys (PostgreSQL has that already). */
export const pruningMigration: Migration = {
  name: "0003_events_pruned",
  sql: {
    sqlite: `CREATE TABLE isomer_log_pruned (type TEXT PRIMARY KEY, position BIGINT NOT NULL);
    CREATE TABLE isomer_log_key (key TEXT PRIMARY KEY, sequence BIGINT NOT NULL);`,
    postgres: "CREATE TABLE isomer_log_pruned (type TEXT PRIMARY KEY, position BIGINT NOT NULL)",
  },
};

/** How many positions are looked at in one transaction, unless said. */
const SPAN = 2_000;

const PRUNED = "SELECT type, position FROM isomer_log_pruned";
const MARK = `INSERT INTO isomer_log_pruned (type, position) VALUES (?, ?)
  ON CONFLICT (type) DO UPDATE SET position = excluded.position WHERE isomer_log_pruned.position < excluded.position`;
const KEEP_SEQUENCES = `INSERT INTO isomer_log_key (key, sequence)
  SELECT key, max(sequence) FROM isomer_log WHERE position > ? AND position <= ? AND type = ? GROUP BY key
  ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence WHERE isomer_log_key.sequence < excluded.sequence`;
const DELETE = "DELETE FROM isomer_log WHERE position > ? AND position <= ? AND type = ?";
const HEAD = "SELECT coalesce(max(position), 0) AS head FROM isomer_log";

/** Up to where each type that was ever pruned is gone. */
export async function prunedPositions(connection: SqlConnection): Promise<ReadonlyMap<string, number>> {
  const rows = await connection.all<{ type: string; position: number }>(PRUNED);
  return new Map(rows.map(({ type, position }) => [type, position]));
}

/** The position up to which events of these types, or any type, may be gone; 0 when none is. */
export async function prunedUpTo(connection: SqlConnection, types?: ReadonlySet<string>): Promise<number> {
  const pruned = await prunedPositions(connection);
  const those = [...pruned].filter(([type]) => types === undefined || types.has(type));
  return Math.max(0, ...those.map(([, position]) => position));
}

/**
 * Deletes events of a type from where it was pruned last, up to a position at most, and never the newest of the log: one
 * piece, of so many positions. Resolves to whether there is more to do.
 */
export async function pruneLog(
  connection: SqlConnection,
  type: string,
  upTo: number,
  span: number = SPAN,
): Promise<boolean> {
  const from = (await prunedPositions(connection)).get(type) ?? 0;
  const [row] = await connection.all<{ head: number }>(HEAD);
  const end = Math.min(upTo, (row?.head ?? 0) - 1);
  const to = Math.min(end, from + span);
  if (to <= from) return false;
  if (connection.dialect === "sqlite") await connection.run(KEEP_SEQUENCES, [from, to, type]);
  await connection.run(DELETE, [from, to, type]);
  await connection.run(MARK, [type, to]);
  return to < end;
}
