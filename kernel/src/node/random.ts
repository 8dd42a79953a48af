/** Real randomness, drawn from the kernel's generator a pool at a time. */
import { randomFillSync } from "node:crypto";
import type { Random } from "../std/mod.ts";

/** A draw costs 0.5 µs or more whatever its size; from a pool, about 0.02. */
const POOL_BYTES = 8_192;
const BITS_53 = 2 ** 53;

/** Cryptographically strong random numbers. Bytes are handed out once and wiped from the pool. */
export function systemRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  const view = new DataView(pool.buffer);
  let used = POOL_BYTES;
  const take = (count: number): number => {
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const at = used;
    used += count;
    return at;
  };
  return {
    next() {
      const at = take(8);
      // 53 bits: the most that a double holds exactly, so that every value is as likely as the next.
      return ((view.getUint32(at) >>> 11) * 2 ** 32 + view.getUint32(at + 4)) / BITS_53;
    },
    bytes(count) {
      if (count > POOL_BYTES / 4) return randomFillSync(new Uint8Array(count));
      const at = take(count);
      const bytes = pool.slice(at, at + count);
      pool.fill(0, at, at + count);
      return bytes;
    },
  };
}
