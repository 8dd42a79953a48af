/** The flash sale over a shop that keeps everything in PostgreSQL: its writers run side by side. */
import { after, test } from "node:test";
import { keepShopsInPostgres, withoutPostgres } from "../shops-on-postgres.ts";
import { flashSale } from "./flash-sale.ts";

if (withoutPostgres === false) after(keepShopsInPostgres());

test("60 buyers for the last 6, on PostgreSQL", { skip: withoutPostgres, timeout: 120_000 }, () => flashSale(60, 6));
