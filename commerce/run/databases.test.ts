/** `npm start` on PostgreSQL: the command itself, started twice over the same databases. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { testCluster, withoutPostgres } from "@isomer/kernel/node/postgres/testing";
import { databasesOf } from "./databases.ts";
import { BadSetting } from "./faults.ts";

const skip = withoutPostgres;
const cluster = testCluster();
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

/** Runs `npm start` until it says where it is. */
async function started(context: TestContext, folder: string, adminUrl: string, ...more: string[]): Promise<Started> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, "--port", "0", "--data", folder, ...more], {
    env: { ...process.env, DATABASE_URL: adminUrl },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  context.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url === undefined) continue;
    child.stdout.resume();
    return {
      url,
      async stop() {
        child.kill("SIGTERM");
        const [code] = await ended;
        assert.equal(code, 0);
      },
    };
  }
  assert.fail("It ended without saying where it is.");
}

test(
  "with DATABASE_URL everything is kept in PostgreSQL, and is there at the next start",
  { skip },
  async (context) => {
    const { adminUrl } = await cluster.server();
    const folder = await mkdtemp(join(tmpdir(), "isomer-start-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const products = async ({ url }: Started): Promise<string[]> => {
      const response = await fetch(`${url}/v1/products?limit=100`);
      const { items } = (await response.json()) as { items: { id: string }[] };
      return items.map(({ id }) => id);
    };
    const first = await started(context, folder, adminUrl);
    const ids = await products(first);
    assert.ok(ids.length > 0);
    await first.stop();
    const files = (await readdir(folder)).toSorted();
    assert.deepEqual(files, ["postgres", "secrets.json"]);
    // Nothing is put in now: what is there is from before.
    const second = await started(context, folder, adminUrl, "--empty");
    assert.deepEqual(await products(second), ids);
    await second.stop();
  },
);

test("without a database in the environment it is files; with some and not all it says which", async () => {
  assert.equal(await databasesOf("nowhere", {}), undefined);
  assert.equal(await databasesOf("nowhere", { DATABASE_URL: "" }), undefined);
  await assert.rejects(databasesOf("nowhere", { DATABASE_URL_ORDERS: "postgres://a@b/c" }), /Set DATABASE_URL_AUTH, /);
});

test("a DATABASE_URL that leads nowhere is told of by its name", async () => {
  const refused = (url: string, why: RegExp) =>
    assert.rejects(
      databasesOf(tmpdir(), { DATABASE_URL: url }),
      (error) => BadSetting.is(error) && why.test(error.message),
    );
  await refused("bogus", /DATABASE_URL is no address of PostgreSQL/);
  await refused("postgres://postgres:x@127.0.0.1:1/postgres", /where DATABASE_URL says: .*ECONNREFUSED/);
});
