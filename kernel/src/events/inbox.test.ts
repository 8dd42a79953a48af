import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EventRecord } from "./event.ts";
import { claimEvent, pruneInbox, saveCursor } from "./inbox.ts";
import { openMemory } from "./testing/setup.ts";

const DAY = 24 * 3_600_000;

function numbered(position: number): EventRecord {
  const id = `e${position}`;
  return {
    id,
    service: "shop",
    type: "t",
    version: 1,
    key: "k",
    sequence: position,
    position,
    at: 0,
    data: {},
    actor: {},
    trace: undefined,
  };
}

async function inboxOf(days: readonly number[], cursor: number) {
  const database = await openMemory("hearer");
  const write = { label: "test" };
  await database.write(write, async (connection) => {
    for (const [index, day] of days.entries())
      assert.ok(await claimEvent(connection, "c", numbered(index + 1), day * DAY));
    await saveCursor(connection, { consumer: "c", source: "shop", position: cursor, heard: "{}" });
  });
  return {
    prune: (before: number, limit: number) =>
      database.write(write, (connection) => pruneInbox(connection, before, limit)),
    isNew: (position: number) =>
      database.write(write, (connection) => claimEvent(connection, "c", numbered(position), 0)),
  };
}

describe("the inbox", () => {
  test("knows an event again, for each consumer by itself", async () => {
    const database = await openMemory("hearer");
    const claim = (consumer: string) =>
      database.write({ label: "test" }, (c) => claimEvent(c, consumer, numbered(1), 0));
    assert.equal(await claim("one"), true);
    assert.equal(await claim("one"), false);
    assert.equal(await claim("two"), true);
  });

  test("remembers up to the retention and forgets after it", async () => {
    const { prune, isNew } = await inboxOf([1, 2, 3], 3);
    assert.equal(await prune(2 * DAY, 100), 1);
    assert.equal(await isNew(2), false);
    assert.equal(await prune(2 * DAY + 1, 100), 1);
    assert.equal(await isNew(1), true);
    assert.equal(await isNew(3), false);
  });

  test("forgets in bounded pieces", async () => {
    const { prune } = await inboxOf([1, 1, 1, 1, 1], 5);
    assert.deepEqual([await prune(2 * DAY, 2), await prune(2 * DAY, 2), await prune(2 * DAY, 2)], [2, 2, 1]);
  });

  test("remembers what the cursor has not passed, however old", async () => {
    const { prune, isNew } = await inboxOf([1, 1, 1], 1);
    assert.equal(await prune(9 * DAY, 100), 1);
    assert.equal(await isNew(2), false);
    assert.equal(await isNew(3), false);
  });
});
