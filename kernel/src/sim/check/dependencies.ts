/** What must come before what: the edges between transactions, as Adya, Liskov and O'Neil (2000) define them. */
import { nameText } from "./findings.ts";
import type { Name } from "./transaction.ts";

/**
 * `ww`: it appended the element before. `wr`: it appended what the other read. `rw`: it read the list before the other
 * appended. `rt`: it had ended before the other started. `via` leads on from a junction, see {@link EdgeList}.
 */
export type DependencyKind = "ww" | "wr" | "rw" | "rt" | "via";

/** An edge, from the transaction that comes first. Transactions are their index in the history. */
export interface Dependency {
  readonly from: number;
  readonly to: number;
  readonly kind: DependencyKind;
  /** The list; none for the order in real time. */
  readonly key?: Name | undefined;
  /** The element, or the time, on the side of `from`; undefined for an empty list. */
  readonly before?: Name | undefined;
  readonly after?: Name | undefined;
}

/** Transactions, and of each the element that it saw last or that it appended. */
export type Sides = ReadonlyMap<number, Name | undefined>;

/**
 * The edges of a history. When many have read the end of a list and many have appended after it, an edge for each pair
 * would be too many: then the readers' edges lead to a junction, a node beyond the transactions, and `via` leads on to
 * those who appended. No transaction is on both sides of a junction, so every path through one is a dependency.
 */
export class EdgeList {
  readonly dependencies: Dependency[] = [];
  #nodes: number;

  constructor(transactions: number) {
    this.#nodes = transactions;
  }

  /** How many nodes there are, junctions included. */
  get nodes(): number {
    return this.#nodes;
  }

  /** Adds an edge, unless it leads from a transaction to itself. */
  add(edge: Dependency): void {
    if (edge.from !== edge.to) this.dependencies.push(edge);
  }

  /** Each of the readers has read the list before any of the writers, itself left aside, appended to it. */
  addOvertaken(key: Name, readers: Sides, writers: Sides): void {
    const both = [...readers.keys()].filter((reader) => writers.has(reader));
    const places = new Map(both.map((transaction, place) => [transaction, place]));
    const pick = (sides: Sides, isWanted: (place: number | undefined) => boolean): Sides =>
      new Map([...sides].filter(([transaction]) => isWanted(places.get(transaction))));
    const isNone = (place: number | undefined): boolean => place === undefined;
    this.#connect(key, readers, pick(writers, isNone));
    this.#connect(
      key,
      pick(readers, isNone),
      pick(writers, (place) => !isNone(place)),
    );
    // Any two that did both differ in some bit of their places: so these are all pairs, and nobody with itself.
    for (let bit = 1; bit < both.length; bit <<= 1) {
      const isUp = (place = 0): boolean => (place & bit) !== 0;
      const isDown = (place?: number): boolean => !isNone(place) && !isUp(place);
      this.#connect(key, pick(readers, isUp), pick(writers, isDown));
      this.#connect(key, pick(readers, isDown), pick(writers, isUp));
    }
  }

  #connect(key: Name, readers: Sides, writers: Sides): void {
    if (readers.size * writers.size <= readers.size + writers.size) {
      for (const [from, before] of readers)
        for (const [to, after] of writers) this.add({ from, to, kind: "rw", key, before, after });
      return;
    }
    const junction = this.#nodes;
    this.#nodes += 1;
    for (const [from, before] of readers) this.add({ from, to: junction, kind: "rw", key, before });
    for (const [to, after] of writers) this.add({ from: junction, to, kind: "via", key, after });
  }
}

/** Puts together the two edges of each way through a junction. */
export function withoutJunctions(path: readonly Dependency[]): readonly Dependency[] {
  const whole: Dependency[] = [];
  for (const edge of path) {
    const before = whole.at(-1);
    if (edge.kind === "via" && before !== undefined)
      whole[whole.length - 1] = { ...before, to: edge.to, after: edge.after };
    else whole.push(edge);
  }
  return whole;
}

/** An edge as it is printed: `ww(x: 1 before 2)`. */
export function dependencyText({ kind, key, before, after }: Dependency): string {
  const list = key === undefined ? "" : `${nameText(key)}: `;
  switch (kind) {
    case "ww":
      return `ww(${list}${word(before)} before ${word(after)})`;
    case "wr":
      return `wr(${list}${word(after)} was seen)`;
    case "rw":
      return `rw(${list}${before === undefined ? "nothing" : `up to ${word(before)}`} was seen before ${word(after)})`;
    case "rt":
      return `rt(${word(before)} before ${word(after)})`;
    case "via":
      return `via(${word(after)})`;
  }
}

function word(name: Name | undefined): string {
  return name === undefined ? "-" : nameText(name);
}
