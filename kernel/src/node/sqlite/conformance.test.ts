import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Database } from "../../store/mod.ts";
import { type ConformanceSubject, storeConformance } from "../../store/testing/conformance.ts";
import { systemClock } from "../clock.ts";
import { sqliteStorage } from "./mod.ts";

const clock = systemClock();

async function subject(options: { inMemory: boolean; relaxed: boolean }): Promise<ConformanceSubject> {
  const root = await mkdtemp(join(tmpdir(), "isomer-store-"));
  const folder = options.inMemory ? ":memory:" : join(root, "data");
  const opened: Database[] = [];
  const keep = async (opening: Promise<Database>): Promise<Database> => {
    const database = await opening;
    opened.push(database);
    return database;
  };
  return {
    clock,
    keeps: !options.inMemory,
    sideBySide: !options.inMemory,
    open: (more) => keep(sqliteStorage({ folder, clock, relaxed: options.relaxed, ...more }).open("orders")),
    async openBackup(path) {
      const copy = new DatabaseSync(path);
      assert.equal(copy.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
      copy.close();
      const restored = join(root, "restored");
      const empty = await sqliteStorage({ folder: restored, clock }).open("orders");
      await empty.close();
      await copyFile(path, join(restored, "orders.sqlite"));
      return keep(sqliteStorage({ folder: restored, clock }).open("orders"));
    },
    async remove() {
      for (const database of opened) await database.close();
      await rm(root, { recursive: true });
    },
  };
}

storeConformance("a SQLite file", () => subject({ inMemory: false, relaxed: false }));
storeConformance("a relaxed SQLite file", () => subject({ inMemory: false, relaxed: true }));
storeConformance("SQLite in memory", () => subject({ inMemory: true, relaxed: false }));
