/** The metrics of a copy for reading; the copy itself is tried in `node/postgres/replica.test.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contract } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import type { DatabaseStats } from "../store/mod.ts";
import { Host, defineSystem, implement } from "./mod.ts";

test("what a copy of the database answers, and its age, are among the metrics", async (context) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const copy: { copyReads: number; copyAgeMs: number | undefined } = { copyReads: 0, copyAgeMs: undefined };
  const { storage } = open.world;
  const withCopy = {
    ...storage,
    open: async (name: string) => {
      const database = await storage.open(name);
      const stats = (): DatabaseStats => ({ ...database.stats(), ...(name === "shelf" ? copy : {}) });
      return new Proxy(database, {
        get: (target, key) => {
          if (key === "stats") return stats;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
  const services = ["shelf", "desk"].map((name) =>
    implement()(contract(name, { version: "1.0.0" }), { commands: {}, queries: {} }),
  );
  const system = defineSystem({ name: "library", services, roles: {} });
  const host = await Host.start({ system, world: { ...open.world, storage: withCopy }, jobs: false });
  context.after(async () => {
    await host.stop();
    open.close();
  });
  const lines = (): string[] => {
    const all = host.metrics.toPrometheus().split("\n");
    return all.filter((line) => line.startsWith("isomer_store_copy"));
  };
  assert.deepEqual(lines(), ['isomer_store_copy_reads_total{service="shelf"} 0'], "of an age that is not known, none");
  Object.assign(copy, { copyReads: 3, copyAgeMs: 1_500 });
  assert.deepEqual(lines(), [
    'isomer_store_copy_age_seconds{service="shelf"} 1.5',
    'isomer_store_copy_reads_total{service="shelf"} 3',
  ]);
});
