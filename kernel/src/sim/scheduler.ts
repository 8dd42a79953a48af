/**
 * Virtual time: a heap of (time, seeded tie-break, sequence). One event at a time is run, and what follows from it
 * (promises, microtasks) has run before the next one. Time jumps to the next event; nothing waits for a real clock.
 */
import type { Random, Timer } from "../std/mod.ts";
import { turn } from "./real/turn.ts";

interface Entry {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  action: (() => void) | undefined;
}

/** Runs events in the order of virtual time. */
export class Scheduler {
  readonly #random: Random;
  readonly #heap: Entry[] = [];
  #now = 0;
  #sequence = 0;
  #events = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Virtual milliseconds since the simulation began. */
  get now(): number {
    return this.#now;
  }

  /** How many events have run. */
  get events(): number {
    return this.#events;
  }

  /** Moves the present by a little without running anything: processor time that somebody spends. */
  spend(ms: number): void {
    this.#now += ms;
  }

  /** Runs an action after a delay. Actions of one moment run in an order that the seed decides. */
  after(delayMs: number, action: () => void): Timer {
    // A delay that is no number would spoil the heap.
    return this.at(delayMs > 0 ? this.#now + delayMs : this.#now, action);
  }

  /** Runs an action at a moment. */
  at(atMs: number, action: () => void): Timer {
    const entry: Entry = {
      at: Math.max(atMs, this.#now),
      tie: this.#random.next(),
      sequence: this.#sequence,
      action,
    };
    this.#sequence += 1;
    this.#push(entry);
    return {
      cancel() {
        entry.action = undefined;
      },
    };
  }

  /** Runs what is due until `done` says so or nothing is left before `untilMs`. Resolves to whether it was done. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    await turn();
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > untilMs || next.at === Infinity) {
        if (untilMs < Infinity) this.#now = Math.max(this.#now, untilMs);
        return false;
      }
      this.#pop();
      const { action } = next;
      if (action === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      this.#events += 1;
      next.action = undefined;
      action();
      await turn();
    }
    return true;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!before(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!before(heap[child] as Entry, last)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.sequence < b.sequence : a.tie < b.tie;
}
