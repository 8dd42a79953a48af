/** Reads a service's migrations from its folder. */
import { readFileSync, readdirSync } from "node:fs";
import type { Migration } from "../store/mod.ts";

const NAME = /^(?<name>\d{4}_[a-z0-9_]+)(?<isPostgres>\.postgres)?\.sql$/;

/**
 * The migrations in a folder of files like `0001_create_orders.sql`, or the list as it was given. Where PostgreSQL needs
 * another text, that is in a file like `0001_create_orders.postgres.sql` beside it.
 * Reads synchronously: it runs once, before a host serves anything.
 * @throws {TypeError} when a `.sql` file in the folder has a name that would not sort, or a text for PostgreSQL stands alone.
 */
export function loadMigrations(source: URL | readonly Migration[]): readonly Migration[] {
  if (!(source instanceof URL)) return source;
  const folder = source.href.endsWith("/") ? source : new URL(`${source.href}/`);
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  const texts = new Map<string, { sqlite?: string; postgres?: string }>();
  for (const file of files.toSorted()) {
    const { name, isPostgres } = NAME.exec(file)?.groups ?? {};
    if (name === undefined) throw new TypeError(`The migration ${file} needs a name like 0001_what_it_does.sql.`);
    const dialect = isPostgres === undefined ? "sqlite" : "postgres";
    texts.set(name, { ...texts.get(name), [dialect]: readFileSync(new URL(file, folder), "utf8") });
  }
  return [...texts].map(([name, { sqlite, postgres }]) => {
    if (sqlite === undefined) throw new TypeError(`The migration ${name}.postgres.sql needs a ${name}.sql beside it.`);
    return { name, sql: postgres === undefined ? sqlite : { sqlite, postgres } };
  });
}
