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

/** The least that a clock is waited for: less than this may be nothing to it, by the precision of numbers. */
const TICK_MS = 0.001;

/** One life of a process. */
export class Incarnation {
  readonly number: number;
  /** When it began, as its machine counts the time. */
  readonly bornAt: number;
  alive = true;
  /** Whether it ended without a word: its machine did, and closes no connection. */
  isSilent = false;
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
  #pausedUntil = 0;
  /** What waits for the process to go on, in order. */
  readonly #held: { readonly incarnation: Incarnation; readonly action: () => void }[] = [];
  #resuming: Timer | undefined;
  #lives = 0;
  #drift = 0;
  #driftSince = 0;
  /** By how much its clock has run fast before that, in milliseconds. */
  #drifted = 0;
  /** When it sleeps, its clock with it: from when on and until when, in virtual milliseconds. */
  #asleep = { from: 0, until: 0 };

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
    const { from, until } = this.#asleep;
    const sleptMs = Math.max(0, Math.min(now, until) - from);
    return now - sleptMs + this.#drifted + this.#drift * (now - this.#driftSince);
  }

  /**
   * Lets its process stand still, and its clock too, as when a virtual machine is moved: when it goes on, the process has no
   * way to know that others have lived meanwhile.
   */
  sleep(forMs: number): void {
    const { now } = this.#scheduler;
    this.#wake(now);
    const until = Math.max(this.#pausedUntil, now + forMs);
    this.pausedUntil = until;
    this.#asleep = { from: now, until };
  }

  /** A new process begins. */
  born(): Incarnation {
    this.#lives += 1;
    this.incarnation = new Incarnation(this.#lives, this.elapsedMs);
    return this.incarnation;
  }

  /** The process dies; `isSilent`: with the machine, which closes no connection then. */
  dies(isSilent = false): void {
    const { incarnation } = this;
    if (incarnation !== undefined) incarnation.isSilent = isSilent;
    this.incarnation = undefined;
    this.ports.clear();
    incarnation?.end();
  }

  /** Until when its process stands still, in virtual milliseconds. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  set pausedUntil(atMs: number) {
    this.#pausedUntil = atMs;
    if (atMs < this.#asleep.until) this.#asleep.until = Math.max(this.#scheduler.now, atMs);
    if (this.#held.length > 0) this.#resumeAt(atMs);
  }

  /** Runs something in a process: not if it is dead, and later if it stands still, in the order in which it came. */
  enter(incarnation: Incarnation, action: () => void): void {
    if (!incarnation.alive) return;
    if (this.#held.length === 0 && this.#pausedUntil <= this.#scheduler.now) return action();
    this.#held.push({ incarnation, action });
    if (this.#resuming === undefined) this.#resumeAt(this.#pausedUntil);
  }

  /** Runs something in a process after a delay by the virtual time. */
  later(incarnation: Incarnation, delayMs: number, action: () => void): Timer {
    // A delay without an end would be none after a multiplication by nothing.
    const lateMs = this.slowness === 1 ? 0 : Math.min(delayMs * (this.slowness - 1), LATE_MS_MAX);
    let isOff = false;
    // One that is due while the process stands still can be cancelled until it goes on.
    const fire = (): void => void (isOff || action());
    const timer = this.#scheduler.after(delayMs + lateMs, () => this.enter(incarnation, fire));
    return {
      cancel() {
        isOff = true;
        timer.cancel();
      },
    };
  }

  /** The clock as a process on it sees it. */
  clockOf(incarnation: Incarnation): Clock {
    const scheduler = this.#scheduler;
    return {
      now: () => Math.floor(EPOCH_MS + this.skewMs + this.elapsedMs),
      monotonicMs: () => this.elapsedMs - incarnation.bornAt,
      after: (delayMs, action) => this.#afterByClock(incarnation, delayMs, action),
      soon: (action) => void scheduler.after(0, () => this.enter(incarnation, action)),
    };
  }

  /** Runs something in a process after a delay by its own clock, which may begin to run otherwise meanwhile. */
  #afterByClock(incarnation: Incarnation, delayMs: number, action: () => void): Timer {
    const dueAtMs = this.elapsedMs + (delayMs > 0 ? delayMs : 0);
    let timer: Timer;
    const arm = (leftMs: number): void => {
      timer = this.later(incarnation, leftMs / (1 + this.#drift), () => {
        const nowLeftMs = dueAtMs - this.elapsedMs;
        if (nowLeftMs > 0) arm(Math.max(nowLeftMs, TICK_MS));
        else action();
      });
    };
    arm(dueAtMs - this.elapsedMs);
    return { cancel: () => timer.cancel() };
  }

  /** What it has slept stays slept. */
  #wake(now: number): void {
    const { from, until } = this.#asleep;
    this.#drifted -= Math.max(0, Math.min(now, until) - from);
    this.#asleep = { from: 0, until: 0 };
  }

  #resumeAt(atMs: number): void {
    this.#resuming?.cancel();
    this.#resuming = this.#scheduler.at(atMs, () => {
      this.#resuming = undefined;
      const next = this.#held.shift();
      if (this.#held.length > 0) this.#resumeAt(this.#pausedUntil);
      if (next?.incarnation.alive === true) next.action();
    });
  }
}
