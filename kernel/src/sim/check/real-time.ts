/** Which transactions had ended before others started. */
import type { EdgeList } from "./dependencies.ts";
import type { Transaction } from "./transaction.ts";

interface Moment {
  readonly at: number;
  readonly transaction: number;
  readonly ends: boolean;
}

/**
 * Adds the order in real time, without the edges that follow from others. Of a transaction whose outcome its client does
 * not know it is not known either when it ended.
 * @throws {RangeError} when a transaction ends before it starts.
 */
export function addRealTime(transactions: readonly Transaction[], edges: EdgeList): void {
  /** Those that have ended, and after whose end nothing that has ended too was started. */
  let front: number[] = [];
  for (const { transaction, ends } of momentsOf(transactions)) {
    const { startedAt, endedAt } = transactions[transaction] as Transaction;
    if (ends) {
      // What had ended before this one started comes before it, and so before all that starts from now on.
      front = front.filter((other) => !(startedAt !== undefined && (transactions[other]?.endedAt ?? 0) < startedAt));
      front.push(transaction);
      continue;
    }
    for (const from of front)
      edges.add({ from, to: transaction, kind: "rt", before: transactions[from]?.endedAt, after: startedAt });
    if (endedAt !== undefined && startedAt !== undefined && !(startedAt <= endedAt))
      throw new RangeError(`A transaction starts at ${startedAt} and ends at ${endedAt}.`);
  }
}

/** Starts come before ends of the same time: transactions that touch are concurrent. */
function momentsOf(transactions: readonly Transaction[]): readonly Moment[] {
  const moments: Moment[] = [];
  for (const [transaction, { startedAt, endedAt, outcome }] of transactions.entries()) {
    if (outcome === "aborted") continue;
    if (startedAt !== undefined) moments.push({ at: startedAt, transaction, ends: false });
    if (endedAt !== undefined && outcome === "committed") moments.push({ at: endedAt, transaction, ends: true });
  }
  return moments.sort((a, b) => a.at - b.at || Number(a.ends) - Number(b.ends) || a.transaction - b.transaction);
}
