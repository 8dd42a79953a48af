/**
 * Positions on PostgreSQL. Transactions commit there in another order than they began, so a number drawn while one runs is no
 * place in the log: a reader that goes by it passes over what commits late. So rows are appended without a position, and
 * whoever reads the log gives positions to what has committed meanwhile.
 *
 * What holds, across a crash at any point too:
 *  - a position once seen stays, and none is given twice: whoever gives them holds a lock until its commit is seen;
 *  - positions have no gap, and whoever sees one sees all before it;
 *  - within a key they follow the sequence. The transaction that recorded n + 1 had seen n committed, so whoever sees
 *    n + 1 sees n; and it drew its entry after that, so n has the lower one.
 *
 * See `docs/decisions/0004-positions-after-commit.md`.
 */
import type { Clock } from "../std/mod.ts";
import type { Database, SqlConnection } from "../store/mod.ts";

/** How many rows get their position in one transaction. */
const BATCH_MAX = 1_000;
/** How long giving positions may take, in milliseconds; it is tried again. */
const GIVE_MS = 5_000;

// A process that stops between its update and its commit must not hold the others up for long.
const IMPATIENT = "SELECT set_config('idle_in_transaction_session_timeout', '1000', true)";
// "isom", and the number of this lock among the kernel's.
const LOCK = "SELECT pg_advisory_xact_lock(1769172845, 3)";
// A statement of its own: its snapshot is younger than the lock, and sees what the last holder has given.
const GIVE = `UPDATE isomer_log SET position = placed.position
  FROM (SELECT entry, (SELECT coalesce(max(position), 0) FROM isomer_log) + row_number() OVER (ORDER BY entry) AS position
    FROM (SELECT entry FROM isomer_log WHERE position IS NULL ORDER BY entry LIMIT ?) AS waiting) AS placed
  WHERE isomer_log.entry = placed.entry`;
const PEEK = `SELECT coalesce(max(position), 0) AS head,
  EXISTS (SELECT 1 FROM isomer_log WHERE position IS NULL) AS waiting FROM isomer_log`;

/**
 * Gives positions to what was recorded and has none. Where the engine gives them itself, it does nothing.
 * Resolves to whether that was all, as far as the number goes that is given at once.
 */
export async function givePositions(database: Database, label: string, clock: Clock): Promise<boolean> {
  if (database.dialect !== "postgres") return true;
  const deadlineAt = clock.monotonicMs() + GIVE_MS;
  const given = await database.write({ label, isolation: "read committed", deadlineAt }, async (connection) => {
    // Sent together, carried out one after another: one round trip.
    const [, , rows] = await Promise.all([
      connection.all(IMPATIENT),
      connection.all(LOCK),
      connection.run(GIVE, [BATCH_MAX]),
    ]);
    return rows;
  });
  return given < BATCH_MAX;
}

/** An event's place in a log. */
export interface Mark {
  readonly position: number;
  readonly id: string;
}

/** What {@link raisePositions} is to do. */
export interface Raise {
  /** The log is right up to here. */
  readonly after: number;
  /** What comes after that gets positions beyond this one. */
  readonly above: number;
  /** What the log does not have when it lost something: if it does, nothing is done. */
  readonly lost: Mark;
}

/**
 * Gives higher positions to what a log recorded after it lost its end (a restore, a failover): subscribers have heard other
 * events at the positions that these have, and go past them. Keeps the order. Resolves to how many events it was.
 */
export async function raisePositions(database: Database, label: string, clock: Clock, raise: Raise): Promise<number> {
  const { after, above, lost } = raise;
  // Only there it may have to wait for a lock that another process holds.
  const bounded = database.dialect === "postgres" ? { deadlineAt: clock.monotonicMs() + GIVE_MS } : {};
  return await database.write({ label, isolation: "read committed", ...bounded }, async (connection) => {
    if (connection.dialect === "postgres") await connection.all(LOCK);
    // A reader may have asked a copy that was behind; here it is sure.
    const [there] = await connection.all<{ id: string }>("SELECT id FROM isomer_log WHERE position = ?", [
      lost.position,
    ]);
    if (there?.id === lost.id && after < lost.position) return 0;
    const [found] = await connection.all<{ least: number | null; most: number | null }>(
      "SELECT min(position) AS least, max(position) AS most FROM isomer_log WHERE position > ?",
      [after],
    );
    if (typeof found?.least !== "number" || typeof found.most !== "number" || found.least > above) return 0;
    // Beyond the log's own end, too: no position is given that another row still has.
    const by = Math.max(above, found.most) - after;
    return await connection.run("UPDATE isomer_log SET position = position + ? WHERE position > ?", [by, after]);
  });
}

/** The last position that was given, and whether something waits for one. Only for PostgreSQL. */
export async function peekLog(
  connection: SqlConnection,
): Promise<{ readonly head: number; readonly hasWaiting: boolean }> {
  const [row] = await connection.all<{ head: number; waiting: number }>(PEEK);
  return { head: row?.head ?? 0, hasWaiting: row?.waiting === 1 };
}
