/**
 * Mistakes in how commands are carried out once, and answered.
 *
 * Left out, because the unique key of the record decides in the end: not waiting for a repetition in flight, and taking a
 * step that was called before a crash for one that never was. And because what services of the shop ask of one another is
 * harmless to do twice: writing a record over the one that a doubled message has left.
 */
import type { Mutant } from "./mutant.ts";

/** The mutants of commands. */
export const idempotencyMutants: readonly Mutant[] = [
  {
    name: "the answer is recorded in another transaction",
    what: "a crash in between lets a repetition do it again",
    file: "kernel/src/runtime/operation-runner.ts",
    find: "await record(tx.connection, entry);",
    replace:
      "void this.#runner.database.write({ label: `${this.name} record` }, (own) => record(own, entry)).catch(() => {});",
  },
  {
    name: "the record is never looked up",
    what: "a repetition does it again",
    file: "kernel/src/runtime/idempotency.ts",
    find: `WHERE operation = ? AND key IN (?, ?)";
const INSERT =
  "INSERT INTO isomer_idempotency`,
    replace: `WHERE operation = ? AND key IN (?, ?) AND 1 = 0";
const INSERT =
  "INSERT OR REPLACE INTO isomer_idempotency`,
  },
  {
    name: "another request under a used key gets the old answer",
    what: "the request is told that it was done, and was not",
    file: "kernel/src/runtime/idempotency.ts",
    find: "if (!slot.isOf(row.key, row.fingerprint)) throw KeyReused.with({ operation });",
    replace: "",
  },
  {
    name: "a refusal is recorded as a success",
    what: "a repetition is told that it was done",
    file: "kernel/src/runtime/operation-runner.ts",
    find: "fingerprint: fingerprint(), fault: fault.toJSON(), at });",
    replace: "fingerprint: fingerprint(), output: {}, at });",
  },
  {
    name: "an outage is recorded as the answer",
    what: "a repetition is told of an outage that is over",
    file: "kernel/src/runtime/operation-runner.ts",
    find: "if (!REFUSALS.has(fault.kind) || KeyReused.is(fault) || KeyInFlight.is(fault)) return undefined;",
    replace: "if (KeyReused.is(fault) || KeyInFlight.is(fault)) return undefined;",
  },
  {
    name: "the gateway drops the client's key",
    what: "what a client repeats is done again",
    file: "kernel/src/runtime/edge.ts",
    find: "(call.key ?? ids.next())",
    replace: "ids.next()",
  },
  {
    name: "the gateway repeats with a new key",
    what: "a request whose answer was lost is carried out twice",
    file: "kernel/src/runtime/edge.ts",
    find: "...{ service, operation, input, key, attempt,",
    replace: "...{ service, operation, input, key: key === undefined ? key : `${key}.${attempt}`, attempt,",
  },
  {
    name: "a service repeats with a new key",
    what: "a call whose answer was lost is carried out twice",
    file: "kernel/src/runtime/outbound.ts",
    find: "      key,\n      clientKey: false,",
    replace: "      key: key === undefined ? key : `${key}.${before + attempt}`,\n      clientKey: false,",
  },
  {
    name: "answered before the commit",
    what: "a crash loses what somebody was told is done",
    file: "kernel/src/runtime/service-runner.ts",
    find: "result = await this.database.write(",
    replace: "result = await early<T>(this.database,",
    also: [
      {
        find: "function actorOf({",
        replace: `function early<T>(
  database: Database,
  options: Parameters<Database["write"]>[0],
  body: (connection: Parameters<Parameters<Database["write"]>[1]>[0]) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    database
      .write(options, async (connection) => {
        const result = await body(connection);
        resolve(result);
        return result;
      })
      .catch(reject);
  });
}

function actorOf({`,
      },
    ],
  },
];
