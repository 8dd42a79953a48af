/** The list-append check against every order tried, and against databases that keep a level of isolation. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Name, type Transaction, checkListAppend, listAppendText, read } from "./mod.ts";
import { type Isolation, type Plan, execute } from "./testing/executor.ts";
import { hasSerialOrder, hasSnapshotOrder } from "./testing/orders.ts";

const anyEnd = fc.constantFrom("commit", "commit", "commit", "commit", "abort", "lose the answer", "lose the request");

function anyPlans(maxLength: number, keys: readonly Name[]): fc.Arbitrary<Plan[]> {
  const operation = fc.record({ op: fc.constantFrom("append", "read"), key: fc.constantFrom(...keys) });
  const operations = fc.array(operation, { minLength: 1, maxLength: 4, size: "max" });
  return fc.array(fc.record({ operations, end: anyEnd }), { minLength: 1, maxLength, size: "max" });
}

function anyHistory(isolation: Isolation, maxLength: number, keys: readonly Name[]): fc.Arbitrary<Transaction[]> {
  const choices = fc.array(fc.nat(6), { minLength: 20, maxLength: 60, size: "max" });
  return fc.tuple(anyPlans(maxLength, keys), choices, fc.boolean()).map(([plans, made, isReadAtEnd]) =>
    execute(plans, isolation, {
      schedule: (step) => made[step % made.length] ?? 0,
      ...(isReadAtEnd ? { readAtEnd: keys } : {}),
    }),
  );
}

void test("a strictly serializable database shows no anomaly", () => {
  fc.assert(
    fc.property(anyHistory("serial", 40, ["x", "y", "z"]), (transactions) => {
      const result = checkListAppend(transactions);
      assert.equal(listAppendText(result), "no anomaly");
      assert.deepEqual(result.ruledOut, []);
    }),
    { numRuns: 300 },
  );
});

void test("a database with snapshot isolation shows nothing that rules it out, and write skew at times", () => {
  let skewed = 0;
  fc.assert(
    fc.property(anyHistory("snapshot", 40, ["x", "y", "z"]), (transactions) => {
      const result = checkListAppend(transactions);
      const levels = result.ruledOut.filter((level) => level === "read committed" || level === "snapshot isolation");
      assert.deepEqual(levels, [], listAppendText(result));
      if (result.counts.has("G2-item")) skewed += 1;
    }),
    { numRuns: 300 },
  );
  assert.ok(skewed > 20, `${skewed} skewed`);
});

void test("a database that reads what is committed shows nothing that rules it out, and reads that are torn at times", () => {
  let torn = 0;
  fc.assert(
    fc.property(anyHistory("read committed", 40, ["x", "y", "z"]), (transactions) => {
      const result = checkListAppend(transactions);
      assert.ok(!result.ruledOut.includes("read committed"), listAppendText(result));
      if (result.ruledOut.includes("snapshot isolation")) torn += 1;
    }),
    { numRuns: 300 },
  );
  assert.ok(torn > 20, `${torn} torn`);
});

/**
 * What the check rules out is what no order explains, and the other way round; the latter for snapshot isolation only if
 * the order of all appends is known. Answers what is ruled out.
 */
function agrees(transactions: readonly Transaction[]): string {
  const { ruledOut, anomalies, ...rest } = checkListAppend(transactions);
  const text = listAppendText({ ruledOut, anomalies, ...rest });
  const isSerializable = hasSerialOrder(transactions);
  assert.equal(!ruledOut.includes("serializable"), isSerializable, text);
  assert.equal(!ruledOut.includes("strict serializable"), hasSerialOrder(transactions, { inRealTime: true }), text);
  // What is serializable is possible under snapshot isolation too.
  const isSnapshot = isSerializable || hasSnapshotOrder(transactions);
  if (ruledOut.includes("snapshot isolation")) assert.equal(isSnapshot, false, text);
  else if (areAllSeen(transactions)) assert.equal(isSnapshot, true, text);
  if (ruledOut.includes("read committed")) assert.equal(isSnapshot, false, text);
  assert.equal(anomalies.length > 0, ruledOut.length > 0);
  return ruledOut.join();
}

function areAllSeen(transactions: readonly Transaction[]): boolean {
  const committed = transactions.filter(({ outcome }) => outcome === "committed");
  const seen = new Set(
    committed.flatMap(({ operations }) => operations.flatMap((one) => (one.op === "read" ? (one.values ?? []) : []))),
  );
  return committed.every(({ operations }) => operations.every((one) => one.op === "read" || seen.has(one.value)));
}

const ISOLATIONS = ["serial", "snapshot", "read committed", "lossy", "dirty"] as const;

/** How often the n-th most frequent of some verdicts is there: a test that meets one sort only says little. */
function least(verdicts: readonly string[], n: number): number {
  const counts = Map.groupBy(verdicts, (verdict) => verdict);
  return [...counts.values()].map(({ length }) => length).sort((a, b) => b - a)[n - 1] ?? 0;
}

void test("small histories of databases good and bad are judged as by trying every order", () => {
  const verdicts: string[] = [];
  for (const isolation of ISOLATIONS)
    fc.assert(
      fc.property(anyHistory(isolation, 4, ["x", "y"]), (transactions) => void verdicts.push(agrees(transactions))),
      { numRuns: 400 },
    );
  assert.ok(least(verdicts, 4) > 4, "few sorts of verdicts");
});

/** Puts some other beginning of its list, or one in another order, in the place of what somebody has read. */
function spoil(transactions: Transaction[], { at, length, from }: { at: number; length: number; from: number }): void {
  const all = transactions.flatMap(({ operations }) => operations);
  const reads = transactions.flatMap(({ operations }, index) =>
    operations.flatMap((operation, place) => (operation.op === "read" ? [{ index, place, key: operation.key }] : [])),
  );
  const one = reads[at % (reads.length || 1)];
  if (one === undefined) return;
  const appended = all.flatMap((operation) =>
    operation.op === "append" && operation.key === one.key ? [operation.value] : [],
  );
  const order = [...appended.slice(from), ...appended.slice(0, from)];
  const { operations, ...rest } = transactions[one.index] as Transaction;
  transactions[one.index] = { ...rest, operations: operations.with(one.place, read(one.key, order.slice(0, length))) };
}

void test("small histories with answers by chance are judged as by trying every order", () => {
  const verdicts: string[] = [];
  const change = fc.record({ at: fc.nat(20), length: fc.nat(4), from: fc.constantFrom(0, 0, 1, 2) });
  for (const isolation of ISOLATIONS)
    fc.assert(
      fc.property(
        anyHistory(isolation, 4, ["x", "y"]),
        fc.array(change, { minLength: 1, maxLength: 2 }),
        (good, changes) => {
          const transactions = [...good];
          for (const one of changes) spoil(transactions, one);
          verdicts.push(agrees(transactions));
        },
      ),
      { numRuns: 400 },
    );
  assert.ok(least(verdicts, 4) > 4, "few sorts of verdicts");
});

void test("the order in which a history is told does not matter", () => {
  fc.assert(
    fc.property(anyHistory("read committed", 10, ["x", "y"]), (transactions) => {
      const [told, backwards] = [transactions, transactions.toReversed()].map(checkListAppend);
      assert.deepEqual(told?.ruledOut, backwards?.ruledOut);
    }),
  );
});
