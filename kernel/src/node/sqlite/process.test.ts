/** What holds between processes: the folder's lock, and what is left after `kill -9`. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { FolderInUse } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { lockFolder, sqliteStorage } from "./mod.ts";

const clock = systemClock();

/** Opens the folder, writes from 8 callers, and prints the number of each write after it was acknowledged. */
const WRITING_HOST = `
  import { writeSync } from "node:fs";
  import { sqliteStorage } from ${JSON.stringify(new URL("mod.ts", import.meta.url).href)};
  import { systemClock } from ${JSON.stringify(new URL("../clock.ts", import.meta.url).href)};
  const database = await sqliteStorage({ folder: process.argv[1], clock: systemClock() }).open("orders");
  const sql = "CREATE TABLE t (id BIGINT PRIMARY KEY, twin BIGINT)";
  await database.migrate([{ owner: "test", migrations: [{ name: "0001_t", sql }] }]);
  writeSync(1, "open\\n");
  let next = 0;
  for (let caller = 0; caller < 8; caller += 1) void (async () => {
    for (;;) {
      const id = next++;
      await database.write({ label: "test.write" }, async (connection) => {
        await connection.run("INSERT INTO t (id) VALUES (?)", [id]);
        await connection.run("UPDATE t SET twin = id WHERE id = ?", [id]);
      });
      writeSync(1, id + "\\n");
    }
  })();
`;

async function place(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "isomer-process-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function host(context: TestContext, folder: string): { child: ChildProcess; lines: AsyncIterableIterator<string> } {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", WRITING_HOST, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

test("a folder has one host: another process is refused until the first is gone, even by kill -9", async (context) => {
  const folder = await place(context);
  const { child, lines } = host(context, folder);
  assert.equal((await lines.next()).value, "open");
  await assert.rejects(sqliteStorage({ folder, clock }).open("orders"), (error) => {
    assert.ok(FolderInUse.is(error));
    assert.match(error.message, /Another host uses the data folder/);
    return true;
  });
  assert.throws(
    () => lockFolder(folder),
    (error) => FolderInUse.is(error),
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  const database = await sqliteStorage({ folder, clock }).open("orders");
  await database.close();
});

test("a folder has one host within a process too, until its last database is closed", async (context) => {
  const folder = await place(context);
  const storage = sqliteStorage({ folder, clock });
  const [orders, stock] = [await storage.open("orders"), await storage.open("stock")];
  await orders.close();
  await assert.rejects(sqliteStorage({ folder, clock }).open("cart"), (error) => FolderInUse.is(error));
  await stock.close();
  const lock = lockFolder(folder);
  lock.release();
  lock.release();
  await (await storage.open("orders")).close();
});

test("a host that is killed in the middle of writing keeps every write that it acknowledged, whole", async (context) => {
  const folder = await place(context);
  for (let round = 0; round < 3; round += 1) {
    await rm(folder, { recursive: true });
    const { child, lines } = host(context, folder);
    assert.equal((await lines.next()).value, "open");
    const acknowledged: number[] = [];
    while (acknowledged.length < 200 * (round + 1)) acknowledged.push(Number((await lines.next()).value));
    child.kill("SIGKILL");
    for await (const line of lines) acknowledged.push(Number(line));
    const database = await sqliteStorage({ folder, clock }).open("orders");
    const rows = await database.read({ label: "test.read" }, (connection) =>
      connection.all<{ id: number; twin: number | null }>("SELECT id, twin FROM t"),
    );
    await database.close();
    const kept = new Set(rows.map(({ id }) => id));
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    );
    assert.ok(
      rows.every(({ id, twin }) => id === twin),
      "half a write is there",
    );
  }
});
