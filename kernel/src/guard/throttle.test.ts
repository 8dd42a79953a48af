import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { Throttle } from "./throttle.ts";

/** Offers 1,000 calls a second for some seconds; the callee takes so many a second. Returns what was sent and taken. */
function offer(
  throttle: Throttle,
  fromMs: number,
  seconds: number,
  takesPerSecond: number,
): { readonly sent: number; readonly taken: number } {
  const random = seededRandom(7);
  let [sent, taken, room] = [0, 0, 0];
  for (let ms = fromMs; ms < fromMs + seconds * 1_000; ms += 1) {
    // It has a little room for those that come together.
    room = Math.min(20, room + takesPerSecond / 1_000);
    if (throttle.refuses(ms, random)) continue;
    sent += 1;
    if (room < 1) {
      throttle.refused(ms);
      continue;
    }
    room -= 1;
    taken += 1;
    throttle.taken(ms);
  }
  return { sent, taken };
}

void test("a callee that takes all that it is sent is sent everything", () => {
  assert.deepEqual(offer(new Throttle(), 0, 10, 1_000), { sent: 10_000, taken: 10_000 });
});

void test("a callee that takes a fifth is sent twice of what it takes, and goes on to take that", () => {
  const throttle = new Throttle();
  offer(throttle, 0, 10, 200);
  const { sent, taken } = offer(throttle, 10_000, 10, 200);
  assert.ok(sent > 1.8 * 2_000 && sent < 2.3 * 2_000, `${sent} sent`);
  assert.ok(taken > 0.95 * 2_000, `${taken} taken`);
});

void test("a callee that refuses everything is sent a tenth, and all again within seconds when it takes calls again", () => {
  const throttle = new Throttle();
  offer(throttle, 0, 20, 0);
  const { sent } = offer(throttle, 20_000, 10, 0);
  assert.ok(sent > 800 && sent < 1_200, `${sent} sent`);
  offer(throttle, 30_000, 8, 1_000);
  const after = offer(throttle, 38_000, 5, 1_000);
  assert.equal(after.sent, 5_000);
});

void test("a callee that is asked rarely, and refuses, is asked most of the time all the same", () => {
  const throttle = new Throttle();
  const random = seededRandom(3);
  let sent = 0;
  for (let n = 0; n < 500; n += 1) {
    if (throttle.refuses(n * 2_000, random)) continue;
    sent += 1;
    throttle.refused(n * 2_000);
  }
  assert.ok(sent > 250, `${sent} of 500`);
});

void test("a crowd that comes before anything was answered is sent whole", () => {
  const throttle = new Throttle();
  const random = seededRandom(5);
  const sent = Array.from({ length: 500 }, () => throttle.refuses(0, random)).filter((isRefused) => !isRefused);
  assert.equal(sent.length, 500);
});
