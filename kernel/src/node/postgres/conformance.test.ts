import { test } from "node:test";
import type { Database } from "../../store/mod.ts";
import { type ConformanceSubject, storeConformance } from "../../store/testing/conformance.ts";
import { systemClock } from "../clock.ts";
import { restoreFrom } from "./mod.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();

async function subject(): Promise<ConformanceSubject> {
  const databases = await cluster.databases(["orders", "restored"]);
  const opened: Database[] = [];
  const keep = async (opening: Promise<Database>): Promise<Database> => {
    const database = await opening;
    opened.push(database);
    return database;
  };
  return {
    clock: systemClock(),
    keeps: true,
    sideBySide: true,
    // With one connection, whoever comes second waits: what is tried is the bound of the waiting.
    open: (more) => keep(databases.replica(more === undefined ? {} : { ...more, connectionsMax: 1 }).open("orders")),
    async openBackup(path) {
      await restoreFrom(path, databases.migrationUrlOf("restored"));
      return keep(databases.storage.open("restored"));
    },
    async remove() {
      for (const database of opened) await database.close();
      await databases.drop();
    },
  };
}

if (withoutPostgres === false) storeConformance("PostgreSQL", subject);
else void test("the store on PostgreSQL", { skip: withoutPostgres });
