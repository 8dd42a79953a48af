/** Machines and the lives of the processes on them. A dead process learns nothing, does nothing, and is not heard. */
import type { Clock, Timer } from "../std/mod.ts";
import type { Scheduler } from "./scheduler.ts";

/** When simulations begin, milliseconds since 1970: 2026-01-01T00:00:00Z. */
export const EPOCH_MS = 1_767_225_600_000;

/**
 * How late something can be on a slow machine, in milliseconds: about as long as machines are slow. Otherwise a timer of a
 * minute, set in a moment of slowness, would take half an hour.
 */
const LATE_MS_MAX = 6_000;

/** One life of a process. */
export class Incarnation {
  readonly number: number;
  /** When it began, as its machine counts the time. */
  readonly bornAt: number;
  alive = true;
  readonly #mourners = new Set<() => void>();

  constructor(number: number, bornAt: number) {
    this.number = number;
    this.bornAt = bornAt;
  }

  /** Tells somebody else of its death. Returns what ends that. */
  onDeath(tell: () => void): () => void {
    this.#mourners.add(tell);
    return () => this.#mourners.delete(tell);
  }

  /** It dies. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const tell of this.#mourners) tell();
    this.#mourners.clear();
  }
}

/** What a process answers on a port. Resolves to the answer's text. */
export type Listener = (body: string, signal: AbortSignal) => Promise<string>;

/** A machine: a clock of its own, at most one process, and ports on which that listens. */
export class Machine {
  readonly name: string;
  readonly #scheduler: Scheduler;
  incarnation: Incarnation | undefined;
  readonly ports = new Map<string, Listener>();
  /** By how much its clock is off, in milliseconds. */
  skewMs = 0;
  /** By what factor everything takes longer. */
  slowness = 1;
  /** Until when its process stands still, in virtual milliseconds. */
  pausedUntil = 0;
  #lives = 0;
  #drift = 0;
  #driftSince = 0;
  /** By how much its clock has run fast before that, in milliseconds. */
  #drifted = 0;

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
  }

  /** By what share its clock runs fast, from now on. */
  set drift(share: number) {
    this.#drifted += this.#drift * (this.#scheduler.now - this.#driftSince);
    this.#drift = share;
    this.#driftSince = this.#scheduler.now;
  }

  get drift(): number {
    return this.#drift;
  }

  /** Milliseconds since the simulation began, as this machine counts them. */
  get elapsedMs(): number {
    const { now } = this.#scheduler;
    return now + this.#drifted + this.#drift * (now - this.#driftSince);
  }

  /** A new process begins. */
  born(): Incarnation {
    this.#lives += 1;
    this.incarnation = new Incarnation(this.#lives, this.elapsedMs);
    return this.incarnation;
  }

  /** The process dies. */
  dies(): void {
    const { incarnation } = this;
    this.incarnation = undefined;
    this.ports.clear();
    incarnation?.end();
  }

  /** Runs something in a process: not if it is dead, and later if it stands still. */
  enter(incarnation: Incarnation, action: () => void): void {
    if (!incarnation.alive) return;
    if (this.pausedUntil > this.#scheduler.now) {
      this.#scheduler.at(this.pausedUntil, () => this.enter(incarnation, action));
      return;
    }
    action();
  }

  /** Runs something in a process after a delay by the virtual time. */
  later(incarnation: Incarnation, delayMs: number, action: () => void): Timer {
    const lateMs = Math.min(delayMs * (this.slowness - 1), LATE_MS_MAX);
    return this.#scheduler.after(delayMs + lateMs, () => this.enter(incarnation, action));
  }

  /** The clock as a process on it sees it. */
  clockOf(incarnation: Incarnation): Clock {
    const scheduler = this.#scheduler;
    return {
      now: () => Math.floor(EPOCH_MS + this.skewMs + this.elapsedMs),
      monotonicMs: () => this.elapsedMs - incarnation.bornAt,
      after: (delayMs, action) => this.later(incarnation, delayMs / (1 + this.drift), action),
      soon: (action) => void scheduler.after(0, () => this.enter(incarnation, action)),
    };
  }
}
