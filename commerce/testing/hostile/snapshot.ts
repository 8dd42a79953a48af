/** What the shop keeps, to tell whether something was stored. */
import { createHash } from "node:crypto";
import type { OpenShop } from "../open-shop.ts";

/** For each table of each service's own: how many rows it has, and what is in them. */
export async function snapshot(shop: OpenShop): Promise<Record<string, string>> {
  await shop.host.idle();
  const tables: Record<string, string> = {};
  for (const [service, database] of shop.host.databases()) {
    await database.read({ label: "snapshot" }, async (connection) => {
      const names = await connection.all<{ name: string }>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name NOT LIKE 'isomer_inbox%' ORDER BY name",
      );
      for (const { name } of names) {
        if (BOOKKEEPING.test(name)) continue;
        const rows = await connection.all(`SELECT * FROM "${name}"`);
        const hash = createHash("sha256");
        for (const row of rows) hash.update(JSON.stringify(row));
        tables[`${service}.${name}`] = `${rows.length} rows, ${hash.digest("hex").slice(0, 16)}`;
      }
    });
  }
  return tables;
}

/** Tables that say how far the runtime has come, not what happened. */
const BOOKKEEPING =
  /^isomer_(cursor|consumer|migration|lock|idempotency|inbox)|^sqlite_|_fts|_config$|_idx$|_data$|_docsize$/;
