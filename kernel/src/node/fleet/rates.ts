/** Counts since a process started, made into rates: what happened between one message and the next. */
import type { HostStats } from "./host-messages.ts";

/** How a process fared lately. */
export interface Rates {
  /** Undefined when nobody counts calls: a service in another language tells nothing of itself. */
  readonly callsPerSecond?: number;
  readonly faultsPerSecond?: number;
  /** Undefined when there were no calls. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Of one processor: 2 when two were busy. Undefined after the first message, which has none before it. */
  readonly cpu?: number;
  readonly rssBytes: number;
}

/** Sooner after one message than this, in milliseconds, the next has waited somewhere: nobody knows for how long. */
const LEAST_MS = 200;

/** Makes rates out of a process's messages. */
export class RateMeter {
  #last: { readonly stats: HostStats; readonly atMs: number } | undefined;
  #rates: Rates | undefined;

  /** The rates of the last interval; undefined before the first message. */
  get rates(): Rates | undefined {
    return this.#rates;
  }

  /** Takes a message that came at a moment of the monotonic clock. */
  take(stats: HostStats, atMs: number): void {
    const before = this.#last;
    if (before !== undefined && atMs - before.atMs < LEAST_MS) return;
    const seconds = before === undefined ? 0 : Math.max(atMs - before.atMs, 1) / 1000;
    const perSecond = (now: number, then: number | undefined): number =>
      then === undefined ? 0 : Math.max(0, now - then) / seconds;
    const { calls, faults, p50Ms, p99Ms, rssBytes } = stats;
    this.#rates = {
      ...(calls === undefined ? {} : { callsPerSecond: perSecond(calls, before?.stats.calls) }),
      ...(faults === undefined ? {} : { faultsPerSecond: perSecond(faults, before?.stats.faults) }),
      ...(p50Ms === undefined ? {} : { p50Ms }),
      ...(p99Ms === undefined ? {} : { p99Ms }),
      ...(before === undefined ? {} : { cpu: perSecond(stats.cpuMs, before.stats.cpuMs) / 1000 }),
      rssBytes,
    };
    this.#last = { stats, atMs };
  }
}
