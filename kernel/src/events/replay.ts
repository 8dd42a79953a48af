/** Replay: a subscriber that forgot everything hears the whole log again. */
import type { SqlConnection } from "../store/mod.ts";

const FORGET = [
  "DELETE FROM isomer_cursor WHERE consumer = ?",
  "DELETE FROM isomer_inbox WHERE consumer = ?",
  "DELETE FROM isomer_dead WHERE consumer = ?",
];

/**
 * Makes a consumer forget what it handled, its dead letters included, so that it replays every source from the
 * beginning. Empty the projection's tables in the same transaction, and do it while the consumer is stopped: one that
 * runs would go on from where it is. A new consumer needs none of this; it begins at the beginning anyway.
 */
export async function resetConsumer(connection: SqlConnection, consumer: string): Promise<void> {
  for (const sql of FORGET) await connection.run(sql, [consumer]);
}
