/**
 * The way back. A crash on it repeats at most undos whose entries were lost, under the keys that they had: their callees
 * know them. So nothing here waits for the disk but the end.
 */
import { attempt } from "./attempts.ts";
import type { Fiber } from "./fiber.ts";
import { INSERT_ENTRY, undoName } from "./records.ts";
import type { Undo } from "./undo.ts";

/** Takes steps back, one after another. Resolves to false when the fiber stopped before the last. */
export async function compensate(fiber: Fiber, undos: readonly Undo[]): Promise<boolean> {
  for (const undo of undos) {
    const key = undoName(undo.name);
    if (fiber.recorded(key) === undefined && !(await takeBack(fiber, undo, key))) return false;
  }
  return true;
}

async function takeBack(fiber: Fiber, undo: Undo, key: string): Promise<boolean> {
  const outcome = await attempt(fiber, {
    name: key,
    run: (count) => once(fiber, undo, key, count),
    attempts: fiber.parkedAttempts(key),
    doubtful: fiber.isRecovered,
  });
  if (outcome === undefined) return false;
  if (undo.taker.kind === "call") fiber.ledger.record(key, "undo", "done", null);
  fiber.progressed();
  return true;
}

async function once(fiber: Fiber, undo: Undo, key: string, count: number): Promise<void> {
  const { taker } = undo;
  if (taker.kind === "call") {
    await fiber.outside.call(taker.undo(undo.result()), key, { attempt: count, insists: true });
    return;
  }
  await fiber.ledger.transact(key, async (tx) => {
    // First, so that a repetition after a commit whose outcome got lost does nothing.
    if ((await tx.connection.run(INSERT_ENTRY, fiber.ledger.entry(key, "undo", "done", null))) === 0) return;
    await taker.undo(tx, undo.result());
  });
}
