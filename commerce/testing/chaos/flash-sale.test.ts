/** A flash sale: 500 buyers for the last 50 pieces, at once. */
import { test } from "node:test";
import { flashSale } from "./flash-sale.ts";

test("500 buyers for the last 50", { timeout: 120_000 }, () => flashSale(500, 50));
