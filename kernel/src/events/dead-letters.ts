/**
 * Dead letters: events that a subscriber could not handle, kept whole with the reason until somebody decides.
 *
 * A dead letter blocks nothing: later events of its key are handled while it waits, because one order that cannot be
 * handled must not stop what else happens to it. It keeps its sequence and position, so that who redrives it sees
 * what was handled before it; a handler that cannot bear that must compare `event.sequence` with what it has stored.
 *
 * What holds across a crash: an event is a dead letter, or took effect, never both.
 */
import { type FaultData, toFault } from "../std/mod.ts";
import type { SqlConnection } from "../store/mod.ts";
import type { EventRecord } from "./event.ts";

/** An event that could not be handled. */
export interface DeadLetter {
  readonly consumer: string;
  readonly event: EventRecord;
  /** Why the last attempt failed. */
  readonly fault: FaultData;
  readonly attempts: number;
  /** When it was last given up, milliseconds since 1970. */
  readonly at: number;
}

/**
 * Runs the body in a transaction of the subscriber's database; the runtime supplies it. `event` is what the transaction
 * handles, if it does: what is recorded in it continues the event's trace.
 */
export type Transact = <T>(
  label: string,
  body: (connection: SqlConnection) => Promise<T>,
  event?: EventRecord,
) => Promise<T>;

/** The subscriber to which dead letters are delivered again. {@link Consumer} is one. */
export interface Redriver {
  readonly name: string;
  readonly source: { readonly service: string };
  readonly transact: Transact;
  /** Handles the event in the transaction, without an inbox. */
  deliver(event: EventRecord, connection: SqlConnection): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
}

const BURY = `INSERT INTO isomer_dead (consumer, event_id, source, position, type, key, event, fault, attempts, at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const LIST = `SELECT consumer, event, fault, attempts, at FROM isomer_dead
  WHERE consumer = ? AND source = ? AND position > ? ORDER BY position LIMIT ?`;
const FIND = "SELECT consumer, event, fault, attempts, at FROM isomer_dead WHERE consumer = ? AND event_id = ?";
const DISCARD = "DELETE FROM isomer_dead WHERE consumer = ? AND event_id = ?";
const FAILED_AGAIN =
  "UPDATE isomer_dead SET fault = ?, attempts = attempts + 1, at = ? WHERE consumer = ? AND event_id = ?";
const COUNT = "SELECT consumer, count(*) AS letters FROM isomer_dead GROUP BY consumer";
const COUNT_OF = "SELECT count(*) AS letters FROM isomer_dead WHERE consumer = ? AND source = ?";

type DeadRow = {
  readonly consumer: string;
  readonly event: string;
  readonly fault: string;
  readonly attempts: number;
  readonly at: number;
};

/** Keeps an event that could not be handled: in the transaction of its inbox row. */
export async function buryEvent(connection: SqlConnection, letter: DeadLetter): Promise<void> {
  const { consumer, event, fault, attempts, at } = letter;
  const { id, service, position, type, key } = event;
  const texts = [JSON.stringify(event), JSON.stringify(fault)];
  await connection.run(BURY, [consumer, id, service, position, type, key, ...texts, attempts, at]);
}

/** Which dead letters: at most `limit` after the position of the last one seen, all from the beginning unless said. */
export interface DeadLetterRange {
  readonly after?: number;
  readonly limit: number;
}

/** A consumer's dead letters of one source, in the order of their events. */
export async function listDeadLetters(
  connection: SqlConnection,
  of: { readonly consumer: string; readonly source: string },
  range: DeadLetterRange,
): Promise<DeadLetter[]> {
  const rows = await connection.all<DeadRow>(LIST, [of.consumer, of.source, range.after ?? 0, range.limit]);
  return rows.map(toLetter);
}

/** How many dead letters each consumer of this database has: an alert belongs on it. */
export async function countDeadLetters(connection: SqlConnection): Promise<ReadonlyMap<string, number>> {
  const rows = await connection.all<{ consumer: string; letters: number }>(COUNT);
  return new Map(rows.map((row) => [row.consumer, row.letters]));
}

/** How many dead letters a consumer has of one source. */
export async function countDeadLettersOf(
  connection: SqlConnection,
  of: { readonly consumer: string; readonly source: string },
): Promise<number> {
  const [row] = await connection.all<{ letters: number }>(COUNT_OF, [of.consumer, of.source]);
  return row?.letters ?? 0;
}

/** Gives a dead letter up for good; false when there is none. */
export async function discardDeadLetter(
  connection: SqlConnection,
  consumer: string,
  eventId: string,
): Promise<boolean> {
  return (await connection.run(DISCARD, [consumer, eventId])) === 1;
}

/**
 * Delivers a dead letter again: its effect and its end as a dead letter commit together. False when there is none.
 * @throws what the handler throws; the letter stays, with the new reason.
 */
export async function redriveDeadLetter(to: Redriver, eventId: string): Promise<boolean> {
  const label = `${to.name}.redrive`;
  const [row] = await to.transact(label, (connection) => connection.all<DeadRow>(FIND, [to.name, eventId]));
  if (row === undefined) return false;
  const { event } = toLetter(row);
  const again = async (connection: SqlConnection): Promise<boolean> => {
    // Whoever deletes the letter delivers it: two who redrive it at the same time do it once.
    if (!(await discardDeadLetter(connection, to.name, eventId))) return false;
    await to.deliver(event, connection);
    return true;
  };
  try {
    return await to.transact(label, again, event);
  } catch (error) {
    const fault = JSON.stringify(toFault(error));
    await to.transact(label, (connection) => connection.run(FAILED_AGAIN, [fault, to.now(), to.name, eventId]));
    throw error;
  }
}

/** How a redrive of several went. */
export interface Redriven {
  readonly redriven: number;
  /** Keys whose first letter failed again. */
  readonly failed: number;
  /** The position to go on after; undefined when there was nothing. */
  readonly last: number | undefined;
}

/**
 * Delivers a consumer's dead letters again, in the order of their events. Where one fails, the later ones of its key
 * stay too.
 */
export async function redriveDeadLetters(to: Redriver, range: DeadLetterRange): Promise<Redriven> {
  const of = { consumer: to.name, source: to.source.service };
  const letters = await to.transact(`${to.name}.redrive`, (connection) => listDeadLetters(connection, of, range));
  const stuck = new Set<string>();
  let redriven = 0;
  for (const { event } of letters) {
    if (stuck.has(event.key)) continue;
    try {
      if (await redriveDeadLetter(to, event.id)) redriven += 1;
    } catch {
      // The reason is in the letter.
      stuck.add(event.key);
    }
  }
  return { redriven, failed: stuck.size, last: letters.at(-1)?.event.position };
}

function toLetter(row: DeadRow): DeadLetter {
  return {
    consumer: row.consumer,
    event: JSON.parse(row.event) as EventRecord,
    fault: JSON.parse(row.fault) as FaultData,
    attempts: row.attempts,
    at: row.at,
  };
}
