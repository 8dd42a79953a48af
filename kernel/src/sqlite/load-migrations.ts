/** Reads a service's migrations from its folder. */
import { readFileSync, readdirSync } from "node:fs";
import type { Migration } from "../store/mod.ts";

const NAME = /^\d{4}_[a-z0-9_]+\.sql$/;

/**
 * The migrations in a folder of files like `0001_create_orders.sql`, or the list as it was given.
 * Reads synchronously: it runs once, before a host serves anything.
 * @throws {TypeError} when a `.sql` file in the folder has a name that would not sort.
 */
export function loadMigrations(source: URL | readonly Migration[]): readonly Migration[] {
  if (!(source instanceof URL)) return source;
  const folder = source.href.endsWith("/") ? source : new URL(`${source.href}/`);
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  return files.toSorted().map((file) => {
    if (!NAME.test(file)) {
      throw new TypeError(`The migration ${file} needs a name like 0001_what_it_does.sql.`);
    }
    return {
      name: file.slice(0, -".sql".length),
      sql: readFileSync(new URL(file, folder), "utf8"),
    };
  });
}
