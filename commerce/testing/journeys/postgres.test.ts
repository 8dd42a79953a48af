/** The same journeys over a shop that keeps everything in PostgreSQL. */
import { test } from "node:test";
import { keepShopsInPostgres, withoutPostgres } from "../shops-on-postgres.ts";

if (withoutPostgres === false) {
  keepShopsInPostgres();
  await import("./customer.test.ts");
  await import("./staff.test.ts");
  await import("./cards.test.ts");
  await import("./edge.test.ts");
} else {
  void test("the journeys on PostgreSQL", { skip: withoutPostgres });
}
