/** Counts since a process started, made into rates: what happened between one message and the next. */
import type { HostStats } from "./host-messages.ts";

/** How a process fared lately. */
export interface Rates {
  readonly callsPerSecond: number;
  readonly faultsPerSecond: number;
  /** Undefined when there were no calls. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Of one processor: 2 when two were busy. Undefined after the first message, which has none before it. */
  readonly cpu?: number;
  readonly rssBytes: number;
}

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
    const seconds = before === undefined ? 0 : Math.max(atMs - before.atMs, 1) / 1000;
    const perSecond = (now: number, then: number | undefined): number =>
      then === undefined ? 0 : Math.max(0, now - then) / seconds;
    const { p50Ms, p99Ms, rssBytes } = stats;
    this.#rates = {
      callsPerSecond: perSecond(stats.calls, before?.stats.calls),
      faultsPerSecond: perSecond(stats.faults, before?.stats.faults),
      ...(p50Ms === undefined ? {} : { p50Ms }),
      ...(p99Ms === undefined ? {} : { p99Ms }),
      ...(before === undefined ? {} : { cpu: perSecond(stats.cpuMs, before.stats.cpuMs) / 1000 }),
      rssBytes,
    };
    this.#last = { stats, atMs };
  }
}
