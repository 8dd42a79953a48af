/** Randomness that names fork, and the hashes that decisions are made of. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hash53, unitOf } from "./hash.ts";
import { between, forkedRandom, pick } from "./random.ts";

const draws = (seed: number, name: string, count = 8): number[] => {
  const random = forkedRandom(seed, name);
  return Array.from({ length: count }, () => random.next());
};

/** How closely two lists of numbers in [0, 1) go together: 0 when they have nothing to do with one another. */
function correlation(xs: readonly number[], ys: readonly number[]): number {
  const covariance = xs.reduce((sum, x, index) => sum + (x - 0.5) * ((ys[index] ?? 0) - 0.5), 0) / xs.length;
  return covariance * 12;
}

describe("randomness forked by name", () => {
  test("is the same for ever: kept seeds depend on it", () => {
    const random = forkedRandom(42, "orders");
    assert.deepEqual(
      [random.next(), random.next(), random.next()],
      [0.1632451566401869, 0.0663862070068717, 0.38592728413641453],
    );
    assert.deepEqual([...random.bytes(8)], [124, 42, 135, 107, 252, 76, 146, 80]);
  });

  test("gives one name the same, however much others draw, and other names and seeds something else", () => {
    const before = draws(7, "a");
    const other = forkedRandom(7, "b");
    for (let draw = 0; draw < 1_000; draw += 1) other.next();
    assert.deepEqual(draws(7, "a"), before);
    assert.notDeepEqual(draws(7, "b"), before);
    assert.notDeepEqual(draws(8, "a"), before);
  });

  test("has names and seeds that are alike go apart from the first draw on", () => {
    const firsts = (name: (n: number) => string, seed: (n: number) => number): number[] =>
      Array.from({ length: 4_000 }, (_, n) => forkedRandom(seed(n), name(n)).next());
    const byName = firsts(
      (n) => `actor/buyer-${n}`,
      () => 1,
    );
    const bySeed = firsts(
      () => "actor",
      (n) => n,
    );
    // A standard deviation is 0.016.
    assert.ok(Math.abs(correlation(byName, byName.slice(1))) < 0.08);
    assert.ok(Math.abs(correlation(bySeed, bySeed.slice(1))) < 0.08);
    assert.ok(Math.abs(correlation(byName, bySeed)) < 0.08);
    for (const list of [byName, bySeed]) assert.equal(new Set(list).size, 4_000);
  });

  test("draws whole numbers between two, both included, and picks from lists", () => {
    const random = forkedRandom(1, "numbers");
    const seen = new Set(Array.from({ length: 300 }, () => between(random, -1, 2)));
    assert.deepEqual([...seen].toSorted(), [-1, 0, 1, 2]);
    assert.deepEqual(new Set(Array.from({ length: 100 }, () => pick(random, ["x", "y"]))), new Set(["x", "y"]));
    assert.throws(() => pick(random, []), TypeError);
  });
});

describe("hashes", () => {
  test("are the same for ever: kept seeds depend on them", () => {
    const pinned: readonly (readonly [string, number, number])[] = [
      ["", 0, 1605597789949631],
      ["a", 0, 3378697997800002],
      ["a", 1, 6175458731973727],
      ["checkout>orders place k-1", 42, 2807697984573845],
    ];
    for (const [text, seed, value] of pinned) assert.equal(hash53(text, seed), value);
    assert.equal(unitOf(7, "kill|host"), 0.7868652317463263);
  });

  test("spread evenly over names that are alike, at every rate that faults have", () => {
    for (const rate of [0.002, 0.03, 0.2]) {
      let count = 0;
      for (let n = 0; n < 100_000; n += 1) if (unitOf(3, `reply lost|a>b orders.place k-${n}`) < rate) count += 1;
      const deviation = Math.sqrt(100_000 * rate * (1 - rate));
      assert.ok(Math.abs(count - 100_000 * rate) < 6 * deviation, `${count} at ${rate}`);
    }
  });

  test("decide about one occasion as if they knew nothing of its neighbours, its kind or its seed", () => {
    const lists = [
      (n: number) => unitOf(n, "kill|a"),
      (n: number) => unitOf(n + 1, "kill|a"),
      (n: number) => unitOf(n, "kill|b"),
      (n: number) => unitOf(n, "pause|a"),
      (n: number) => unitOf(n, "kill|a #2"),
      (n: number) => unitOf(0, `kill|a #${n}`),
    ].map((unit) => Array.from({ length: 4_000 }, (_, n) => unit(n)));
    for (const one of lists) {
      for (const other of lists) {
        if (one !== other) assert.ok(Math.abs(correlation(one, other)) < 0.08, String(correlation(one, other)));
      }
    }
  });

  test("tell a hundred thousand names apart", () => {
    assert.equal(new Set(Array.from({ length: 100_000 }, (_, n) => hash53(`id|${n}`, 5))).size, 100_000);
  });
});
