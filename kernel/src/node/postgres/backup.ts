/** Backups by PostgreSQL's own programs: one snapshot, in its custom format. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { backupTo } from "../backup-file.ts";
import { findPostgres } from "../engines/mod.ts";

const run = promisify(execFile);

/** Writes a database to a file while everything goes on. @throws {BackupExists} when there is a file already. */
export async function dumpTo(path: string, url: string): Promise<void> {
  const command = program("pg_dump");
  const { environment, place } = connectionOf(url);
  await backupTo(path, async (partial) => {
    await run(command, ["--format=custom", "--no-password", `--file=${partial}`, place], { env: environment });
  });
}

/** Fills an empty database from a backup, with everything owned by the role of the URL. */
export async function restoreFrom(path: string, url: string): Promise<void> {
  const command = program("pg_restore");
  const { environment, place } = connectionOf(url);
  const options = ["--no-owner", "--no-privileges", "--no-password", "--exit-on-error", "--single-transaction"];
  await run(command, [...options, `--dbname=${place}`, path], { env: environment });
}

function program(name: string): string {
  const command = findPostgres(name);
  if (command === undefined) throw new Error(`${name} is not installed: apt-get install postgresql-client`);
  return command;
}

/** The password goes by the environment: everybody on the machine sees a program's arguments. */
function connectionOf(url: string): { readonly environment: NodeJS.ProcessEnv; readonly place: string } {
  const place = new URL(url);
  const password = decodeURIComponent(place.password);
  place.password = "";
  return { environment: { ...process.env, PGPASSWORD: password }, place: place.href };
}
