/**
 * How many bytes may be held of what others send or leave unread: on one connection, by all connections of one peer, in
 * all of a process. A budget is part of the next larger one.
 */

/** How many bytes the calls under way on one connection may hold of what came with them, weighed by {@link weightOf}. */
export const INPUT_BYTES_MAX: number = 32 * 1024 * 1024;
/** How many bytes may wait for one peer to read them, on one connection. */
export const OUTPUT_BYTES_MAX: number = 64 * 1024 * 1024;

/**
 * What a member or an item costs in memory besides its bytes. Measured: an empty object of a list takes 48 bytes, one
 * member with a name of its own 60.
 */
const ITEM_BYTES = 64;

/** How many bytes of memory a value takes, roughly and rather too many: from its length and how many items it has. */
export function weightOf(bytes: number, items: number): number {
  return bytes + items * ITEM_BYTES;
}

/** So many bytes may be held at once. */
export class ByteBudget {
  /** How many are. */
  usedBytes = 0;
  readonly #bytesMax: number;
  readonly #whole: ByteBudget | undefined;

  /** `whole` is the budget that this one is part of. */
  constructor(bytesMax: number, whole?: ByteBudget) {
    this.#bytesMax = bytesMax;
    this.#whole = whole;
  }

  /** Whether so many bytes have room, here and in the whole. Where nothing is held, one thing of any size does. */
  fits(bytes: number): boolean {
    if (this.usedBytes > 0 && this.usedBytes + bytes > this.#bytesMax) return false;
    return this.#whole === undefined || this.#whole.fits(bytes);
  }

  /** Takes so many bytes; gives them back when negative. */
  add(bytes: number): void {
    this.usedBytes += bytes;
    this.#whole?.add(bytes);
  }
}
