/** How a run ends in the table: put away until its next moment, or for ever. */
import { attempt } from "./attempts.ts";
import type { Fiber } from "./fiber.ts";
import { FIND_ENDED, LAST_WORD, decode, encodeFault } from "./records.ts";
import type { Saga, SagaOutcome } from "./saga.ts";

/** Writes where a paused saga stands, and when it is to be looked at again. */
export function putAway({ row, ledger, work, underWay }: Fiber): void {
  const pauses = work.pauses();
  const first = pauses.find(({ retry }) => retry !== undefined);
  if (first?.retry === undefined) {
    // The waits have put themselves in the row.
    row.status = "waiting";
    return;
  }
  const stuck = pauses.find(({ retry }) => retry?.stuck)?.retry;
  if (stuck !== undefined) row.fault = encodeFault(stuck.fault);
  ledger.store({
    status: stuck === undefined ? underWay : "stuck",
    step: first.name,
    attempts: first.retry.attempts,
    doubtful: pauses.some(({ retry }) => retry?.mustResolve),
    wakeAt: pauses[0]?.wakeAt ?? first.wakeAt,
  });
}

/** Writes that a saga has ended. Resolves to false when the process stops, or the last word fails: then it is said later. */
export async function writeEnd(fiber: Fiber, saga: Saga | undefined, status: SagaOutcome["status"]): Promise<boolean> {
  const { ledger, row } = fiber;
  if (saga?.settled === undefined) {
    ledger.store({ status, wakeAt: null });
    return true;
  }
  const said = await attempt(fiber, {
    name: LAST_WORD,
    run: (count) =>
      ledger.transact(LAST_WORD, async (tx) => {
        // The answer to an earlier commit may have got lost: then it was said.
        if (count > 1 && (await tx.connection.all(FIND_ENDED, [row.id])).length > 0) {
          await ledger.storeOn(tx.connection, { status, wakeAt: null });
          return;
        }
        const about = { id: row.id, now: fiber.outside.now() };
        const outcome = { status, fault: decode(row.fault), output: decode(row.output) } as SagaOutcome;
        await saga.settled?.(tx, JSON.parse(row.input), outcome, about);
        await ledger.storeOn(tx.connection, { status, wakeAt: null });
      }),
    attempts: fiber.parkedAttempts(LAST_WORD),
    doubtful: false,
  });
  return said !== undefined;
}
