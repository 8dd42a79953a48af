/** Hashes that decisions are made of: fast, well mixed, the same on every machine. Not for secrets. */

const PRIME_A = 0x9e3779b1;
const PRIME_B = 0x85ebca77;

/** 53 bits of a text (two lanes of multiply and shift, as in MurmurHash3's finaliser). */
export function hash53(text: string, seed = 0): number {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, PRIME_A);
    b = Math.imul(b ^ code, PRIME_B);
  }
  a = Math.imul(a ^ (a >>> 16), PRIME_B) ^ Math.imul(b ^ (b >>> 13), PRIME_A);
  b = Math.imul(b ^ (b >>> 16), PRIME_B) ^ Math.imul(a ^ (a >>> 13), PRIME_A);
  return 4_294_967_296 * (b & 0x1fffff) + (a >>> 0);
}

/** A number in [0, 1) that a seed and a name decide. */
export function unitOf(seed: number, name: string): number {
  return hash53(name, seed) / 2 ** 53;
}
