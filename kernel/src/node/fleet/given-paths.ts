/** Paths that a command was given: they must mean the same to servers, programs and the supervisor, which run elsewhere. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { BadCommand, FolderUnusable } from "./faults.ts";

/** The folder of a fleet, from wherever it is looked at. */
export function folderAt(given: string): string {
  return resolve(given);
}

/** The entry of a build. @throws {BadCommand} when there is none: before a process is started in vain. */
export function entryAt(given: string): string {
  const entry = resolve(given);
  if (!existsSync(entry)) throw BadCommand.with({ detail: `There is no ${entry} to start processes with.` });
  if (statSync(entry).isDirectory())
    throw BadCommand.with({ detail: `${entry} is a folder. Name the module in it that processes are started with.` });
  return entry;
}

/** Servers that run as another user must get to their own folders in it; all else is readable by its owner only. */
const FOLDER_MODE = 0o711;
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "nothing can be written there",
  ENOSPC: "the disk is full",
};

/** Makes a fleet's folder when it is not there. @throws {FolderUnusable} when it cannot be made or written to. */
export function makeFolder(folder: string): void {
  try {
    make(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw FolderUnusable.with({ folder, detail: REASONS[code] ?? message }, { cause });
  }
}

/** One after another: `recursive` never ends where a folder is there in which none can be made, as in `/proc`. */
function make(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${folder} is a file`);
  make(dirname(folder));
  mkdirSync(folder, { mode: FOLDER_MODE });
}
