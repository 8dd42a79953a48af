/** What a process finds in its environment. */
import assert from "node:assert/strict";
import { enableCompileCache, getCompileCacheDir } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { environmentOf } from "./host-process.ts";

test("a process is told where compiled sources are before its first file, unless the environment says otherwise", (t) => {
  const { NODE_COMPILE_CACHE: before } = process.env;
  const folder = mkdtempSync(join(tmpdir(), "isomer-compiled-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
    if (before !== undefined) process.env["NODE_COMPILE_CACHE"] = before;
  });
  enableCompileCache(folder);
  const kept = getCompileCacheDir();
  assert.ok(kept !== undefined);
  delete process.env["NODE_COMPILE_CACHE"];
  assert.equal(environmentOf({}).NODE_COMPILE_CACHE, dirname(kept));
  process.env["NODE_COMPILE_CACHE"] = "/elsewhere";
  assert.equal(environmentOf({}).NODE_COMPILE_CACHE, "/elsewhere");
  delete process.env["NODE_COMPILE_CACHE"];
});

test("a process is told what is meant for it, and nothing of the test runner's", () => {
  const environment = environmentOf({ environment: { OWN: "1" } });
  assert.deepEqual([environment["OWN"], environment["NODE_TEST_CONTEXT"]], ["1", undefined]);
});
