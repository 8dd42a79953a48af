/**
 * Checks isolation from the outside, as Elle does (Kingsbury and Alvaro, VLDB 2020): transactions append to lists and
 * read them. A list shows the order of all appends to it, so the reads of a history show which transaction must come
 * before which; a cycle is an anomaly. The work grows with the size of the history, not with its number of orders.
 *
 * What it rules out is ruled out. The other way round, serializable and strict serializable are ruled out whenever no
 * order of the transactions explains the history, and snapshot isolation too if every append was read by somebody: let
 * a workload end with a read of each list. Read committed is ruled out by what Adya's definition names, so far as lists
 * show it.
 */
import type { Anomaly, AnomalyName, IsolationLevel } from "./anomaly.ts";
import { cycleName, cyclesOf } from "./cycles.ts";
import { EdgeList, dependencyText } from "./dependencies.ts";
import { Findings } from "./findings.ts";
import { addListEdges, effectsOf, reportLostUpdates } from "./list-edges.ts";
import { listsOf } from "./lists.ts";
import { addRealTime } from "./real-time.ts";
import { type Transaction, labelOf } from "./transaction.ts";
import { checkReads, versionsOf } from "./versions.ts";

/** What came of a check. */
export interface ListAppendResult {
  /** The first of each name, at most {@link EXAMPLES_MAX}. Of cycles there is one for each that is entangled with others. */
  readonly anomalies: readonly Anomaly[];
  /** How many there were of each name. */
  readonly counts: ReadonlyMap<AnomalyName, number>;
  /** The levels of isolation that the history cannot have been under, from weak to strong. */
  readonly ruledOut: readonly IsolationLevel[];
}

const LEVELS: readonly IsolationLevel[] = [
  "read committed",
  "snapshot isolation",
  "serializable",
  "strict serializable",
];

/**
 * Finds the anomalies of a history. The order of the transactions given does not matter.
 * @throws {RangeError} when an element is appended to one list twice, two transactions have one id, or a transaction
 * ends before it starts.
 */
export function checkListAppend(transactions: readonly Transaction[]): ListAppendResult {
  if (new Set(transactions.map(({ id }) => id)).size < transactions.length)
    throw new RangeError("Two transactions have the same id.");
  const findings = new Findings();
  const lists = listsOf(transactions, findings).map(versionsOf);
  const edges = new EdgeList(transactions.length);
  for (const versions of lists) {
    checkReads(versions, transactions, findings);
    const effects = effectsOf(versions, transactions);
    reportLostUpdates(effects, transactions, findings);
    addListEdges(effects, edges);
  }
  addRealTime(transactions, edges);
  for (const cycle of cyclesOf(edges)) {
    const involved = cycle.map(({ from }) => transactions[from] as Transaction);
    const text = (): string =>
      [
        ...cycle.map((edge, at) => `${labelOf(involved[at] as Transaction)} -${dependencyText(edge)}-> `),
        labelOf(involved[0] as Transaction),
      ].join("");
    findings.add(
      cycleName(cycle),
      involved.map(({ id }) => id),
      text,
    );
  }
  const ruledOut = new Set(findings.examples.flatMap(({ rulesOut }) => rulesOut));
  return {
    anomalies: findings.examples,
    counts: findings.counts,
    ruledOut: LEVELS.filter((level) => ruledOut.has(level)),
  };
}

/** The result in lines: what is ruled out, and each anomaly kept. */
export function listAppendText({ anomalies, counts, ruledOut }: ListAppendResult): string {
  if (anomalies.length === 0) return "no anomaly";
  const lines = anomalies.map(({ name, text }) => `  ${name}: ${text}`);
  for (const [name, count] of counts) {
    const left = count - anomalies.filter((anomaly) => anomaly.name === name).length;
    if (left > 0) lines.push(`  ${name}: ${left} more`);
  }
  return [`not ${ruledOut.join(", not ")}:`, ...lines].join("\n");
}
