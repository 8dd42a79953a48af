/** Conformance: deadlines. */
import assert from "node:assert/strict";
import { DeadlineExceeded } from "../../guard/mod.ts";
import { TransactionOver } from "../mod.ts";
import { type Case, INSERT, SELECT, counters, gate, insert, rejectsWith } from "./subject.ts";

/** Cases by name. */
export const deadlines: Readonly<Record<string, Case>> = {
  async "that have passed keep a body from starting"(database, { clock }) {
    let started = 0;
    const body = async (): Promise<void> => {
      started += 1;
    };
    const passed = { label: "test.late", deadlineAt: clock.monotonicMs() - 1 };
    await rejectsWith(DeadlineExceeded, database.write(passed, body));
    await rejectsWith(DeadlineExceeded, database.read(passed, body));
    assert.equal(started, 0);
  },

  async "that pass undo a write, and end its connection"(database, { clock }) {
    const go = gate();
    let afterwards: Promise<unknown> = Promise.resolve();
    const hanging = database.write(
      { label: "test.hanging", deadlineAt: clock.monotonicMs() + 20 },
      async (connection) => {
        await connection.run(INSERT, ["a", 1]);
        await go.passed;
        afterwards = connection.run(INSERT, ["b", 1]);
        await afterwards.catch(() => {});
      },
    );
    const behind = insert(database, "c");
    await rejectsWith(DeadlineExceeded, hanging);
    go.open();
    await behind;
    await rejectsWith(TransactionOver, afterwards);
    assert.deepEqual(await counters(database), { c: 0 });
  },

  async "that pass in the middle of a group leave the others alone"(database, { clock }) {
    const before = insert(database, "a");
    const hanging = database.write(
      { label: "test.hanging", deadlineAt: clock.monotonicMs() + 20 },
      async (connection) => {
        await connection.run(INSERT, ["b", 1]);
        await new Promise(() => {});
      },
    );
    const behind = insert(database, "c");
    await rejectsWith(DeadlineExceeded, hanging);
    await Promise.all([before, behind]);
    assert.deepEqual(await counters(database), { a: 0, c: 0 });
  },

  async "that pass end a read, and the next ones go on"(database, { clock }) {
    const hanging = database.read(
      { label: "test.hanging", deadlineAt: clock.monotonicMs() + 20 },
      async (connection) => {
        await connection.all(SELECT);
        await new Promise(() => {});
      },
    );
    await rejectsWith(DeadlineExceeded, hanging);
    await insert(database, "a");
    assert.deepEqual(await counters(database), { a: 0 });
  },

  async "that pass while the body holds the processor undo it too"(database, { clock }) {
    const busy = database.write({ label: "test.busy", deadlineAt: clock.monotonicMs() + 5 }, async (connection) => {
      await connection.run(INSERT, ["a", 1]);
      const until = clock.monotonicMs() + 10;
      while (clock.monotonicMs() < until);
    });
    await rejectsWith(DeadlineExceeded, busy);
    assert.deepEqual(await counters(database), {});
  },
};
