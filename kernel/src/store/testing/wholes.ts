/** Conformance: opening, closing, bounds and backups. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupExists, StoreBusy, StoreClosed } from "../mod.ts";
import { type Case, INSERT, READ, SCHEMA, SELECT, WRITE, counters, gate, insert, rejectsWith } from "./subject.ts";

/** Cases by name. */
export const wholes: Readonly<Record<string, Case>> = {
  async "keeps what was written when it is opened again"(database, subject) {
    if (!subject.keeps) return;
    await insert(database, "a", 4);
    await database.close();
    const again = await subject.open();
    assert.deepEqual(await again.migrate([SCHEMA]), []);
    assert.deepEqual(await counters(again), { a: 4 });
    await again.close();
  },

  async "waits for writes and reads when it is closed, then refuses"(database, subject) {
    const done: string[] = [];
    const [writeGoesOn, readGoesOn] = [gate(), gate()];
    const write = database
      .write(WRITE, async (connection) => {
        await writeGoesOn.passed;
        await connection.run(INSERT, ["a", 1]);
      })
      .then(() => done.push("write"));
    const read = database
      .read(READ, async (connection) => {
        await connection.all(SELECT);
        if (subject.sideBySide) await readGoesOn.passed;
        await connection.all(SELECT);
      })
      .then(() => done.push("read"));
    const closed = database.close().then(() => done.push("closed"));
    await rejectsWith(StoreClosed, insert(database, "b"));
    await rejectsWith(StoreClosed, counters(database));
    writeGoesOn.open();
    await write;
    // A close that did not wait for the read would be over within these turns.
    for (let turns = 0; turns < 10; turns += 1)
      await new Promise((resolve) => subject.clock.after(1, () => resolve(0)));
    readGoesOn.open();
    await Promise.all([read, closed]);
    assert.deepEqual(done, ["write", "read", "closed"]);
    await database.close();
  },

  async "refuses writes when too many wait, without losing one"(first, subject) {
    await first.close();
    const database = await subject.open({ queuedMax: 10 });
    await database.migrate([SCHEMA]);
    const [begun, go] = [gate(), gate()];
    const holding = database.write(WRITE, () => {
      begun.open();
      return go.passed;
    });
    await begun.passed;
    const results = Array.from({ length: 15 }, (_, index) => insert(database, `k${index}`));
    const settled = Promise.allSettled(results);
    assert.equal(database.stats().queued, 10);
    assert.equal(database.stats().queuedMax, 10);
    go.open();
    await holding;
    const refused = (await settled).filter((result) => result.status === "rejected");
    assert.equal(refused.length, 5);
    assert.ok(refused.every(({ reason }) => StoreBusy.is(reason)));
    assert.equal(Object.keys(await counters(database)).length, 10);
    await database.close();
  },

  async "backs itself up while writes go on, and overwrites nothing"(database, subject) {
    if (subject.openBackup === undefined) return;
    const folder = await mkdtemp(join(tmpdir(), "isomer-backup-"));
    try {
      const path = join(folder, "it's a copy.sqlite");
      await Promise.all(Array.from({ length: 200 }, (_, index) => insert(database, `k${index}`, index)));
      const during = Array.from({ length: 50 }, (_, index) => insert(database, `during${index}`));
      await Promise.all([database.backup(path), ...during]);
      await rejectsWith(BackupExists, database.backup(path));
      const copy = await subject.openBackup(path);
      const found = Object.keys(await counters(copy));
      await copy.close();
      assert.ok(found.filter((id) => id.startsWith("k")).length === 200, `${found.length} rows`);
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async "counts what it did"(database) {
    const before = database.stats();
    await insert(database, "a");
    await assert.rejects(insert(database, "a"));
    const after = database.stats();
    assert.equal(after.transactions - before.transactions, 1);
    assert.equal(after.queued, 0);
  },
};
