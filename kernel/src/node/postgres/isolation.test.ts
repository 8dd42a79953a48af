/**
 * The isolation that is claimed, checked from the outside: many clients append to lists and read them, and the history must
 * have an order that explains it. The same workload under read committed shows that the check can tell.
 */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
// oxlint-disable-next-line no-restricted-imports -- The check is pure; what it is of is up to who records the history.
import {
  type ListAppendResult,
  type ListOperation,
  type Transaction,
  append,
  checkListAppend,
  listAppendText,
  read,
} from "../../sim/check/mod.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import { ConnectionLost, type Database, type SqlConnection, type TransactionOptions } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();
const skip = withoutPostgres;
const clock = systemClock();

const CLIENTS = 16;
const TRANSACTIONS_EACH = 25;
const KEYS = 6;
const LISTS = {
  owner: "test",
  migrations: [{ name: "0001_list", sql: "CREATE TABLE list (key BIGINT PRIMARY KEY, elements TEXT NOT NULL)" }],
};

async function readList(connection: SqlConnection, key: number): Promise<readonly number[]> {
  const [row] = await connection.all<{ elements: string }>("SELECT elements FROM list WHERE key = ?", [key]);
  return row === undefined ? [] : (JSON.parse(row.elements) as number[]);
}

/** Reads, then writes what follows from it: what another wrote in between is lost unless the isolation prevents it. */
async function appendTo(connection: SqlConnection, key: number, value: number): Promise<void> {
  const elements = JSON.stringify([...(await readList(connection, key)), value]);
  await turn();
  await connection.run(
    "INSERT INTO list (key, elements) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET elements = excluded.elements",
    [key, elements],
  );
}

interface Step {
  readonly op: "append" | "read";
  readonly key: number;
  readonly value: number;
}

async function carryOut(connection: SqlConnection, steps: readonly Step[]): Promise<ListOperation[]> {
  const operations: ListOperation[] = [];
  for (const { op, key, value } of steps) {
    if (op === "read") operations.push(read(key, await readList(connection, key)));
    else {
      await appendTo(connection, key, value);
      operations.push(append(key, value));
    }
  }
  return operations;
}

/** What many clients did at once, and then a read of each list. */
async function historyOf(
  databases: readonly Database[],
  isolation: TransactionOptions["isolation"],
): Promise<readonly Transaction[]> {
  const transactions: Transaction[] = [];
  let values = 0;
  const run = async (database: Database, steps: readonly Step[], startedAt: number): Promise<void> => {
    const id = transactions.length + 1;
    const place = transactions.push({ id, outcome: "aborted", operations: [] }) - 1;
    const isRead = steps.every(({ op }) => op === "read");
    const options = { label: "list", ...(isolation === undefined || isRead ? {} : { isolation }) };
    const body = (connection: SqlConnection): Promise<ListOperation[]> => carryOut(connection, steps);
    try {
      const operations = await database.write(options, body);
      transactions[place] = { id, outcome: "committed", operations, startedAt, endedAt: clock.monotonicMs() };
    } catch (error) {
      const operations = steps.filter(({ op }) => op === "append").map(({ key, value }) => append(key, value));
      transactions[place] = { id, outcome: ConnectionLost.is(error) ? "unknown" : "aborted", operations };
    }
  };
  const client = async (seed: number): Promise<void> => {
    const random = seededRandom(seed);
    const upTo = (count: number): number => Math.floor(random.next() * count);
    for (let count = 0; count < TRANSACTIONS_EACH; count += 1) {
      const steps = Array.from({ length: 1 + upTo(4) }, (): Step => {
        values += 1;
        return { op: random.next() < 0.5 ? "append" : "read", key: upTo(KEYS), value: values };
      });
      await run(databases[seed % databases.length] as Database, steps, clock.monotonicMs());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, seed) => client(seed)));
  const all = Array.from({ length: KEYS }, (_, key): Step => ({ op: "read", key, value: 0 }));
  await run(databases[0] as Database, all, clock.monotonicMs());
  return transactions;
}

async function verdictOn(
  isolation: TransactionOptions["isolation"],
): Promise<{ readonly result: ListAppendResult; readonly committed: number }> {
  const databases = await cluster.databases(["lists"], { connectionsMax: CLIENTS });
  const replicas = [await databases.storage.open("lists"), await databases.replica().open("lists")];
  try {
    for (const replica of replicas) await replica.migrate([LISTS]);
    const history = await historyOf(replicas, isolation);
    return {
      result: checkListAppend(history),
      committed: history.filter(({ outcome }) => outcome === "committed").length,
    };
  } finally {
    for (const replica of replicas) await replica.close();
    await databases.drop();
  }
}

test("writes are serializable, from two replicas with 16 clients", { skip }, async () => {
  const { result, committed } = await verdictOn(undefined);
  assert.ok(!result.ruledOut.includes("serializable"), listAppendText(result));
  assert.equal(committed, CLIENTS * TRANSACTIONS_EACH + 1);
});

test("the same under read committed shows anomalies, so the check can tell", { skip }, async () => {
  const { result } = await verdictOn("read committed");
  assert.ok(result.ruledOut.includes("serializable"));
});
