/**
 * What is left of a history while a search puts its operations in order, as Wing and Gong do it: a doubly linked list
 * of invocations and completions, from which an operation is taken when it gets its place, and put back on the way back.
 */
import type { Operation } from "./operation.ts";

/** The place before the first entry. */
const HEAD = 0;

/**
 * The history of one object. Operations are numbers: their index in the list given. Those whose outcome is unknown have
 * no completion, so nothing ever waits for them.
 *
 * `row` says which operations are taken, in few words, whatever the length of the history: all that completed before
 * the first completion left (its rank is `due`), none that was invoked after it, and of those open at that moment the
 * ones with their bit set. An operation has its bit only while it is open, so there are as many as were ever open at once.
 */
export class Timeline {
  /** `due`, the bits, and one place for the state. */
  readonly row: Int32Array<ArrayBuffer>;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The operation that an entry invokes, or -1 for a completion. */
  readonly #invoked: Int32Array;
  readonly #invocation: Int32Array;
  /** The entry that completes an operation, or 0. */
  readonly #completion: Int32Array;
  /** Operations in the order of their completions, and the place of each in it, or the number of all. */
  readonly #completed: readonly number[];
  readonly #rank: Int32Array;
  readonly #bit: Int32Array;
  readonly #taken: Uint8Array;

  constructor(operations: readonly Operation<unknown, unknown>[]) {
    const events = eventsOf(operations);
    const [count, length] = [operations.length, events.length];
    this.#completed = events.filter(({ completes }) => completes).map(({ operation }) => operation);
    this.#rank = new Int32Array(count).fill(this.#completed.length);
    for (const [rank, operation] of this.#completed.entries()) this.#rank[operation] = rank;
    this.#next = Int32Array.from({ length: length + 1 }, (_, entry) => (entry === length ? HEAD : entry + 1));
    this.#previous = Int32Array.from({ length: length + 1 }, (_, entry) => (entry === HEAD ? length : entry - 1));
    this.#invoked = new Int32Array(length + 1).fill(-1);
    this.#invocation = new Int32Array(count);
    this.#completion = new Int32Array(count);
    for (const [index, { operation, completes }] of events.entries()) {
      if (completes) this.#completion[operation] = index + 1;
      else [this.#invocation[operation], this.#invoked[index + 1]] = [index + 1, operation];
    }
    this.#taken = new Uint8Array(count);
    const { bits, most } = bitsOf(events, count);
    this.#bit = bits;
    this.row = new Int32Array(2 + Math.ceil(most / 32));
  }

  /** Whether every operation that completed is taken. */
  get isDone(): boolean {
    return this.due === this.#completed.length;
  }

  /** How many completions have nothing left before them: the history up to there has an order. */
  get due(): number {
    return this.row[0] ?? 0;
  }

  /** The operation whose completion is the first left: it must be taken before time can go on. */
  get dueOperation(): number | undefined {
    return this.#completed[this.due];
  }

  /**
   * The next operation that may be taken now: it is left, and no operation left completed before it was invoked. The
   * first unless `after` is given, which may be one that was put back just now.
   */
  next(after?: number): number | undefined {
    const entry = this.#next[after === undefined ? HEAD : (this.#invocation[after] ?? HEAD)] ?? HEAD;
    const operation = this.#invoked[entry] ?? -1;
    return entry === HEAD || operation === -1 ? undefined : operation;
  }

  /** Whether an operation has its place. */
  isTaken(operation: number): boolean {
    return this.#taken[operation] === 1;
  }

  /** Gives an operation its place. */
  take(operation: number): void {
    this.#unlink(this.#invocation[operation] ?? HEAD);
    this.#unlink(this.#completion[operation] ?? HEAD);
    this.#taken[operation] = 1;
    this.#flip(operation);
    let due = this.due;
    for (; due < this.#completed.length; due += 1) {
      const first = this.#completed[due] ?? 0;
      if (this.#taken[first] === 0) break;
      this.#flip(first);
    }
    this.row[0] = due;
  }

  /** Takes its place away again. Operations are put back in the reverse order of their taking. */
  putBack(operation: number): void {
    const rank = this.#rank[operation] ?? 0;
    for (let due = this.due; due > rank; due -= 1) {
      this.#flip(this.#completed[due - 1] ?? 0);
      this.row[0] = due - 1;
    }
    this.#flip(operation);
    this.#taken[operation] = 0;
    this.#link(this.#completion[operation] ?? HEAD);
    this.#link(this.#invocation[operation] ?? HEAD);
  }

  #flip(operation: number): void {
    const bit = this.#bit[operation] ?? 0;
    const word = 1 + (bit >>> 5);
    this.row[word] = (this.row[word] ?? 0) ^ (1 << (bit & 31));
  }

  #unlink(entry: number): void {
    if (entry === HEAD) return;
    const [previous, next] = [this.#previous[entry] ?? HEAD, this.#next[entry] ?? HEAD];
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #link(entry: number): void {
    if (entry === HEAD) return;
    this.#next[this.#previous[entry] ?? HEAD] = entry;
    this.#previous[this.#next[entry] ?? HEAD] = entry;
  }
}

interface Event {
  readonly operation: number;
  readonly at: number;
  readonly completes: boolean;
}

/** Invocations come before completions of the same time, so operations that touch are concurrent. */
function eventsOf(operations: readonly Operation<unknown, unknown>[]): readonly Event[] {
  const events: Event[] = [];
  for (const [operation, { invokedAt, completed }] of operations.entries()) {
    events.push({ operation, at: invokedAt, completes: false });
    if (completed !== undefined) events.push({ operation, at: completed.at, completes: true });
  }
  return events.sort((a, b) => a.at - b.at || Number(a.completes) - Number(b.completes) || a.operation - b.operation);
}

/** A bit for each operation that no other one open at the same time has. */
function bitsOf(events: readonly Event[], count: number): { readonly bits: Int32Array; readonly most: number } {
  const bits = new Int32Array(count);
  const free: number[] = [];
  let most = 0;
  for (const { operation, completes } of events) {
    if (completes) free.push(bits[operation] ?? 0);
    else bits[operation] = free.pop() ?? most++;
  }
  return { bits, most };
}
