import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { pendingMigrations } from "../store/mod.ts";
import { loadMigrations } from "./load-migrations.ts";

test("migrations are read in order from a folder, with or without a slash at its end", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "isomer-migrations-"));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "0002_second.sql"), "SELECT 2");
  await writeFile(join(folder, "0001_first.sql"), "SELECT 1");
  await writeFile(join(folder, "README.md"), "not one");
  const expected = [
    { name: "0001_first", sql: "SELECT 1" },
    { name: "0002_second", sql: "SELECT 2" },
  ];
  assert.deepEqual(loadMigrations(pathToFileURL(folder)), expected);
  assert.deepEqual(loadMigrations(pathToFileURL(`${folder}/`)), expected);
  assert.equal(loadMigrations(expected), expected);
  await writeFile(join(folder, "3_third.sql"), "SELECT 3");
  assert.throws(() => loadMigrations(pathToFileURL(folder)), /3_third\.sql/);
});

test("line endings of a checkout do not change a migration's checksum", () => {
  const migration = { name: "0001_a", sql: "SELECT 1;\nSELECT 2" };
  const applied = [{ owner: "o", name: "0001_a", checksum: `<${migration.sql}>` }];
  const set = { owner: "o", migrations: [{ ...migration, sql: "SELECT 1;\r\nSELECT 2" }] };
  assert.deepEqual(
    pendingMigrations({ dialect: "sqlite", database: "d", set, applied, hash: (text) => `<${text}>` }),
    [],
  );
});
