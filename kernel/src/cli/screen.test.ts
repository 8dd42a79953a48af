/** The fleet in a terminal: the table, and below it what happened lately. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FleetSnapshot, Terminal } from "../node/fleet/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { Screen } from "./screen.ts";

const row = (n: number) => ({
  ...{ kind: "service" as const, group: `g${n}`, services: [`g${n}`], instance: `g${n}-1`, state: "ready" },
  ...{ restarts: 0, version: "1.0.0" },
});
const snapshot: FleetSnapshot = {
  ...{ system: "Shop", folder: "/fleet", gateways: ["http://127.0.0.1:3000"] },
  rows: Array.from({ length: 20 }, (_, n) => row(n)),
};

/** What the last drawing of a screen of so many lines shows. */
function drawn(rows: number, said: readonly string[]): readonly string[] {
  let text = "";
  const terminal: Terminal = {
    ...{ isLive: true, size: { columns: 80, rows }, error: () => undefined },
    write: (part) => void (text = part.includes("INSTANCE") ? part : text),
    ...{ onStop: () => () => undefined, onResize: () => undefined },
  };
  const screen = new Screen(terminal, new ManualClock(), () => snapshot);
  for (const each of said) screen.say(each);
  screen.open();
  /* oxlint-disable no-control-regex -- escape sequences are what is taken away */
  return text
    .replaceAll(/\u001B\[[\d?]*[A-Za-z]|\r/g, "")
    .trimEnd()
    .split("\n");
}

test("what happened last is seen in a terminal of 24 lines, however many processes there are", () => {
  const lines = drawn(24, ["orders-1 ended", "stopping: again to stop at once", "gone"]);
  assert.ok(lines.length <= 23, String(lines.length));
  assert.deepEqual(lines.slice(-4), [
    "… and 4 more: isomer ps",
    "",
    "15:06:40 stopping: again to stop at once",
    "15:06:40 gone",
  ]);
});

test("what happened last is seen whole where it is wider than the terminal, and what was before it as far as there is room", () => {
  const why = "See /home/somebody/projects/shop/fleet-data/logs/orders-2.log.";
  const failed = `roll of orders failed: orders-2 did not become ready: it ended with exit code 1. ${why}`;
  const lines = drawn(24, ["gone", failed]);
  assert.ok(lines.length <= 23 && lines.every((line) => line.length < 80), lines.join("\n"));
  assert.deepEqual(lines.slice(-3), [
    "15:06:40 roll of orders failed: orders-2 did not become ready: it ended with",
    "         exit code 1. See",
    "         /home/somebody/projects/shop/fleet-data/logs/orders-2.log.",
  ]);
  assert.match(drawn(24, [failed, "gone"]).at(-2) ?? "", /^15:06:40 roll of orders failed: .* it ended wit…$/);
  assert.deepEqual(drawn(24, ["x".repeat(100)]).slice(-2), [
    `15:06:40 ${"x".repeat(70)}`,
    `         ${"x".repeat(30)}`,
  ]);
});

test("the table has all lines while nothing happened, and there is room for more where the terminal is higher", () => {
  assert.equal(drawn(24, []).length, 23);
  assert.equal(drawn(40, ["a", "b", "c", "d", "e", "f", "g"]).length, 23 + 1 + 6);
});
