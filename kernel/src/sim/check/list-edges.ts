/** The edges that the reads of one list show, and the updates to it that were lost. */
import type { EdgeList } from "./dependencies.ts";
import { type Findings, listText, nameText } from "./findings.ts";
import type { Append, Read } from "./lists.ts";
import { type Name, type Transaction, labelOf } from "./transaction.ts";
import type { Versions } from "./versions.ts";

/**
 * The appends of a list, but those of aborted transactions. One without an answer may not have had an effect; as long as
 * nobody has seen it, nothing comes after it, so it is in no cycle.
 */
export interface Effects {
  readonly versions: Versions;
  /** In order, with holes where the element is nobody's, an aborted transaction's, or there again. */
  readonly seen: readonly (Append | undefined)[];
  /** Those that nobody has read, one of each transaction: they came after all that was read. */
  readonly unseen: ReadonlyMap<number, Name>;
}

/** Tells the appends that somebody has seen from the others. */
export function effectsOf(versions: Versions, transactions: readonly Transaction[]): Effects {
  const counts = (index: number): boolean => transactions[index]?.outcome !== "aborted";
  const left = new Map(versions.list.appends);
  const seen = versions.order.map((value) => {
    const append = left.get(value);
    left.delete(value);
    return append !== undefined && counts(append.transaction) ? append : undefined;
  });
  const unseen = new Map<number, Name>();
  for (const { transaction, value } of left.values())
    if (counts(transaction) && !unseen.has(transaction)) unseen.set(transaction, value);
  return { versions, seen, unseen };
}

/** Adds the edges of a list. */
export function addListEdges({ versions, seen, unseen }: Effects, edges: EdgeList): void {
  const { key } = versions.list;
  let last: Append | undefined;
  for (const append of seen) {
    if (append === undefined) continue;
    if (last !== undefined) addOrder(edges, key, last, append);
    last = append;
  }
  const atEnd = new Map<number, Name | undefined>();
  for (const read of versions.reads) {
    addSource(edges, key, read, seen);
    let at = read.seen;
    while (at < seen.length && seen[at] === undefined) at += 1;
    const [before, next] = [read.values[read.seen - 1], seen[at]];
    if (next === undefined) atEnd.set(read.transaction, before);
    else edges.add({ from: read.transaction, to: next.transaction, kind: "rw", key, before, after: next.value });
  }
  if (last !== undefined)
    for (const [to, after] of unseen)
      edges.add({ from: last.transaction, to, kind: "ww", key, before: last.value, after });
  edges.addOvertaken(key, atEnd, unseen);
}

function addOrder(edges: EdgeList, key: Name, before: Append, after: Append): void {
  const [from, to] = [before.transaction, after.transaction];
  edges.add({ from, to, kind: "ww", key, before: before.value, after: after.value });
}

/** Whose element a read saw last: all others before it follow from the order. */
function addSource(edges: EdgeList, key: Name, read: Read, seen: Effects["seen"]): void {
  for (let at = read.seen - 1; at >= 0; at -= 1) {
    const append = seen[at];
    if (append === undefined || append.transaction === read.transaction) continue;
    edges.add({ from: append.transaction, to: read.transaction, kind: "wr", key, after: append.value });
    return;
  }
}

/** Reports transactions that read the same state of a list and each appended to it: one did not see the other. */
export function reportLostUpdates(
  { versions, seen, unseen }: Effects,
  transactions: readonly Transaction[],
  findings: Findings,
): void {
  const writers = new Set([...unseen.keys(), ...seen.flatMap((append) => append?.transaction ?? [])]);
  const groups = new Map<number, Set<number>>();
  for (const { transaction, seen: length } of versions.reads) {
    if (!writers.has(transaction)) continue;
    const group = groups.get(length);
    if (group === undefined) groups.set(length, new Set([transaction]));
    else group.add(transaction);
  }
  for (const [length, group] of groups) {
    if (group.size < 2) continue;
    const lost = [...group].map((index) => transactions[index] as Transaction);
    findings.add(
      "lost update",
      lost.map(({ id }) => id),
      () =>
        `${lost.slice(0, 5).map(labelOf).join(", ")}${lost.length > 5 ? ` and ${lost.length - 5} more` : ""} ` +
        `each read ${nameText(versions.list.key)}: ${listText(versions.order.slice(0, length))} and appended to it`,
    );
  }
}
