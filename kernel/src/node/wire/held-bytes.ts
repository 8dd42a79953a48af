/** What one call holds of a budget, given back at once. */
import type { ByteBudget } from "../../wire/mod.ts";

/**
 * What a call holds of its peer's budget besides its input, for as long as it is under way, whether its caller still waits
 * or not: the longest headers that doors take. So calls are bounded, too, however short they are: 4,096 of one peer.
 */
export const CALL_BYTES: number = 16 * 1024;

/** So many bytes of a budget. */
export class HeldBytes {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #isOver = false;

  /** Nothing of `budget`, to begin with. */
  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Holds so many bytes more, if there is room for them: returns whether there is. */
  take(bytes: number): boolean {
    if (this.#isOver || !this.#budget.fits(bytes)) return false;
    this.#budget.add(bytes);
    this.#bytes += bytes;
    return true;
  }

  /** Gives back what is held, and takes nothing any more. Doing it twice does nothing. */
  release(): void {
    this.#isOver = true;
    this.#budget.add(-this.#bytes);
    this.#bytes = 0;
  }
}
