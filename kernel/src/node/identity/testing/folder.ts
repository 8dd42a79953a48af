/** A folder for one test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Makes a folder that is gone when the test is over. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "isomer-identity-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
