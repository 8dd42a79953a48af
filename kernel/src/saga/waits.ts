/**
 * Durable waits. Whether the signal or the time came first is decided in one transaction, together with the journal
 * entry that says so: a replay sees the same, whatever arrives later.
 */
import { attempt, never } from "./attempts.ts";
import type { Fiber } from "./fiber.ts";
import { type Entry, UPSERT_ENTRY, decode } from "./records.ts";

/** What is waited for. */
export interface Moment {
  readonly name: string;
  readonly kind: "wait" | "sleep";
  readonly afterMs: number;
  readonly signal?: string;
}

interface Open {
  readonly deadline: number;
}

interface Over {
  readonly payload?: unknown;
}

const FIND_SIGNAL = "SELECT payload FROM isomer_saga_signal WHERE saga_id = ? AND name = ?";

/** Resolves when the moment has come: to the signal's payload, or to undefined. Ends the fiber's run until then. */
export async function awaitMoment(fiber: Fiber, moment: Moment): Promise<unknown> {
  const { name, kind } = moment;
  const entry = fiber.ask(name, kind);
  if (entry?.status === "done") return (decode(entry.value) as Over).payload;
  if ((await fiber.begin(name, false)) === undefined) return never();
  const deadline = entry === undefined ? fiber.outside.now() + moment.afterMs : (decode(entry.value) as Open).deadline;
  const outcome = await attempt(fiber, {
    name,
    run: () => decide(fiber, moment, deadline, entry),
    attempts: 0,
    doubtful: false,
  });
  if (outcome?.status !== "done") return never();
  const over = outcome.value as Over | undefined;
  if (over === undefined) {
    fiber.work.pause({ name, wakeAt: deadline });
    return never();
  }
  fiber.leave();
  return over.payload;
}

function decide(fiber: Fiber, moment: Moment, deadline: number, entry: Entry | undefined): Promise<Over | undefined> {
  const { name, kind, signal } = moment;
  return fiber.ledger.write("saga.wait", async (connection) => {
    const found =
      signal === undefined ? [] : await connection.all<{ payload: string }>(FIND_SIGNAL, [fiber.row.id, signal]);
    const over = outcomeOf(found[0], fiber.outside.now() >= deadline);
    if (over !== undefined) {
      await connection.run(UPSERT_ENTRY, fiber.ledger.entry(name, kind, "done", JSON.stringify(over)));
      // Without a wait there was no waiting: the row has not changed.
      if (entry !== undefined)
        await fiber.ledger.storeOn(connection, { status: fiber.underWay, wakeAt: fiber.outside.now() });
      return over;
    }
    if (entry === undefined) {
      const open: Open = { deadline };
      await connection.run(UPSERT_ENTRY, fiber.ledger.entry(name, kind, "open", JSON.stringify(open)));
    }
    await fiber.ledger.storeOn(connection, {
      status: "waiting",
      step: name,
      attempts: 0,
      wakeAt: Math.min(deadline, fiber.work.pauses()[0]?.wakeAt ?? deadline),
    });
    return undefined;
  });
}

function outcomeOf(found: { readonly payload: string } | undefined, isLate: boolean): Over | undefined {
  if (found !== undefined) return { payload: decode(found.payload) };
  return isLate ? {} : undefined;
}
