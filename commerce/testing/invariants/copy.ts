/**
 * A copy of a shop's databases, whatever engine they are in, as one that the invariants can be checked on: each table with
 * all its rows, one moment of each database.
 */
import { DatabaseSync } from "node:sqlite";
import type { Database, Row, SqlConnection, SqlValue } from "@isomer/kernel/store";
import { ShopData } from "./data.ts";

const TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
const COLUMNS = `SELECT column_name AS name, data_type AS type FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name = ? ORDER BY ordinal_position`;
/** Tables whose rows the invariants want in the order of their making, and the column that has it. */
const ORDER: Readonly<Record<string, string>> = { isomer_saga_journal: "seq" };

interface Table {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly Row[];
}

/** Copies databases of PostgreSQL into memory. */
export async function copyShopData(databases: ReadonlyMap<string, Database>): Promise<ShopData> {
  const copies = [...databases].map(async ([service, database]) => {
    const tables = await database.read({ label: "invariants" }, tablesOf);
    return [service, inMemory(tables)] as const;
  });
  return new ShopData(new Map(await Promise.all(copies)));
}

async function tablesOf(connection: SqlConnection): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const { name } of await connection.all<{ name: string }>(TABLES)) {
    const columns = await connection.all<{ name: string; type: string }>(COLUMNS, [name]);
    const order = ORDER[name] === undefined ? "" : ` ORDER BY ${quoted(ORDER[name])}`;
    // oxlint-disable-next-line no-await-in-loop -- One after another, in one snapshot.
    tables.push({ name, columns, rows: await connection.all(`TABLE ${quoted(name)}${order}`) });
  }
  return tables;
}

function inMemory(tables: readonly Table[]): DatabaseSync {
  const copy = new DatabaseSync(":memory:");
  copy.exec("BEGIN");
  for (const { name, columns, rows } of tables) {
    const types = columns.map((column) => `${quoted(column.name)} ${column.type.includes("int") ? "INTEGER" : "TEXT"}`);
    copy.exec(`CREATE TABLE ${quoted(name)} (${types.join(", ")})`);
    const insert = copy.prepare(`INSERT INTO ${quoted(name)} VALUES (${columns.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(...columns.map((column) => row[column.name] as SqlValue));
  }
  copy.exec("COMMIT");
  return copy;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
