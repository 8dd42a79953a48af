import { test } from "node:test";
import assert from "node:assert/strict";
import {
  type AnomalyName,
  EXAMPLES_MAX,
  type ListAppendResult,
  type ListOperation,
  type Transaction,
  append,
  checkListAppend,
  listAppendText,
  read,
} from "./mod.ts";

type Rest = Pick<Transaction, "startedAt" | "endedAt"> & { readonly outcome?: Transaction["outcome"] };

/** The operations of a transaction, or what else is to be said of the one before. */
type Part = readonly ListOperation[] | Rest;

/** The transactions 1, 2, 3, ... */
function history(...parts: readonly Part[]): readonly Transaction[] {
  const transactions: Transaction[] = [];
  for (const part of parts) {
    if ("length" in part) transactions.push({ id: transactions.length + 1, outcome: "committed", operations: part });
    else transactions.push({ ...(transactions.pop() as Transaction), ...part });
  }
  return transactions;
}

function namesIn({ counts }: ListAppendResult): readonly AnomalyName[] {
  return [...counts.keys()].toSorted();
}

const WEAK = ["read committed", "snapshot isolation", "serializable", "strict serializable"];
const SNAPSHOT = WEAK.slice(1);
const SERIALIZABLE = WEAK.slice(2);

const aborted: Rest = { outcome: "aborted" };
const unknown: Rest = { outcome: "unknown" };
const during = (startedAt: number, endedAt: number): Rest => ({ startedAt, endedAt });

/** The history has these anomalies and no other, rules these levels out, and the first reads as given. */
function shows(
  parts: readonly Part[],
  expected: { names: readonly AnomalyName[]; ruledOut: readonly string[]; text?: string },
): void {
  const result = checkListAppend(history(...parts));
  assert.deepEqual(namesIn(result), expected.names, listAppendText(result));
  assert.deepEqual(result.ruledOut, expected.ruledOut);
  if (expected.text !== undefined)
    assert.ok(
      result.anomalies.some(({ text }) => text === expected.text),
      listAppendText(result),
    );
}

function isGood(...parts: readonly Part[]): void {
  shows(parts, { names: [], ruledOut: [] });
}

void test("an empty history, and one of transactions that read what was before, have no anomaly", () => {
  isGood();
  isGood(
    [append("x", 1), append("y", 1)],
    [read("x", [1]), append("x", 2), read("x", [1, 2])],
    [read("x", [1, 2]), read("y", [1])],
    [read("x", []), read("y", [])],
  );
  assert.equal(listAppendText(checkListAppend([])), "no anomaly");
});

void test("G0: two transactions write over one another", () => {
  shows(
    [[append("x", 1), append("y", 1)], [append("x", 2), append("y", 2)], [read("x", [1, 2])], [read("y", [2, 1])]],
    {
      names: ["G0"],
      ruledOut: WEAK,
      text: "T1 -ww(x: 1 before 2)-> T2 -ww(y: 2 before 1)-> T1",
    },
  );
});

void test("G1a: what an aborted transaction appended was seen", () => {
  shows([[append("x", 1)], aborted, [read("x", [1])]], {
    names: ["G1a"],
    ruledOut: WEAK,
    text: "T2 read x: [1], with 1 by T1, which aborted",
  });
  isGood([append("x", 1)], aborted, [read("x", [])]);
  // That it saw half of it does not matter any more.
  shows([[append("x", 1), append("y", 1)], aborted, [read("x", [1]), read("y", [])]], {
    names: ["G1a"],
    ruledOut: WEAK,
  });
});

void test("G1b: a list was seen between two appends of one transaction", () => {
  shows([[append("x", 1), append("x", 2)], [read("x", [1])], [read("x", [1, 2])]], {
    names: ["G-single", "G1b"],
    ruledOut: WEAK,
    text: "T2 read x: [1], before T1 appended 2 after 1",
  });
  shows([[append("x", 1), append("x", 2)], [append("x", 3)], [read("x", [1, 3])]], {
    names: ["G-single", "G0", "G1b"],
    ruledOut: WEAK,
    text: "T3 read x: [1, 3], where 2 by T1 must follow 1",
  });
  isGood([append("x", 1), read("x", [1]), append("x", 2)]);
});

void test("G1c: information flows in a circle", () => {
  shows(
    [
      [append("x", 1), read("y", [1])],
      [append("y", 1), read("x", [1])],
    ],
    {
      names: ["G1c"],
      ruledOut: WEAK,
      text: "T1 -wr(x: 1 was seen)-> T2 -wr(y: 1 was seen)-> T1",
    },
  );
  shows([[append("x", 1), read("y", [1])], [append("x", 2), append("y", 1)], [read("x", [1, 2])]], {
    names: ["G1c"],
    ruledOut: WEAK,
    text: "T1 -ww(x: 1 before 2)-> T2 -wr(y: 1 was seen)-> T1",
  });
});

void test("G-single: a transaction sees half of another", () => {
  shows([[append("x", 1), append("y", 1)], [read("x", [1]), read("y", [])], [read("y", [1])]], {
    names: ["G-single"],
    ruledOut: SNAPSHOT,
    text: "T1 -wr(x: 1 was seen)-> T2 -rw(y: nothing was seen before 1)-> T1",
  });
});

void test("G-single: seen although nobody has read the list afterwards", () => {
  shows(
    [
      [append("x", 1), append("y", 1)],
      [read("x", [1]), read("y", [])],
    ],
    { names: ["G-single"], ruledOut: SNAPSHOT },
  );
});

void test("G-nonadjacent: two readers of two writers see them in different orders", () => {
  shows([[append("x", 1)], [append("y", 1)], [read("x", [1]), read("y", [])], [read("x", []), read("y", [1])]], {
    names: ["G-nonadjacent"],
    ruledOut: SNAPSHOT,
    text:
      "T1 -wr(x: 1 was seen)-> T3 -rw(y: nothing was seen before 1)-> " +
      "T2 -wr(y: 1 was seen)-> T4 -rw(x: nothing was seen before 1)-> T1",
  });
});

void test("G2-item: write skew, which snapshot isolation allows", () => {
  shows(
    [
      [read("x", []), append("y", 1)],
      [read("y", []), append("x", 1)],
    ],
    {
      names: ["G2-item"],
      ruledOut: SERIALIZABLE,
      text: "T1 -rw(x: nothing was seen before 1)-> T2 -rw(y: nothing was seen before 1)-> T1",
    },
  );
});

void test("lost update: two transactions read the same state of a list and append to it", () => {
  shows(
    [[append("x", 1)], [read("x", [1]), append("x", 2)], [read("x", [1]), append("x", 3)], [read("x", [1, 2, 3])]],
    {
      names: ["G-single", "lost update"],
      ruledOut: SNAPSHOT,
      text: "T2, T3 each read x: [1] and appended to it",
    },
  );
});

void test("lost update: also when nobody has read what they appended", () => {
  shows(
    [
      [read("x", []), append("x", 1)],
      [read("x", []), append("x", 2)],
      [read("x", []), append("x", 3)],
    ],
    {
      names: ["G2-item", "lost update"],
      ruledOut: SNAPSHOT,
    },
  );
});

void test("incompatible order: two reads of which neither continues the other", () => {
  shows([[append("x", 1)], [append("x", 2)], [read("x", [1, 2])], [read("x", [2, 1])]], {
    names: ["incompatible order"],
    ruledOut: WEAK,
    text: "T4 read x: [2, 1], but T3 read [1, 2]",
  });
});

void test("duplicate: an append took effect twice", () => {
  shows([[append("x", 1)], [append("x", 2)], [read("x", [1, 2, 1])]], {
    names: ["duplicate"],
    ruledOut: WEAK,
    text: "T3 read x: [1, 2, 1], with 1 twice",
  });
});

void test("garbage: an element that nobody appended", () => {
  shows([[read("x", [7])]], { names: ["garbage"], ruledOut: WEAK, text: "T1 read x: [7], where nobody appended 7" });
});

void test("lost append: the second append of a transaction is there without the first", () => {
  shows([[append("x", 1), append("x", 2)], [read("x", [2])]], {
    names: ["G-single", "lost append"],
    ruledOut: WEAK,
    text: "T2 read x: [2], where T1 appended 1 before 2",
  });
});

void test("internal: reads that contradict the transaction itself", () => {
  const all = [append("x", 1), append("x", 2)];
  const internal = (...operations: readonly ListOperation[]): string | undefined =>
    checkListAppend(history(all, operations)).anomalies.find(({ name }) => name === "internal")?.text;
  const own = append("x", 9);
  assert.equal(internal(read("x", [1, 2]), own, read("x", [1, 2])), "T2 read x: [1, 2], where it must see [1, 2, 9]");
  assert.equal(
    internal(own, read("x", [1, 2])),
    "T2 read x: [1, 2], where it must see a list that ends with its own [9]",
  );
  assert.equal(
    internal(own, read("x", [1, 2, 9, 3])),
    "T2 read x: [1, 2, 9, 3], where it must see a list that ends with its own [9]",
  );
  assert.equal(internal(read("x", [1, 2, 9]), own), "T2 read x: [1, 2, 9], which has what it appended only later");
  assert.equal(internal(read("x", []), read("x", [1, 2])), "T2 read x: [1, 2], where it must see []");
  assert.equal(
    internal(read("x", [1, 2]), own, read("x", [1, 2, 9]), append("x", 8), read("x", [1, 2, 9, 8])),
    undefined,
  );
});

void test("an unrepeatable read rules out snapshot isolation, not read committed", () => {
  shows([[append("x", 1)], [read("x", []), read("x", [1])]], { names: ["G-single", "internal"], ruledOut: SNAPSHOT });
});

void test("an unknown outcome: no effect, or one that somebody has seen", () => {
  isGood([append("x", 1)], unknown, [read("x", [])], [read("x", [])]);
  isGood([append("x", 1)], unknown, [read("x", [])], [read("x", [1])]);
  // Seen in x, so its append to y has taken effect too, before anybody read both.
  shows([[append("x", 1), append("y", 1)], unknown, [read("x", [1]), read("y", [])]], {
    names: ["G-single"],
    ruledOut: SNAPSHOT,
  });
});

void test("what a transaction has read counts for nothing unless it committed", () => {
  isGood(
    [append("x", 1)],
    [append("x", 2), read("x", [7]), read("y", [1])],
    unknown,
    [append("y", 1)],
    [read("x", [1, 2])],
  );
  isGood([append("x", 1)], [read("x", [2, 3])], aborted);
  isGood([{ op: "read", key: "x" }], [append("x", 1)]);
});

void test("real time: serializable, but a transaction did not see what had ended before it started", () => {
  shows([[append("x", 1)], during(0, 1), [read("x", [])], during(2, 3), [read("x", [1])], during(4, 5)], {
    names: ["G-single-realtime"],
    ruledOut: ["strict serializable"],
    text: "T1 -rt(1 before 2)-> T2 -rw(x: nothing was seen before 1)-> T1",
  });
  isGood([append("x", 1)], during(0, 2), [read("x", [])], during(2, 3), [read("x", [1])], during(4, 5));
  isGood([append("x", 1)], [read("x", [])], during(2, 3), [read("x", [1])]);
});

void test("real time: writes and reads of the future, told by what they need", () => {
  shows([[append("x", 1)], during(2, 3), [append("x", 2)], during(0, 1), [read("x", [1, 2])]], {
    names: ["G0-realtime"],
    ruledOut: ["strict serializable"],
  });
  shows([[append("x", 1)], during(2, 3), [read("x", [1])], during(0, 1)], {
    names: ["G1c-realtime"],
    ruledOut: ["strict serializable"],
  });
});

void test("real time: it passes from one transaction to the next", () => {
  shows(
    [
      [append("x", 1)],
      during(0, 1),
      [read("y", [])],
      during(2, 3),
      [read("z", [])],
      during(4, 5),
      [read("x", [])],
      during(6, 7),
    ],
    {
      names: ["G-single-realtime"],
      ruledOut: ["strict serializable"],
      text: "T1 -rt(1 before 2)-> T2 -rt(3 before 4)-> T3 -rt(5 before 6)-> T4 -rw(x: nothing was seen before 1)-> T1",
    },
  );
});

void test("real time: a transaction without an answer has started, but nobody knows when it ended", () => {
  isGood([append("x", 1)], unknown, during(0, 1), [read("x", [])], during(2, 3), [read("x", [1])], during(4, 5));
  shows([[append("x", 1)], unknown, during(5, 6), [read("x", [1])], during(0, 1)], {
    names: ["G1c-realtime"],
    ruledOut: ["strict serializable"],
  });
});

void test("cycles apart from one another are each shown, up to a few of each name", () => {
  const skews = Array.from({ length: EXAMPLES_MAX + 5 }, (_, at) => [
    [read(`x${at}`, []), append(`y${at}`, 1)],
    [read(`y${at}`, []), append(`x${at}`, 1)],
  ]).flat();
  const result = checkListAppend(history(...skews));
  assert.equal(result.counts.get("G2-item"), EXAMPLES_MAX + 5);
  assert.equal(result.anomalies.length, EXAMPLES_MAX);
  const lines = listAppendText(result).split("\n");
  assert.deepEqual([lines[0], lines.at(-1)], ["not serializable, not strict serializable:", "  G2-item: 5 more"]);
});

void test("long lists are shown by their ends, and ids and keys of all sorts can be read", () => {
  const values = Array.from({ length: 20 }, (_, at) => at);
  const transactions: readonly Transaction[] = [
    { id: "the writer", outcome: "aborted", operations: values.map((value) => append("a key", value)) },
    { id: "the reader", outcome: "committed", operations: [read("a key", values)] },
  ];
  assert.equal(
    checkListAppend(transactions).anomalies[0]?.text,
    'the reader read "a key": [..., 14, 15, 16, 17, 18, 19], with 0 by the writer, which aborted',
  );
});

void test("a history that nobody can have recorded is refused", () => {
  assert.throws(
    () => checkListAppend(history([append("x", 1)], [append("x", 1)])),
    /1 is appended to x more than once/,
  );
  assert.throws(() => checkListAppend([...history([]), ...history([])]), /same id/);
  assert.throws(() => checkListAppend(history([], during(2, 1))), /starts at 2 and ends at 1/);
});

void test("a cycle through every transaction of a long history is found", () => {
  const count = 50_000;
  const chain = Array.from({ length: count }, (_, at) => [append(at, 1), read((at + 1) % count, [1])]);
  const result = checkListAppend(history(...chain));
  assert.deepEqual([...result.counts], [["G1c", 1]]);
  assert.equal(result.anomalies[0]?.transactions.length, count);
});

void test("many readers and many writers at the end of a list make no edge for each pair", () => {
  const count = 5_000;
  const readers = Array.from({ length: count }, () => [read("x", []), read("y", [1])]);
  const writers = Array.from({ length: count }, (_, at) => [append("x", at), read("y", [])]);
  isGood([append("y", 1)], ...readers.map(([first]) => [first as ListOperation]), ...writers);
  shows([[append("y", 1)], ...readers, ...writers], { names: ["G2-item"], ruledOut: SERIALIZABLE });
});
