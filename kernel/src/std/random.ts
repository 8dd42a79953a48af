/** Randomness as a port, so that a simulation can draw it from a seed. */

/** A source of random numbers. The real one is cryptographically strong. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
}
