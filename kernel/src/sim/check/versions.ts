/** The order of a list's elements, as its reads show it, and what is wrong with the reads by themselves. */
import type { AnomalyName } from "./anomaly.ts";
import { type Findings, listText, nameText } from "./findings.ts";
import { type Append, type List, type Read, isPrefix } from "./lists.ts";
import { type Name, type Transaction, labelOf } from "./transaction.ts";

/** A list whose order is known as far as somebody has read it. */
export interface Versions {
  readonly list: List;
  /** The longest read: every other one is one of its beginnings, or the list has no order at all. */
  readonly order: readonly Name[];
  readonly longest: Read | undefined;
  /** The reads that are beginnings of it. */
  readonly reads: readonly Read[];
  /** The reads that are not. */
  readonly strays: readonly Read[];
}

/** Puts a list's elements in order. */
export function versionsOf(list: List): Versions {
  let longest: Read | undefined;
  for (const read of list.reads) if (read.values.length > (longest?.values.length ?? -1)) longest = read;
  const order = longest?.values ?? [];
  const reads: Read[] = [];
  const strays: Read[] = [];
  for (const read of list.reads) (isPrefix(read.values, order) ? reads : strays).push(read);
  return { list, order, longest, reads, strays };
}

/** Reports what reads show that no order of transactions explains: G1a, G1b, garbage, duplicates, losses, two orders. */
export function checkReads(versions: Versions, transactions: readonly Transaction[], findings: Findings): void {
  const check = new ReadCheck(versions, transactions, findings);
  // Whatever is wrong inside a beginning of the order is wrong in the order, so it is looked at once.
  check.elements(versions.order, (at) => versions.reads.find(({ values }) => values.length > at));
  for (const read of versions.reads) check.last(read);
  for (const read of versions.strays) {
    check.stray(read);
    check.elements(read.values, () => read);
    check.last(read);
  }
}

type Reader = (at: number) => Read | undefined;

class ReadCheck {
  readonly #versions: Versions;
  readonly #transactions: readonly Transaction[];
  readonly #findings: Findings;

  constructor(versions: Versions, transactions: readonly Transaction[], findings: Findings) {
    this.#versions = versions;
    this.#transactions = transactions;
    this.#findings = findings;
  }

  /** Looks at each element of a list, and at its neighbours. */
  elements(values: readonly Name[], readerOf: Reader): void {
    const { appends } = this.#versions.list;
    const places = new Map<Name, number>();
    for (const [at, value] of values.entries()) {
      if (places.has(value)) this.#add("duplicate", readerOf(at), [], `with ${nameText(value)} twice`);
      places.set(value, at);
      const append = appends.get(value);
      if (append === undefined) this.#add("garbage", readerOf(at), [], `where nobody appended ${nameText(value)}`);
      else this.#element(append, at, { values, places, readerOf });
    }
  }

  #element(
    append: Append,
    at: number,
    list: { values: readonly Name[]; places: Map<Name, number>; readerOf: Reader },
  ): void {
    const { transaction, value, previous, next } = append;
    const writer = this.#labelOf(transaction);
    if (this.#transactions[transaction]?.outcome === "aborted")
      this.#add("G1a", list.readerOf(at), [transaction], `with ${nameText(value)} by ${writer}, which aborted`);
    const isInside = at + 1 < list.values.length;
    if (next !== undefined && isInside && list.values[at + 1] !== next.value)
      this.#add(
        "G1b",
        list.readerOf(at + 1),
        [transaction],
        `where ${nameText(next.value)} by ${writer} must follow ${nameText(value)}`,
      );
    if (previous !== undefined && !list.places.has(previous.value) && !list.values.includes(previous.value))
      this.#add(
        "lost append",
        list.readerOf(at),
        [transaction],
        `where ${writer} appended ${nameText(previous.value)} before ${nameText(value)}`,
      );
  }

  /** A read must not end between two appends of somebody else. */
  last(read: Read): void {
    const append = this.#versions.list.appends.get(read.values.at(-1) ?? Number.NaN);
    if (append?.next === undefined || append.transaction === read.transaction) return;
    const { transaction, value, next } = append;
    const text = `before ${this.#labelOf(transaction)} appended ${nameText(next.value)} after ${nameText(value)}`;
    this.#add("G1b", read, [transaction], text);
  }

  stray(read: Read): void {
    const { order, longest } = this.#versions;
    const other = longest === undefined ? [] : [longest.transaction];
    const by = longest === undefined ? "" : `${this.#labelOf(longest.transaction)} read `;
    this.#add("incompatible order", read, other, `but ${by}${listText(order)}`);
  }

  #add(name: AnomalyName, read: Read | undefined, others: readonly number[], why: string): void {
    if (read === undefined) return;
    const involved = [...new Set([read.transaction, ...others])].map(
      (index) => this.#transactions[index] as Transaction,
    );
    const key = nameText(this.#versions.list.key);
    const text = () => `${this.#labelOf(read.transaction)} read ${key}: ${listText(read.values)}, ${why}`;
    this.#findings.add(
      name,
      involved.map(({ id }) => id),
      text,
    );
  }

  #labelOf(index: number): string {
    return labelOf(this.#transactions[index] as Transaction);
  }
}
