/** A system in this process, over real sockets and files. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { anyone, contract, http, query } from "../contract/mod.ts";
import { type Service, defineSystem, implement } from "../runtime/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { type RunOptions, runSystem } from "./run.ts";

const hello = contract("hello", {
  version: "1.0.0",
  queries: { say: query({ input: t.object({}), output: t.text(), allow: [anyone], http: http("GET /hello") }) },
});
const helloService = implement()(hello, { commands: {}, queries: { say: () => Promise.resolve("hello") } });

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "isomer-run-"));
});
after(() => rm(folder, { recursive: true }));

function options(name: string, services: readonly Service[] = [helloService]): RunOptions {
  const system = defineSystem({ name: "hello", services, roles: {} });
  return { system, version: "1", dataFolder: join(folder, name), log: silentLogger, port: 0, jobs: false };
}

async function statuses(url: string, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const response = await fetch(url);
    await response.arrayBuffer();
    found.push(response.status);
  }
  return found;
}

describe("a running system", () => {
  test("answers, and after a stop starts again on its folder", async () => {
    for (let start = 0; start < 2; start += 1) {
      const running = await runSystem(options("again"));
      assert.deepEqual(await statuses(`${running.url}/hello`, 1), [200]);
      assert.deepEqual(await statuses(`${running.url}/readyz`, 1), [200]);
      await running.stop();
    }
  });

  test("does not limit by address what comes from its own machine, unless told so", async () => {
    const rates = { perAddress: 2, perIdentity: 0 };
    for (const [more, expected] of [
      [{}, [200, 200, 200]],
      [{ loopback: true }, [200, 200, 429]],
    ] as const) {
      const running = await runSystem({ ...options("rates"), rates: { ...rates, ...more } });
      assert.deepEqual(await statuses(`${running.url}/hello`, 3), expected);
      await running.stop();
    }
  });

  test("listens on all addresses, and says one that can be reached", async () => {
    const running = await runSystem({ ...options("all"), host: "0.0.0.0" });
    assert.match(running.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(await statuses(`${running.url}/hello`, 1), [200]);
    await running.stop();
  });

  test("that cannot start leaves its port and its folder free", async () => {
    const broken = implement()(contract("broken", { version: "1.0.0" }), {
      database: { migrations: [{ name: "0001", sql: "CREATE NONSENSE" }] },
      commands: {},
      queries: {},
    });
    const first = await runSystem(options("taken"));
    const port = Number(new URL(first.url).port);
    await assert.rejects(runSystem({ ...options("other"), port }), /EADDRINUSE/);
    await first.stop();
    await assert.rejects(runSystem({ ...options("taken", [helloService, broken]), port }));
    const again = await runSystem({ ...options("taken"), port });
    await again.stop();
  });
});
