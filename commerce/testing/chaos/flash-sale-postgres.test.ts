/** The flash sale over a shop that keeps everything in PostgreSQL: its writers run side by side. */
import { after, test } from "node:test";
import { keepShopsInPostgres, withoutPostgres } from "../shops-on-postgres.ts";

if (withoutPostgres === false) {
  const stop = keepShopsInPostgres();
  await import("./flash-sale.test.ts");
  after(stop);
} else {
  void test("the flash sale on PostgreSQL", { skip: withoutPostgres });
}
