/** The journeys of `customer.test.ts` over a shop that keeps everything in PostgreSQL. */
import { after, test } from "node:test";
import { keepShopsInPostgres, withoutPostgres } from "../shops-on-postgres.ts";

if (withoutPostgres === false) {
  const stop = keepShopsInPostgres();
  await import("./customer.test.ts");
  // After what the journeys close.
  after(stop);
} else {
  void test("the journeys on PostgreSQL", { skip: withoutPostgres });
}
