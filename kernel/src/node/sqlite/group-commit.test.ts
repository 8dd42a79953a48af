import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type SqlConnection, SyncFailed, Watchdog } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { openLog, openReader, openWriter } from "./open.ts";
import { Readers } from "./readers.ts";
import { WalSync } from "./wal-sync.ts";
import { Writer } from "./writer.ts";

const WRITE = { label: "test.write" };
const COUNT = "SELECT count(*) AS n FROM t";

/** A writer and readers whose syncs end when the test says so. */
async function parts(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "isomer-group-"));
  const path = join(folder, "test.sqlite");
  const clock = systemClock();
  const session = openWriter(path, { database: "test", maxPages: undefined });
  const log = openLog(path);
  session.script("CREATE TABLE t (id TEXT PRIMARY KEY)");
  const syncs: ((error: Error | null) => void)[] = [];
  const sync = new WalSync({
    database: "test",
    sync: (done) => syncs.push(done),
    onIdle: () => writer.commitSoon(),
  });
  const shared = {
    database: "test",
    watchdog: new Watchdog({ clock, longestMs: 10_000 }),
    sync,
    queuedMax: 100,
  };
  const writer = new Writer({ ...shared, session, clock });
  const readers = new Readers({
    ...shared,
    clock,
    commits: () => writer.commits,
    open: () => openReader(path, "test"),
  });
  context.after(async () => {
    await readers.close();
    shared.watchdog.close();
    log.close();
    session.close();
    await rm(folder, { recursive: true });
  });
  const settled: string[] = [];
  const follow = <T>(name: string, promise: Promise<T>): Promise<unknown> =>
    promise.then(
      () => settled.push(name),
      (error) => settled.push(`${name}: ${error.code ?? error.message}`),
    );
  return {
    writer,
    readers,
    syncs,
    settled,
    insert: (id: string) =>
      follow(
        id,
        writer.write(WRITE, (connection) => connection.run("INSERT INTO t (id) VALUES (?)", [id])),
      ),
    read: (name: string) =>
      follow(
        name,
        readers.read({ label: "test.read" }, (connection: SqlConnection) => connection.all(COUNT)),
      ),
  };
}

/** Lets everything happen that can happen without a sync. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn();
}

test("writes of one turn are one commit and one sync, and resolve after it only", async (context) => {
  const { writer, syncs, settled, insert } = await parts(context);
  const writes = Array.from({ length: 20 }, (_, index) => insert(`k${index}`));
  await settle();
  assert.equal(writer.commits, 1);
  assert.equal(syncs.length, 1);
  assert.deepEqual(settled, []);
  syncs[0]?.(null);
  await Promise.all(writes);
  assert.equal(writer.transactions, 20);
});

test("writes during a sync gather in the next group", async (context) => {
  const { writer, syncs, settled, insert } = await parts(context);
  const first = insert("a");
  await settle();
  const others = [insert("b")];
  await settle();
  others.push(insert("c"));
  await settle();
  assert.equal(writer.commits, 1);
  syncs[0]?.(null);
  await first;
  await settle();
  assert.deepEqual(settled, ["a"]);
  assert.equal(writer.commits, 2);
  assert.equal(syncs.length, 2);
  syncs[1]?.(null);
  await Promise.all(others);
});

test("a group has a greatest size, and one sync covers several groups", async (context) => {
  const { writer, syncs, settled, insert } = await parts(context);
  const first = insert("first");
  await settle();
  const writes = Array.from({ length: 100 }, (_, index) => insert(`k${index}`));
  await settle();
  assert.equal(writer.commits, 2, "64 of the hundred did not wait for the sync");
  assert.equal(syncs.length, 1);
  syncs[0]?.(null);
  await first;
  await settle();
  syncs[1]?.(null);
  await settle();
  assert.equal(settled.length, 65);
  syncs[2]?.(null);
  await Promise.all(writes);
  assert.equal(writer.commits, 3);
});

test("a read that saw a commit waits until that is durable; one that saw none does not", async (context) => {
  const { syncs, settled, insert, read } = await parts(context);
  await read("before");
  const write = insert("a");
  await settle();
  const during = read("during");
  await settle();
  assert.deepEqual(settled, ["before"]);
  syncs[0]?.(null);
  await Promise.all([write, during]);
  await read("after");
  assert.equal(syncs.length, 1);
});

test("when a sync fails, nobody is told otherwise, and nothing is accepted any more", async (context) => {
  const { syncs, settled, insert, read, writer } = await parts(context);
  const writes = [insert("a")];
  await settle();
  writes.push(insert("b"), read("r"));
  await settle();
  syncs[0]?.(new Error("EIO: i/o error, fdatasync"));
  await Promise.all(writes);
  await insert("c");
  const code = SyncFailed.code;
  assert.deepEqual(settled.toSorted(), [`a: ${code}`, `b: ${code}`, `c: ${code}`, `r: ${code}`]);
  assert.equal(syncs.length, 1, "a second sync might succeed, although pages were dropped");
  assert.equal(writer.commits, 1, "what gathered meanwhile was undone");
});
