/** What is older than anybody asks for is deleted, however much there is; how old the oldest of the rest is, a gauge says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contract } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import { RETENTION_MS } from "./idempotency.ts";
import { Host, defineSystem, implement } from "./mod.ts";

const HOUR_MS = 3_600_000;
const RECORD = "INSERT INTO isomer_idempotency (operation, key, fingerprint, at) VALUES ('o', ?, '', ?)";

test("records that are old are deleted, and the oldest that is left is measured", async (context) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const lonely = implement()(contract("lonely", { version: "1.0.0" }), { commands: {}, queries: {} });
  const system = defineSystem({ name: "pruning", services: [lonely], roles: {} });
  const host = await Host.start({ system, world: open.world, jobs: false });
  context.after(async () => {
    await host.stop();
    open.close();
  });
  const database = host.databases().get("lonely") ?? assert.fail();
  const now = open.world.clock.now();
  await database.write({ label: "fill" }, async (connection) => {
    for (let n = 0; n < 1_200; n += 1) await connection.run(RECORD, [`old ${n}`, now - RETENTION_MS - HOUR_MS]);
    await connection.run(RECORD, ["young", now - HOUR_MS]);
  });
  await host.runJob("lonely", "isomer.prune");
  const left = await database.read({ label: "left" }, (connection) =>
    connection.all("SELECT key FROM isomer_idempotency"),
  );
  assert.deepEqual(left, [{ key: "young" }]);
  const ages = host.metrics.all().find(({ name }) => name === "isomer.prune.oldest") ?? assert.fail();
  const text = host.metrics.toPrometheus();
  assert.deepEqual(
    [...ages.series()].map(([labels]) => labels),
    [
      ["lonely", "isomer_idempotency"],
      ["lonely", "isomer_inbox"],
    ],
  );
  const age = Number(/isomer_prune_oldest_seconds\{[^}]*isomer_idempotency[^}]*\} (\S+)/.exec(text)?.[1]);
  assert.ok(age >= HOUR_MS / 1_000 && age < RETENTION_MS / 1_000, `${age} s`);
});
