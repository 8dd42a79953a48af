import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { uuidV7 } from "./ids.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { seededRandom } from "./testing/seeded-random.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

void test("an id is a UUIDv7 whose first 48 bits are the time", () => {
  const id = uuidV7(new ManualClock(0x0192_3456_789a), seededRandom(1)).next();
  assert.match(id, UUID_V7);
  assert.equal(id.slice(0, 13), "01923456-789a");
});

void test("ids increase within a millisecond, past 4,096 of them, and when the clock steps back", () => {
  const steps = fc.array(
    fc.record({
      jumpMs: fc.integer({ min: -5_000, max: 5 }),
      count: fc.integer({ min: 1, max: 9_000 }),
    }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(steps, (moves) => {
      let nowMs = 1_750_000_000_000;
      const ids = uuidV7(Object.assign(new ManualClock(), { now: () => nowMs }), seededRandom(7));
      let last = "";
      for (const { jumpMs, count } of moves) {
        nowMs += jumpMs;
        for (let made = 0; made < count; made += 1) {
          const next = ids.next();
          assert.ok(next > last, `${next} after ${last}`);
          last = next;
        }
      }
      assert.match(last, UUID_V7);
    }),
    { numRuns: 30 },
  );
});

void test("two sources with the same clock give different ids", () => {
  const clock = new ManualClock();
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed += 1) {
    const ids = uuidV7(clock, seededRandom(seed));
    for (let made = 0; made < 50; made += 1) seen.add(ids.next());
  }
  assert.equal(seen.size, 5_000);
});
