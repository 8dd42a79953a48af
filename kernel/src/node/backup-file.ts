/**
 * Copies a database while it is in use. The copy is made beside its destination and gets its name only when it is
 * whole and on the disk: a crash leaves a `.partial` file, never half a backup under a good name.
 */
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupExists } from "../store/mod.ts";

/** Lets `copy` write to a partial file, then gives it its name. @throws {BackupExists} when there is one already. */
export async function backupTo(path: string, copy: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  await rm(partial, { force: true });
  try {
    await copy(partial);
    await syncPath(partial);
    // Unlike rename, link fails when the name is taken.
    await link(partial, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw BackupExists.with({ path });
    throw error;
  } finally {
    await rm(partial, { force: true });
  }
  await syncPath(dirname(path));
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
