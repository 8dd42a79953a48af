import assert from "node:assert/strict";
import { test } from "node:test";
import { meet } from "./testing/two-workloads.ts";

void test("the two workloads of the guide meet", async () => {
  const said: string[] = [];
  await meet((line) => said.push(line));
  assert.deepEqual(said, [
    "Connected to spiffe://shop.internal/service/orders.",
    "You are spiffe://shop.internal/gateway.",
  ]);
});
