/**
 * A fleet that is rolled to a build which is really another, with a migration, and back, while clients go on: no request
 * fails, no event is lost or heard twice, no saga turns back, though for a while both builds run on one database.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { findPostgres, findProgram, freePorts } from "../node/engines/mod.ts";

const ENTRIES = {
  1: fileURLToPath(new URL("testing/older-main.ts", import.meta.url)),
  2: fileURLToPath(new URL("testing/newer-main.ts", import.meta.url)),
};
const missing = [
  ...(findPostgres() === undefined ? ["postgresql"] : []),
  ...["nats-server", "redis-server"].filter((program) => findProgram(program) === undefined),
];
const skip = missing.length === 0 ? false : `not installed: apt-get install ${missing.join(" ")}`;
const CLIENTS = 2;
const PATIENCE_MS = 60_000;

interface Item {
  readonly id: string;
  readonly name: string;
  readonly place?: string;
}

describe("a fleet of two builds", { skip, timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-builds-"));
  const added: string[] = [];
  const failures: string[] = [];
  let supervisor: ChildProcess;
  let port = 0;
  let [said, isOver] = ["", false];
  let clients: Promise<unknown>;

  before(async () => {
    port = await freePorts(2);
    const wanted = join(folder, "wanted.json");
    const [stock, desk] = [["stock"], ["desk"]].map((services) => ({ services, replicas: 2 }));
    const placement = { version: 1, gateways: { replicas: 2, port }, groups: { stock, desk } };
    writeFileSync(wanted, JSON.stringify(placement));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    supervisor = spawn(process.execPath, [ENTRIES[1], "fleet", "--data", folder, "--placement", wanted], {
      ...{ env, stdio: ["ignore", "pipe", "inherit"] },
    });
    supervisor.stdout?.on("data", (part: Buffer) => (said += part.toString()));
    await until(
      "the fleet runs",
      () => said.includes("the fleet runs") || (assert.equal(supervisor.exitCode, null), false),
    );
    clients = Promise.all(Array.from({ length: CLIENTS }, (_each, number) => goOn(number)));
  });
  after(async () => {
    isOver = true;
    await clients;
    if (supervisor.exitCode === null) {
      const gone = once(supervisor, "exit");
      supervisor.kill("SIGTERM");
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (const givenUpAt = performance.now() + PATIENCE_MS; !(await isSo()); await pause(50))
      if (performance.now() > givenUpAt) throw new Error(`It does not come to it that ${what}.\n${said.slice(-5_000)}`);
  }

  async function ask<T>(gateway: number, path: string, name?: string): Promise<T> {
    const headers = { "content-type": "application/json", connection: "close" };
    const key = { "idempotency-key": `${name}` };
    const body = JSON.stringify({ name });
    const sent = name === undefined ? { headers } : { method: "POST", headers: { ...headers, ...key }, body };
    const answer = await fetch(`http://127.0.0.1:${port + gateway}${path}`, sent);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Adds something and looks at it, again and again, at one gateway and then the other; and asks for what came before anew. */
  async function goOn(client: number): Promise<void> {
    let earlier: Item | undefined;
    for (let n = 0; !isOver; n += 1) {
      try {
        const name = `client-${client}-${n}`;
        const { id } = await ask<Item>(n % 2, "/v1/items", name);
        added.push(id);
        const item = await ask<Item>((n + 1) % 2, `/v1/items/${id}`);
        assert.equal(item.name, name);
        // Recorded by one build, perhaps, and told by the other.
        if (earlier !== undefined && n % 10 === 0)
          assert.equal((await ask<Item>(n % 2, "/v1/items", earlier.name)).id, earlier.id);
        if (n % 10 === 0) earlier = item;
      } catch (error) {
        failures.push(inspect(error));
      }
    }
  }

  /** As whoever deploys would. */
  async function roll(name: string, build: 1 | 2): Promise<void> {
    const words = ["roll", name, "--entry", ENTRIES[build], "--version-label", `1.${build}.0`, "--data", folder];
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, [ENTRIES[1], ...words], { timeout: 120_000 }, (failure, _out, error) =>
        failure === null ? resolve() : reject(new Error(`roll ${name}: ${error}`)),
      );
    });
    const before = added.length;
    await until("clients went on", () => added.length >= before + 40 || failures.length > 0);
    assert.deepEqual(failures, [], `after ${name} was rolled to build ${build}`);
  }

  const isPlaced = async (): Promise<boolean> => {
    const item = await ask<Item>(0, `/v1/items/${added.at(-1)}`);
    return item.place !== undefined;
  };

  test("goes on while each part is replaced by the new build, in the order in which they are used", async () => {
    await until("clients have begun", () => added.length > 0);
    assert.equal(await isPlaced(), false);
    for (const name of ["stock", "desk", "gateway"]) await roll(name, 2);
    assert.equal(await isPlaced(), true, "the new build answers");
  });

  test("goes back, past the migration that stays", async () => {
    const name = "from-the-new-build";
    const item = await ask<Item>(0, "/v1/items", name);
    added.push(item.id);
    for (const name of ["desk", "stock"]) await roll(name, 1);
    assert.equal(await isPlaced(), false, "the old build answers");
    assert.deepEqual(await ask<Item>(0, "/v1/items", name), item, "what was answered is answered again");
  });

  test("has lost no event, heard none twice, and brought each saga to its end; nothing broke inside", async () => {
    isOver = true;
    await clients;
    assert.deepEqual(failures, []);
    assert.ok(added.length > 200, String(added.length));
    let heard = { items: 0, times: 0, kept: 0 };
    await until("every item is heard of, and kept", async () => {
      heard = await ask<typeof heard>(0, "/v1/heard");
      return heard.items >= added.length && heard.kept >= added.length;
    });
    assert.deepEqual(heard, { items: added.length, times: added.length, kept: added.length });
    const logs = readdirSync(join(folder, "logs")).map((name) => readFileSync(join(folder, "logs", name), "utf8"));
    assert.deepEqual(
      logs.flatMap((text) => text.split("\n").filter((line) => line.includes('"level":"error"'))),
      [],
    );
  });
});
