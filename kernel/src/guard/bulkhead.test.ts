import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { Bulkhead } from "./bulkhead.ts";

function full(waitingMax = 2): [Bulkhead, ManualClock] {
  const clock = new ManualClock();
  const bulkhead = new Bulkhead({ clock, label: "payments", runningMax: 1, waitingMax });
  assert.ok(bulkhead.tryEnter());
  return [bulkhead, clock];
}

void test("who waits is let in in the order of coming, one for each who leaves", async () => {
  const [bulkhead, clock] = full();
  const entered: string[] = [];
  void bulkhead.enter(1_000).then(() => entered.push("first"));
  void bulkhead.enter(1_000).then(() => entered.push("second"));
  bulkhead.leave();
  await clock.advance(0);
  assert.deepEqual(entered, ["first"]);
  bulkhead.leave();
  await clock.advance(0);
  assert.deepEqual(entered, ["first", "second"]);
  bulkhead.leave();
  assert.equal(bulkhead.running, 0);
  assert.equal(clock.pending, 0);
});

void test("more than the bound do not wait", async () => {
  const [bulkhead] = full(0);
  await assert.rejects(bulkhead.enter(1_000), { code: "kernel/overloaded", kind: "exhausted" });
});

void test("a wait ends with the deadline or the signal, and gives its place in the queue up", async () => {
  const [bulkhead, clock] = full();
  const controller = new AbortController();
  const late = assert.rejects(bulkhead.enter(50), { code: "kernel/deadline-exceeded" });
  const aborted = assert.rejects(bulkhead.enter(1_000, controller.signal), {
    code: "kernel/deadline-exceeded",
  });
  await clock.advance(50);
  await late;
  controller.abort();
  await aborted;
  assert.equal(bulkhead.waiting, 0);
  await assert.rejects(bulkhead.enter(1_000, controller.signal), {
    code: "kernel/deadline-exceeded",
  });
  bulkhead.leave();
  assert.ok(bulkhead.tryEnter());
  assert.equal(clock.pending, 0);
});
