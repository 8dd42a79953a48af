/** A history of transactions seen from its lists: who appended what, and who read which state. */
import { type Findings, listText, nameText } from "./findings.ts";
import { type Name, type Transaction, labelOf } from "./transaction.ts";

/** An element, and who appended it. Transactions are numbers here: their index in the history. */
export interface Append {
  readonly transaction: number;
  readonly value: Name;
  /** What the same transaction appended to the same list before it and after it. */
  readonly previous: Append | undefined;
  next: Append | undefined;
}

/** What a committed transaction read. */
export interface Read {
  readonly transaction: number;
  readonly values: readonly Name[];
  /** How many elements others had put there: those at the end that it had appended itself do not count. */
  readonly seen: number;
}

/** All that is known of one list. */
export interface List {
  readonly key: Name;
  readonly appends: Map<Name, Append>;
  readonly reads: Read[];
}

/** The lists of a history. Reports transactions that contradict themselves as "internal". */
export function listsOf(transactions: readonly Transaction[], findings: Findings): readonly List[] {
  const lists = new Map<Name, List>();
  for (const [index, transaction] of transactions.entries()) walk(index, transaction, { lists, findings });
  return [...lists.values()];
}

/** What a transaction knows of a list while it runs. */
interface View {
  readonly list: List;
  /** Its last append. */
  last: Append | undefined;
  readonly own: Name[];
  /** What it read last, and how many appends of its own it had made then. */
  known: { readonly values: readonly Name[]; readonly own: number } | undefined;
  /** Its reads that did not contradict it so far. */
  readonly reads: Read[];
}

interface Into {
  readonly lists: Map<Name, List>;
  readonly findings: Findings;
}

function walk(index: number, transaction: Transaction, { lists, findings }: Into): void {
  const views = new Map<Name, View>();
  for (const operation of transaction.operations) {
    const view = viewOf(operation.key, views, lists);
    if (operation.op === "append") {
      appendTo(view, index, operation.value);
      continue;
    }
    if (transaction.outcome !== "committed" || operation.values === undefined) continue;
    const { values } = operation;
    const expected = isExpected(values, view);
    if (!expected) reportInternal(findings, transaction, { view, values });
    view.known = { values, own: view.own.length };
    const own = endsWith(values, view.own) ? view.own.length : 0;
    const read: Read = { transaction: index, values, seen: values.length - own };
    if (expected) view.reads.push(read);
    view.list.reads.push(read);
  }
  for (const view of views.values()) {
    const ahead = view.reads.find((read) => isAhead(read, view));
    if (ahead !== undefined) reportInternal(findings, transaction, { view, values: ahead.values, isAhead: true });
  }
}

function viewOf(key: Name, views: Map<Name, View>, lists: Map<Name, List>): View {
  let view = views.get(key);
  if (view !== undefined) return view;
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = { key, appends: new Map(), reads: [] }));
  view = { list, last: undefined, own: [], known: undefined, reads: [] };
  views.set(key, view);
  return view;
}

function appendTo(view: View, transaction: number, value: Name): void {
  const { key, appends } = view.list;
  if (appends.has(value)) throw new RangeError(`${nameText(value)} is appended to ${nameText(key)} more than once.`);
  const append: Append = { transaction, value, previous: view.last, next: undefined };
  if (view.last !== undefined) view.last.next = append;
  view.last = append;
  view.own.push(value);
  appends.set(value, append);
}

/** Whether a read follows from what the transaction read and appended before. */
function isExpected(values: readonly Name[], { known, own }: View): boolean {
  if (known === undefined) return endsWith(values, own);
  const since = own.slice(known.own);
  return (
    values.length === known.values.length + since.length && isPrefix(known.values, values) && endsWith(values, since)
  );
}

/** Whether a read shows what its transaction had not appended yet. What it had, `isExpected` has seen to. */
function isAhead({ values, seen }: Read, { own }: View): boolean {
  if (own.length === 0 || seen === 0) return false;
  const later = new Set(own.slice(values.length - seen));
  for (let at = 0; at < seen && later.size > 0; at += 1) if (later.has(values[at] as Name)) return true;
  return false;
}

interface Contradiction {
  readonly view: View;
  readonly values: readonly Name[];
  readonly isAhead?: boolean;
}

function reportInternal(findings: Findings, transaction: Transaction, { view, values, isAhead }: Contradiction): void {
  const { list, known, own } = view;
  const expected =
    known === undefined
      ? `a list that ends with its own ${listText(own)}`
      : listText([...known.values, ...own.slice(known.own)]);
  const instead = isAhead === true ? "which has what it appended only later" : `where it must see ${expected}`;
  findings.add(
    "internal",
    [transaction.id],
    () => `${labelOf(transaction)} read ${nameText(list.key)}: ${listText(values)}, ${instead}`,
  );
}

/** Whether a list begins with another. */
export function isPrefix(short: readonly Name[], long: readonly Name[]): boolean {
  if (short.length > long.length) return false;
  for (let at = 0; at < short.length; at += 1) if (short[at] !== long[at]) return false;
  return true;
}

function endsWith(values: readonly Name[], end: readonly Name[]): boolean {
  const from = values.length - end.length;
  if (from < 0) return false;
  for (let at = 0; at < end.length; at += 1) if (values[from + at] !== end[at]) return false;
  return true;
}
