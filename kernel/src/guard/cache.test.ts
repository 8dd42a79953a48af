import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { TtlCache } from "./cache.ts";
import { DeadlineExceeded } from "./deadline.ts";

function make(entriesMax = 10): {
  cache: TtlCache<string>;
  clock: ManualClock;
  loads: string[];
  ask: Ask;
} {
  const clock = new ManualClock();
  const cache = new TtlCache<string>({ clock, maxAgeMs: 1_000, entriesMax });
  const loads: string[] = [];
  const ask: Ask = (key) =>
    cache.get(key, async () => {
      const name = `${key}${loads.push(key)}`;
      await Promise.resolve();
      return name;
    });
  return { cache, clock, loads, ask };
}
type Ask = (key: string) => Promise<string>;

void test("equal questions at once are one load, and later ones none until the answer is old", async () => {
  const { clock, loads, ask } = make();
  assert.deepEqual(await Promise.all([ask("a"), ask("a"), ask("b")]), ["a1", "a1", "b2"]);
  await clock.advance(999);
  assert.equal(await ask("a"), "a1");
  await clock.advance(1);
  assert.equal(await ask("a"), "a3");
  assert.deepEqual(loads, ["a", "b", "a"]);
});

void test("a failure reaches all who wait, and is not kept", async () => {
  const { cache } = make();
  const failing = () => {
    throw new Error("down");
  };
  const both = [cache.get("a", failing), cache.get("a", failing)];
  for (const one of both) await assert.rejects(one, /down/);
  assert.equal(await cache.get("a", () => Promise.resolve("up")), "up");
});

void test("the impatience of the first one does not hurt the others: they load for themselves, together", async () => {
  const { cache } = make();
  let loads = 0;
  const first = cache.get("a", () => Promise.reject(DeadlineExceeded.with({ label: "first" })));
  const patient = (): Promise<string> => {
    loads += 1;
    return Promise.resolve("answer");
  };
  const others = [cache.get("a", patient), cache.get("a", patient)];
  await assert.rejects(first, { code: "kernel/deadline-exceeded" });
  assert.deepEqual(await Promise.all(others), ["answer", "answer"]);
  assert.equal(loads, 1);
});

void test("the entry unused for longest goes first", async () => {
  const { cache, ask, loads } = make(2);
  await ask("a");
  await ask("b");
  await ask("a");
  await ask("c");
  assert.equal(cache.size, 2);
  assert.equal(cache.peek("b"), undefined);
  await ask("a");
  assert.deepEqual(loads, ["a", "b", "c"]);
});

void test("an answer that was forgotten while on its way is not kept", async () => {
  const { cache } = make();
  const { promise, resolve: answer } = Promise.withResolvers<string>();
  const first = cache.get("a", () => promise);
  cache.delete("a");
  const second = cache.get("a", () => Promise.resolve("new"));
  answer("old");
  assert.deepEqual(await Promise.all([first, second]), ["old", "new"]);
  assert.equal(cache.peek("a"), "new");
});
