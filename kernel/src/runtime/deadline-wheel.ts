/**
 * Deadlines of many calls on few timers. A timer for each call would cost a microsecond or two, for something that
 * nearly never happens; so calls are put in slots of time, and one timer looks at the slot that is due.
 * A deadline is noticed up to {@link SLOT_MS} late, never early.
 */
import type { Clock, Timer } from "../std/mod.ts";

const SLOT_MS = 8;

/** Something that can run out of time. */
export interface Expirable {
  readonly deadlineAt: number;
  /** Called once when the deadline has passed, unless it was removed before. */
  expire(): void;
}

/** Holds what has a deadline, and expires it. */
export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Expirable>>();
  #timer: Timer | undefined;
  #timerSlot = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(entry: Expirable): void {
    const slot = Math.ceil(entry.deadlineAt / SLOT_MS);
    const entries = this.#slots.get(slot);
    if (entries === undefined) {
      this.#slots.set(slot, new Set([entry]));
      if (slot < this.#timerSlot) this.#arm(slot);
    } else {
      entries.add(entry);
    }
  }

  remove(entry: Expirable): void {
    this.#slots.get(Math.ceil(entry.deadlineAt / SLOT_MS))?.delete(entry);
  }

  /** Stops the timer. What is in the wheel does not expire any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#slots.clear();
    this.#timerSlot = Number.POSITIVE_INFINITY;
  }

  #arm(slot: number): void {
    this.#timer?.cancel();
    this.#timerSlot = slot;
    const delayMs = Math.max(0, slot * SLOT_MS - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(delayMs, () => this.#turn());
  }

  #turn(): void {
    const due = Math.floor(this.#clock.monotonicMs() / SLOT_MS);
    this.#timerSlot = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const [slot, entries] of this.#slots) {
      if (slot <= due || entries.size === 0) {
        this.#slots.delete(slot);
        for (const entry of entries) entry.expire();
      } else if (slot < next) {
        next = slot;
      }
    }
    if (next < this.#timerSlot) this.#arm(next);
  }
}
