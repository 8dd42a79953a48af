/** Conformance: reads. */
import assert from "node:assert/strict";
import { TransactionOver } from "../mod.ts";
import { type Case, INSERT, READ, SELECT, WRITE, counters, gate, insert, rejectsWith } from "./subject.ts";

/** Cases by name. */
export const reads: Readonly<Record<string, Case>> = {
  async "see one snapshot from their first statement to their last"(database, subject) {
    await insert(database, "a");
    const looked = gate();
    const go = gate();
    const read = database.read(READ, async (connection) => {
      const before = await connection.all(SELECT);
      looked.open();
      // An engine that runs one transaction at a time lets the write wait for this read.
      if (subject.sideBySide) await go.passed;
      return [before.length, (await connection.all(SELECT)).length];
    });
    await looked.passed;
    await insert(database, "b");
    go.open();
    assert.deepEqual(await read, [1, 1]);
    assert.deepEqual(await counters(database), { a: 0, b: 0 });
  },

  async "see every write that was acknowledged before, however closely reads and writes follow one another"(database) {
    const count = (): Promise<number> =>
      database.read(READ, async (connection) => (await connection.all(SELECT)).length);
    for (let index = 0; index < 50; index += 1) {
      const before = await Promise.all([count(), count()]);
      const write = insert(database, `row ${index}`);
      const meanwhile = count();
      await write;
      assert.deepEqual([...before, await count()], [index, index, index + 1]);
      assert.ok((await meanwhile) >= index);
    }
  },

  async "see no write that is under way"(database, subject) {
    if (!subject.sideBySide) return;
    const changed = gate();
    const go = gate();
    const write = database.write(WRITE, async (connection) => {
      await connection.run(INSERT, ["a", 1]);
      changed.open();
      await go.passed;
    });
    await changed.passed;
    assert.deepEqual(await counters(database), {});
    go.open();
    await write;
    assert.deepEqual(await counters(database), { a: 1 });
  },

  async "refuse statements that write, and the database stays writable"(database) {
    const writing = database.read(READ, (connection) => connection.run(INSERT, ["a", 1]));
    await assert.rejects(writing);
    await assert.rejects(database.read(READ, (connection) => connection.all(`${INSERT} RETURNING id`, ["b", 1])));
    await insert(database, "c");
    assert.deepEqual(await counters(database), { c: 0 });
  },

  async "run side by side, more than there are connections"(database, subject) {
    await insert(database, "a");
    const go = gate();
    const many = Array.from({ length: 20 }, () =>
      database.read(READ, async (connection) => {
        const rows = await connection.all(SELECT);
        if (subject.sideBySide) await go.passed;
        return rows.length;
      }),
    );
    go.open();
    assert.deepEqual(
      await Promise.all(many),
      Array.from({ length: 20 }, () => 1),
    );
  },

  async "throw what the body throws, and refuse statements after their end"(database) {
    const error = new Error("no");
    await assert.rejects(
      database.read(READ, async () => {
        throw error;
      }),
      (thrown) => thrown === error,
    );
    const escaped = await database.read(READ, async (connection) => ({ connection }));
    await rejectsWith(TransactionOver, escaped.connection.all(SELECT));
  },
};
