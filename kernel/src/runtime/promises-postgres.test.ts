/** The promises of the platform, kept over PostgreSQL too. */
import { after, test } from "node:test";
import { testCluster, withoutPostgres } from "../node/postgres/testing/mod.ts";
import { runOn } from "./testing/storage.ts";

if (withoutPostgres === false) {
  let stop = async (): Promise<void> => {};
  const cluster = testCluster({ atEnd: (stopCluster) => (stop = stopCluster) });
  runOn(async (services) => (await cluster.databases(services)).storage);
  await import("./promises.test.ts");
  await import("./repetition.test.ts");
  after(stop);
} else {
  void test("the promises on PostgreSQL", { skip: withoutPostgres });
}
