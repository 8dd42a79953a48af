/** Isolation decided by trying every order of small histories: what the list-append check is held to. */
import type { Name, Transaction } from "../transaction.ts";

type Lists = ReadonlyMap<Name, readonly Name[]>;

/** Runs a transaction alone: the lists after it, or undefined if its reads are not what it would have read. */
function after(lists: Lists, { operations, outcome }: Transaction): Lists | undefined {
  const own = new Map(lists);
  for (const operation of operations) {
    const list = own.get(operation.key) ?? [];
    if (operation.op === "append") own.set(operation.key, [...list, operation.value]);
    else if (outcome === "committed" && operation.values !== undefined && !isEqual(list, operation.values))
      return undefined;
  }
  return own;
}

function isEqual(a: readonly Name[], b: readonly Name[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

/** Whether the committed transactions, and any of those without an answer, can have run one after the other. */
export function hasSerialOrder(transactions: readonly Transaction[], { inRealTime = false } = {}): boolean {
  const extend = (lists: Lists, left: readonly Transaction[]): boolean => {
    if (left.every(({ outcome }) => outcome === "unknown")) return true;
    return left.some((transaction) => {
      const others = left.filter((other) => other !== transaction);
      const isEarly = ({ outcome, endedAt = Infinity }: Transaction): boolean =>
        outcome === "committed" && endedAt < (transaction.startedAt ?? -Infinity);
      if (inRealTime && others.some(isEarly)) return false;
      const next = after(lists, transaction);
      return next !== undefined && extend(next, others);
    });
  };
  return extend(
    new Map(),
    transactions.filter(({ outcome }) => outcome !== "aborted"),
  );
}

interface Open {
  readonly transaction: Transaction;
  readonly snapshot: Lists;
}

/**
 * Whether they can have run under snapshot isolation: each on the lists as they were at some moment, and no two that
 * appended to one list side by side.
 */
export function hasSnapshotOrder(transactions: readonly Transaction[]): boolean {
  const extend = (lists: Lists, waiting: readonly Transaction[], open: readonly Open[]): boolean => {
    if (open.length === 0 && waiting.every(({ outcome }) => outcome === "unknown")) return true;
    const begins = waiting.some((transaction) => {
      if (after(lists, transaction) === undefined) return false;
      const others = waiting.filter((other) => other !== transaction);
      return extend(lists, others, [...open, { transaction, snapshot: lists }]);
    });
    if (begins) return true;
    return open.some((one) => {
      const written = new Set(one.transaction.operations.filter(({ op }) => op === "append").map(({ key }) => key));
      if ([...written].some((key) => !isEqual(lists.get(key) ?? [], one.snapshot.get(key) ?? []))) return false;
      const own = after(one.snapshot, one.transaction);
      const next = new Map([...lists, ...[...written].map((key) => [key, own?.get(key) ?? []] as const)]);
      return extend(
        next,
        waiting,
        open.filter((other) => other !== one),
      );
    });
  };
  const counted = transactions.filter(({ outcome }) => outcome !== "aborted");
  return extend(new Map(), counted, []);
}
