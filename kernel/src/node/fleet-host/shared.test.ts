/** What a process opens by what it was told, also by a supervisor from before there was a user for each. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Metrics } from "../../observe/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { startRedis } from "../engines/mod.ts";
import type { FleetFile, InstanceFile } from "../fleet/mod.ts";
import { readInstanceFile, writeInstanceFile } from "../fleet/fleet-file.ts";
import { systemRandom } from "../random.ts";
import { openRedis } from "../redis/mod.ts";
import { openShared } from "./shared.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-shared-"));
const password = "the-one-password-of-all";
const server = await startRedis({ folder, password: password });
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});
const skip = server === undefined ? "redis-server is not installed: apt-get install redis-server" : false;
const clock = systemClock();
const ports = { clock, random: systemRandom(), log: silentLogger };
const fleet = { system: "shop", engines: { redis: { url: `redis://127.0.0.1:${server?.port}` } } } as FleetFile;

/** The file of a process, written and read. */
function told(credentials: InstanceFile["credentials"]): InstanceFile {
  const file = { version: 1 as const, instance: "cart-1", group: "cart", services: ["cart"], label: "1" };
  writeInstanceFile(folder, { ...file, identityFolder: folder, dataFolder: folder, credentials });
  return readInstanceFile(folder, "cart-1");
}

describe("what a process shares", { skip }, () => {
  test("goes on with one login for all, and meets what others made with it", async () => {
    const metrics = new Metrics();
    const login = { user: "default", password: password };
    const shared = await openShared({ ...ports, metrics, fleet, instance: told({ redis: login }) });
    assert.ok(shared?.revocations !== undefined && shared.limiter !== undefined);
    // As a process of the build before does.
    const other = openRedis({ ...ports, url: server?.url ?? "", system: "shop", secret: login.password });
    while (!shared.isUp || !other.isUp) await pause(5);
    await other.revocations.revoke([{ id: "session/1", untilMs: clock.now() + 3_600_000 }]);
    while (!shared.revocations.isRevoked("session/1")) await pause(5);
    assert.match(metrics.toPrometheus(), /isomer_redis_up\{workload="host"\} 1/);
    shared.close();
    other.close();
  });

  test("is nothing where it was told of no login", async () => {
    const metrics = new Metrics();
    for (const credentials of [{}, { redisUsers: {} }])
      assert.equal(await openShared({ ...ports, metrics, fleet, instance: told(credentials) }), undefined);
    const instance = told({ redis: { user: "default", password } });
    const nowhere = { ...fleet, engines: {} };
    assert.equal(await openShared({ ...ports, metrics, fleet: nowhere, instance }), undefined);
  });
});
