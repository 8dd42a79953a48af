/** Files that are there whole or not at all, also after a power cut. */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { randomUUID } from "node:crypto";

/** Read and written by the owner only. */
export const PRIVATE_MODE = 0o600;
/** Read by everybody. */
export const PUBLIC_MODE = 0o644;

/** Puts a file in the place of the one that is there, if there is one. Readers see the one or the other. */
export function replaceFile(path: string, text: string, mode: number): void {
  const draft = writeDraft(path, text, mode);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** Makes a file unless there is one. Of two who try at once one succeeds; the answer tells whether it was this one. */
export function makeFile(path: string, text: string, mode: number): boolean {
  const draft = writeDraft(path, text, mode);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
    syncFolder(dirname(path));
  }
}

/** Makes a folder that only its owner may enter. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

function writeDraft(path: string, text: string, mode: number): string {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const file = openSync(draft, "wx", mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
