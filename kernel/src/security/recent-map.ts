/**
 * A bounded memory of what was used lately: two generations instead of an ordered list. What is used again moves to the
 * young one, and the old one is dropped whole. A hit costs one look-up.
 */
export class RecentMap<V> {
  readonly #generationMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** @param entriesMax How many entries are kept at the most, two or more. */
  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  /** How many entries are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** What is kept under a key, unless it was forgotten. */
  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.set(key, old);
    }
    return old;
  }

  /** Keeps a value; what was not used for long may be forgotten. */
  set(key: string, value: V): void {
    if (this.#young.size >= this.#generationMax && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
