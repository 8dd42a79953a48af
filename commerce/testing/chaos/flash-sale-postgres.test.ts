/** The flash sale over a shop that keeps everything in PostgreSQL: its writers run side by side. */
import { after, test } from "node:test";
import { keepShopsInPostgres, withoutPostgres } from "../shops-on-postgres.ts";
import { flashSale } from "./flash-sale.ts";

if (withoutPostgres === false) after(keepShopsInPostgres());

/** `FLASH_SALE=500/50` tries more of them; it takes minutes on a small machine. */
const [buyers = 60, pieces = 6] = (process.env["FLASH_SALE"] ?? "60/6").split("/").map(Number);

test(`${buyers} buyers for the last ${pieces}, on PostgreSQL`, { skip: withoutPostgres, timeout: 2_000 * buyers }, () =>
  flashSale(buyers, pieces),
);
