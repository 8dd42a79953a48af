/** Collects anomalies: a few examples of each name, and how many there were. */
import { type Anomaly, type AnomalyName, ruledOutBy } from "./anomaly.ts";
import type { Name } from "./transaction.ts";

/** How many anomalies of one name are kept. A broken isolation level breaks everywhere; more would explain no better. */
export const EXAMPLES_MAX = 10;

/** The anomalies found so far. */
export class Findings {
  readonly #examples: Anomaly[] = [];
  readonly #counts = new Map<AnomalyName, number>();

  /** The first of each name, in the order in which they were found. */
  get examples(): readonly Anomaly[] {
    return this.#examples;
  }

  /** How many there were of each name. */
  get counts(): ReadonlyMap<AnomalyName, number> {
    return this.#counts;
  }

  /** Adds one. Its text is only asked for when it is kept. */
  add(name: AnomalyName, transactions: readonly Name[], text: () => string): void {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (count > EXAMPLES_MAX) return;
    this.#examples.push({ name, text: text(), transactions, rulesOut: ruledOutBy(name) });
  }
}

/** A list as it is printed, by its end if it is long. */
export function listText(values: readonly Name[]): string {
  const shown = values.length > 8 ? ["...", ...values.slice(-6).map(nameText)] : values.map(nameText);
  return `[${shown.join(", ")}]`;
}

/** A key or an element as it is printed. */
export function nameText(name: Name): string {
  return typeof name === "number" || /^[\w.:/-]+$/.test(name) ? String(name) : JSON.stringify(name);
}
