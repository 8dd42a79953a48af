/** What every source of randomness, and of ids, must do: one suite each, run against all. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock, Ids, Random } from "../mod.ts";

/** Declares the suite for a source of random numbers. `make` gives another source each time it is asked. */
export function randomConformance(name: string, make: () => Random): void {
  void describe(`random: ${name}`, () => {
    test("numbers lie in [0, 1) and spread evenly", () => {
      const random = make();
      const tenths = new Uint32Array(10);
      for (let draw = 0; draw < 100_000; draw += 1) {
        const value = random.next();
        assert.ok(value >= 0 && value < 1, String(value));
        const tenth = Math.floor(value * 10);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      // A standard deviation is 95: chance does not go this far.
      for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 900, String(count));
    });

    test("numbers do not follow from the one before", () => {
      const random = make();
      const quarters = new Uint32Array(16);
      let last = 0;
      for (let draw = 0; draw < 64_000; draw += 1) {
        const quarter = Math.floor(random.next() * 4);
        const pair = 4 * last + quarter;
        quarters[pair] = (quarters[pair] ?? 0) + 1;
        last = quarter;
      }
      for (const count of quarters) assert.ok(Math.abs(count - 4_000) < 600, String(count));
    });

    test("bytes are as many as asked for, of all values, and never the same twice", () => {
      const random = make();
      const seen = new Set<string>();
      const values = new Set<number>();
      for (let draw = 0; draw < 3_000; draw += 1) {
        const bytes = random.bytes(16);
        for (const value of bytes) values.add(value);
        seen.add(bytes.toString());
      }
      assert.equal(seen.size, 3_000);
      assert.equal(values.size, 256);
      for (const count of [0, 1, 15, 8_191, 8_192, 8_193, 100_000]) assert.equal(random.bytes(count).length, count);
    });

    test("bytes that were handed out are the taker's own", () => {
      const random = make();
      const first = random.bytes(16);
      const before = first.toString();
      for (let draw = 0; draw < 2_000; draw += 1) random.bytes(16).fill(0);
      assert.equal(first.toString(), before);
    });

    test("two sources do not give the same", () => {
      const [one, other] = [make(), make()];
      assert.notEqual(one.bytes(16).toString(), other.bytes(16).toString());
      assert.notEqual(one.next(), other.next());
    });
  });
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Sources of ids on one clock. */
export interface IdsSubject {
  readonly clock: Pick<Clock, "now">;
  /** Another source each time it is asked: of another process. */
  source(): Ids;
  /** Lets a millisecond or more pass. */
  pass(): void;
}

/** Declares the suite for a source of ids. */
export function idsConformance(name: string, make: () => IdsSubject): void {
  void describe(`ids: ${name}`, () => {
    test("are UUIDs of version 7 whose first 48 bits are the time", () => {
      const { clock, source, pass } = make();
      const ids = source();
      for (let round = 0; round < 20; round += 1) {
        const id = ids.next();
        assert.match(id, UUID_V7);
        assert.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), clock.now());
        pass();
      }
    });

    test("sort by the millisecond they were made in", () => {
      const { source, pass } = make();
      const ids = source();
      for (let round = 0, last = ""; round < 200; round += 1) {
        const id = ids.next();
        assert.ok(id > last, `${id} after ${last}`);
        last = id;
        pass();
      }
    });

    test("are never made twice, by one source or by many, within one millisecond", () => {
      const { source } = make();
      const seen = new Set<string>();
      for (let one = 0; one < 20; one += 1) {
        const ids = source();
        for (let made = 0; made < 1_000; made += 1) seen.add(ids.next());
      }
      assert.equal(seen.size, 20_000);
    });

    test("differ in what follows their time, too", () => {
      const { source, pass } = make();
      const tails = new Set<string>();
      for (let one = 0; one < 20; one += 1) {
        const ids = source();
        for (let made = 0; made < 50; made += 1) {
          tails.add(ids.next().slice(-12));
          pass();
        }
      }
      assert.equal(tails.size, 1_000);
    });
  });
}
