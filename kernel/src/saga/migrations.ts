/** The tables of sagas, in the database of the service that runs them. */
import type { Migration, SqlConnection } from "../store/mod.ts";

/**
 * `wake_at` is when the engine must look at a saga next: from its start on for one that runs, the deadline for one
 * that waits, and null once it has ended. So one index finds all work: after a crash, and when a timer is due.
 * `doubtful` is 1 when later steps may have been made on the strength of the step that the saga was put away at.
 */
export const sagaMigrations: readonly Migration[] = [
  {
    name: "0001_saga",
    sql: `CREATE TABLE isomer_saga (
      id TEXT PRIMARY KEY,
      saga TEXT NOT NULL,
      version INTEGER NOT NULL,
      status TEXT NOT NULL,
      input TEXT NOT NULL,
      output TEXT,
      fault TEXT,
      step TEXT,
      attempts INTEGER NOT NULL,
      doubtful INTEGER NOT NULL,
      wake_at BIGINT,
      identity TEXT,
      criticality TEXT NOT NULL,
      trace TEXT,
      started_at BIGINT NOT NULL,
      updated_at BIGINT NOT NULL,
      pivoted INTEGER NOT NULL);
    CREATE INDEX isomer_saga_wake ON isomer_saga (wake_at, id) WHERE wake_at IS NOT NULL;
    CREATE INDEX isomer_saga_ended ON isomer_saga (updated_at) WHERE wake_at IS NULL;
    CREATE TABLE isomer_saga_journal (
      saga_id TEXT NOT NULL,
      name TEXT NOT NULL,
      kind TEXT NOT NULL,
      status TEXT NOT NULL,
      value TEXT,
      seq INTEGER NOT NULL,
      PRIMARY KEY (saga_id, name));
    CREATE TABLE isomer_saga_signal (
      saga_id TEXT NOT NULL,
      name TEXT NOT NULL,
      payload TEXT NOT NULL,
      at BIGINT NOT NULL,
      PRIMARY KEY (saga_id, name));
    CREATE INDEX isomer_saga_signal_at ON isomer_saga_signal (at);`,
  },
];

const ENDED = "SELECT id FROM isomer_saga WHERE wake_at IS NULL AND updated_at < ? ORDER BY updated_at LIMIT ?";
const STRAYS = `DELETE FROM isomer_saga_signal WHERE (saga_id, name) IN (
  SELECT s.saga_id, s.name FROM isomer_saga_signal s
  WHERE s.at < ? AND NOT EXISTS (SELECT 1 FROM isomer_saga WHERE id = s.saga_id) ORDER BY s.at LIMIT ?)`;

/**
 * Deletes sagas that ended before a moment, with their journals and signals, and as old signals to sagas that never
 * were; at most `limit` of each. Resolves to the larger number of the two.
 */
export async function pruneSagas(connection: SqlConnection, before: number, limit: number): Promise<number> {
  const ended = await connection.all<{ id: string }>(ENDED, [before, limit]);
  for (const { id } of ended) {
    await connection.run("DELETE FROM isomer_saga_journal WHERE saga_id = ?", [id]);
    await connection.run("DELETE FROM isomer_saga_signal WHERE saga_id = ?", [id]);
    await connection.run("DELETE FROM isomer_saga WHERE id = ?", [id]);
  }
  const strays = await connection.run(STRAYS, [before, limit]);
  return Math.max(ended.length, strays);
}
