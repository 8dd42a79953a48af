/**
 * The calls under way on a connection, by their ids, which grow by one. A `Map` would do, but for the collector: each time
 * it is rebuilt, which deleting causes, its old table points to the new one. As soon as one such table has become old, it
 * keeps all later ones through every collection of what is young, and with them the calls that they held.
 */

/** How many slots there are at first: a power of two, as later. */
const SLOTS_MIN = 64;

/** Calls by id. Ids are whole numbers from 1. */
export class CallTable<T extends { readonly id: number }> {
  #slots: (T | undefined)[] = slots(SLOTS_MIN);
  /** Those whose slot was taken when they came: by calls that take very long. */
  readonly #others = new Map<number, T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const found = this.#slots[id & (this.#slots.length - 1)];
    if (found !== undefined && found.id === id) return found;
    return this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  /** Adds a call whose id is not in it. */
  add(call: T): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    this.#size += 1;
    this.#place(call);
  }

  /** Takes a call out, if it is in. */
  delete({ id }: T): void {
    const at = id & (this.#slots.length - 1);
    if (this.#slots[at]?.id === id) this.#slots[at] = undefined;
    else if (!this.#others.delete(id)) return;
    this.#size -= 1;
  }

  clear(): void {
    this.#slots = slots(SLOTS_MIN);
    this.#others.clear();
    this.#size = 0;
  }

  /** All of them, in no order: what is added or taken out meanwhile changes nothing of it. */
  values(): T[] {
    return [...this.#slots.filter((call) => call !== undefined), ...this.#others.values()];
  }

  #place(call: T): void {
    const at = call.id & (this.#slots.length - 1);
    if (this.#slots[at] === undefined) this.#slots[at] = call;
    else this.#others.set(call.id, call);
  }

  #grow(): void {
    const calls = this.values();
    this.#slots = slots(this.#slots.length * 2);
    this.#others.clear();
    for (const call of calls) this.#place(call);
  }
}

function slots<T>(count: number): (T | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
