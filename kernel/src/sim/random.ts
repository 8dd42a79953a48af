/**
 * Randomness forked by name: each part draws from a stream of its own, so that one part drawing more or less leaves
 * the others as they were. A failing run can be shrunk only because of that.
 */
import type { Random } from "../std/mod.ts";
import { hash53 } from "./hash.ts";

/** Random numbers that a seed and a name decide (sfc32). */
export function forkedRandom(seed: number, name: string): Random {
  const first = hash53(name, seed);
  const second = hash53(`${name}/2`, seed);
  let a = first >>> 0;
  let b = (first / 2 ** 32) >>> 0;
  let c = second >>> 0;
  let counter = 1;
  const next32 = (): number => {
    const sum = (((a + b) >>> 0) + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum;
  };
  for (let warm = 0; warm < 12; warm += 1) next32();
  return {
    next: () => next32() / 2 ** 32,
    bytes(count) {
      const bytes = new Uint8Array(count);
      for (let index = 0; index < count; index += 1) bytes[index] = next32() & 0xff;
      return bytes;
    },
  };
}

/** A whole number between two, both included. */
export function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random.next() * (most - least + 1));
}

/** One of a list. @throws {TypeError} when it is empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random.next() * list.length)];
  if (found === undefined) throw new TypeError("There is nothing to pick from.");
  return found;
}
