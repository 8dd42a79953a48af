/** The same as `fuzz.test.ts`, for as long as it is worth. `FUZZ_RUNS` says how often, `FUZZ_SEED` repeats a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openShop } from "../open-shop.ts";
import { letIn } from "./attacker.ts";
import { fuzz } from "./fuzz.ts";
import { RawClient } from "./raw.ts";

const { FUZZ_RUNS: runs = "30000", FUZZ_SEED: seed } = process.env;

test("random requests, many", async (t) => {
  await using shop = await openShop();
  const attacker = await letIn(shop);
  const raw = new RawClient(shop.client.url);
  const chosen = seed === undefined ? {} : { seed: Number(seed) };
  const statuses = await fuzz(raw, { ...attacker, runs: Number(runs), ...chosen });
  raw.close();
  t.diagnostic(JSON.stringify(statuses));
  assert.deepEqual(shop.complaints, []);
});
