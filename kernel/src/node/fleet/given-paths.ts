/** Paths that a command was given: they must mean the same to servers, programs and the supervisor, which run elsewhere. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { BadCommand } from "./faults.ts";

/** The folder of a fleet, from wherever it is looked at. */
export function folderAt(given: string): string {
  return resolve(given);
}

/** The entry of a build. @throws {BadCommand} when there is none: before a process is started in vain. */
export function entryAt(given: string): string {
  const entry = resolve(given);
  if (!existsSync(entry)) throw BadCommand.with({ detail: `There is no ${entry} to start processes with.` });
  return entry;
}
