/** Lists of what processes answer, for people. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listing } from "./inquiries.ts";

const items = [
  { eventId: "e-1", service: "cart", fault: { code: "cart/closed", kind: "conflict" } },
  { eventId: "e-22", service: "orders", position: 7 },
];
const columns = ["eventId", "service", "position", "fault"];

test("a list is a table where it fits, and a few lines for each where it does not", () => {
  assert.deepEqual(listing(items, columns, 80).split("\n"), [
    "eventId  service  position  fault",
    "e-1      cart     -         cart/closed",
    "e-22     orders   7         -",
  ]);
  assert.deepEqual(listing(items, columns, 38).split("\n"), [
    ...["eventId   e-1", "service   cart", "position  -", "fault     cart/closed", ""],
    ...["eventId   e-22", "service   orders", "position  7", "fault     -"],
  ]);
  assert.equal(listing([], columns, 10), "none");
});
