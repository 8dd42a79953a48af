/** What the list-append check is about: transactions that append to lists and read them whole, as their clients saw them. */

/** A key of a list, or an element. Elements are compared by `===`. */
export type Name = string | number;

/**
 * One operation of a transaction. An element is appended to a list once in a history, so that whoever sees it knows who
 * put it there. `values` is what a read answered, from the oldest to the newest; absent when nobody knows.
 */
export type ListOperation =
  | { readonly op: "append"; readonly key: Name; readonly value: Name }
  | { readonly op: "read"; readonly key: Name; readonly values?: readonly Name[] };

/**
 * A transaction. What one that did not commit has read counts for nothing. Of `unknown` ones the client has no answer:
 * they count as committed as soon as somebody has seen one of their elements.
 */
export interface Transaction {
  readonly id: Name;
  readonly outcome: "committed" | "aborted" | "unknown";
  readonly operations: readonly ListOperation[];
  /** When its client began, and when it had the answer. Where both are given, the order in real time is checked too. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** Appends an element to a list. */
export function append(key: Name, value: Name): ListOperation {
  return { op: "append", key, value };
}

/** Reads a list, which had these elements. */
export function read(key: Name, values: readonly Name[]): ListOperation {
  return { op: "read", key, values };
}

/** A transaction's id as it is printed: T1 for the number 1. */
export function labelOf({ id }: Transaction): string {
  return typeof id === "number" ? `T${id}` : id;
}
