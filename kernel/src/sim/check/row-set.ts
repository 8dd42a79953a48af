/** A set of rows of whole numbers, exact and without an object per row: a search remembers millions of them. */

const FILLED_MAX = 0.6;

/** Rows of one width. `add` copies the row, so the caller may use it again. */
export class RowSet {
  readonly #width: number;
  #rows: Int32Array;
  /** Row number plus one at each place of the hash table; 0 is free. */
  #table = new Int32Array(64);
  #size = 0;

  constructor(width: number) {
    this.#width = width;
    this.#rows = new Int32Array(32 * width);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the row is new. */
  add(row: Int32Array): boolean {
    const place = this.#placeOf(row, 0);
    if (this.#table[place] !== 0) return false;
    const start = this.#size * this.#width;
    if (start === this.#rows.length) this.#rows = grown(this.#rows);
    this.#rows.set(row, start);
    this.#size += 1;
    this.#table[place] = this.#size;
    if (this.#size > this.#table.length * FILLED_MAX) this.#rehash();
    return true;
  }

  /** Where the row at `offset` of `from` is in the table, or where it belongs. */
  #placeOf(from: Int32Array, offset: number): number {
    const mask = this.#table.length - 1;
    let hash = 0;
    for (let index = 0; index < this.#width; index += 1) {
      hash = Math.imul(hash ^ (from[offset + index] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let place = hash & mask;
    for (;;) {
      const row = this.#table[place] ?? 0;
      if (row === 0 || this.#equals(row - 1, from, offset)) return place;
      place = (place + 1) & mask;
    }
  }

  #equals(row: number, from: Int32Array, offset: number): boolean {
    const start = row * this.#width;
    for (let index = 0; index < this.#width; index += 1)
      if (this.#rows[start + index] !== from[offset + index]) return false;
    return true;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    for (let row = 0; row < this.#size; row += 1) this.#table[this.#placeOf(this.#rows, row * this.#width)] = row + 1;
  }
}

function grown(rows: Int32Array): Int32Array<ArrayBuffer> {
  const more = new Int32Array(rows.length * 2);
  more.set(rows);
  return more;
}
