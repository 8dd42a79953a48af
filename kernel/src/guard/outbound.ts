/**
 * Calls that leave a service: breaker, bulkhead, and at most three attempts within deadline and budget. Nothing here
 * knows how a call is made: in memory and over the network it is guarded alike.
 */
import type { Criticality } from "../contract/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import { type Clock, type Random, sleep } from "../std/mod.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import { Bulkhead, type BulkheadOptions } from "./bulkhead.ts";
import { BreakerOpen, DeadlineExceeded } from "./deadline.ts";
import { type OutboundMetrics, outboundMetrics } from "./outbound-metrics.ts";
import { RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";
import { isCalleeFailure, markRetried, retryAfterMs, wasCounted } from "./retryable.ts";

/** What is called, and what the contract says about it. */
export interface Target {
  readonly service: string;
  readonly operation: string;
  /** Whether repeating is safe: queries, and commands that carry a key. */
  readonly retry: boolean;
  readonly criticality: Criticality;
}

/** What outbound calls need. */
export interface OutboundOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics?: Metrics;
  readonly breaker?: BreakerOptions;
  readonly bulkhead?: Omit<BulkheadOptions, "clock" | "label">;
  readonly retryBudget?: RetryBudgetOptions;
  readonly backoff?: BackoffOptions;
}

/** Makes one attempt, the first being 1. It keeps the deadline itself. */
export type Attempt<T> = (n: number) => Promise<T>;

/** One operation to call. Keep it at hand: finding it costs more than running it. */
export interface OutboundTarget {
  readonly breaker: Breaker;
  /**
   * Runs the call. The deadline is on the monotonic clock, in milliseconds.
   * @throws what the last attempt threw; {BreakerOpen}, {Overloaded} and {DeadlineExceeded} before the first one.
   */
  run<T>(deadlineAt: number, signal: AbortSignal | undefined, attempt: Attempt<T>): Promise<T>;
}

/** How many attempts a call has. */
export const ATTEMPTS_MAX = 3;
/** An attempt is not begun when less than this is left before the deadline, in milliseconds. */
const ATTEMPT_MIN_MS = 5;
const BACKOFF: BackoffOptions = { baseMs: 50, capMs: 1_000 };

/** The outbound calls of a caller: one breaker for each operation, one bulkhead and one budget for each service. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #metrics: OutboundMetrics | undefined;
  readonly #targets = new Map<string, GuardedTarget>();
  readonly #callees = new Map<string, { readonly bulkhead: Bulkhead; readonly budget: RetryBudget }>();

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#metrics = options.metrics === undefined ? undefined : outboundMetrics(options.metrics);
  }

  /** The handle of an operation, the same for equal service and operation. */
  target(target: Target): OutboundTarget {
    const name = `${target.service}.${target.operation}`;
    let found = this.#targets.get(name);
    if (found === undefined) {
      found = new GuardedTarget(target, this.#options, this.#callee(target.service), this.#metrics);
      this.#targets.set(name, found);
    }
    return found;
  }

  /** Runs a call to an operation without keeping its handle. */
  run<T>(target: Target, deadlineAt: number, signal: AbortSignal | undefined, attempt: Attempt<T>): Promise<T> {
    return this.target(target).run(deadlineAt, signal, attempt);
  }

  #callee(service: string): { readonly bulkhead: Bulkhead; readonly budget: RetryBudget } {
    let callee = this.#callees.get(service);
    if (callee === undefined) {
      const { clock, bulkhead, retryBudget } = this.#options;
      callee = {
        bulkhead: new Bulkhead({ clock, label: service, ...bulkhead }),
        budget: new RetryBudget(retryBudget),
      };
      this.#callees.set(service, callee);
      this.#metrics?.watchBulkhead(service, callee.bulkhead);
    }
    return callee;
  }
}

class GuardedTarget implements OutboundTarget {
  readonly breaker: Breaker;
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffOptions;
  readonly #bulkhead: Bulkhead;
  readonly #budget: RetryBudget;
  readonly #counts: ReturnType<OutboundMetrics["counts"]> | undefined;

  constructor(
    target: Target,
    options: OutboundOptions,
    callee: { readonly bulkhead: Bulkhead; readonly budget: RetryBudget },
    metrics: OutboundMetrics | undefined,
  ) {
    this.#target = target;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? BACKOFF;
    this.breaker = new Breaker(options.breaker);
    this.#bulkhead = callee.bulkhead;
    this.#budget = callee.budget;
    this.#counts = metrics?.counts(target.service, target.operation, this.breaker);
  }

  async run<T>(deadlineAt: number, signal: AbortSignal | undefined, attempt: Attempt<T>): Promise<T> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= deadlineAt || signal?.aborted) throw DeadlineExceeded.with({ label: this.#name() });
    if (!this.#bulkhead.tryEnter()) await this.#bulkhead.enter(deadlineAt, signal);
    if (!this.breaker.enter(nowMs)) {
      this.#bulkhead.leave();
      throw this.#open(nowMs);
    }
    this.#budget.earn();
    let failure: unknown;
    try {
      const value = await attempt(1);
      this.breaker.succeeded(nowMs);
      return value;
    } catch (error) {
      this.#count(error, signal);
      failure = error;
    } finally {
      this.#bulkhead.leave();
    }
    return this.#again(failure, deadlineAt, signal, attempt);
  }

  /** Further attempts. What is thrown in the end is the failure of the last one that was made. */
  async #again<T>(
    first: unknown,
    deadlineAt: number,
    signal: AbortSignal | undefined,
    attempt: Attempt<T>,
  ): Promise<T> {
    let failure = first;
    for (let n = 2; n <= ATTEMPTS_MAX; n += 1) {
      if (!(await this.#mayRepeat(failure, n, deadlineAt, signal))) break;
      if (!this.#bulkhead.tryEnter()) break;
      const nowMs = this.#clock.monotonicMs();
      if (!this.breaker.enter(nowMs)) {
        this.#bulkhead.leave();
        break;
      }
      this.#counts?.retries.add();
      try {
        const value = await attempt(n);
        this.breaker.succeeded(nowMs);
        return value;
      } catch (error) {
        this.#count(error, signal);
        failure = error;
      } finally {
        this.#bulkhead.leave();
      }
    }
    if (this.#target.retry) markRetried(failure);
    throw failure;
  }

  /** Decides on another attempt, and waits until it is due. */
  async #mayRepeat(failure: unknown, n: number, deadlineAt: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { retry, criticality } = this.#target;
    if (!retry || criticality === "sheddable" || signal?.aborted) return false;
    const asked = retryAfterMs(failure);
    if (asked === undefined) return false;
    const delayMs = asked + backoffMs(n - 1, this.#random, this.#backoff);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs + delayMs + ATTEMPT_MIN_MS > deadlineAt) return false;
    if (!this.#budget.spend(nowMs)) {
      this.#counts?.budgetSpent.add();
      return false;
    }
    await sleep(this.#clock, delayMs, signal);
    return signal?.aborted !== true;
  }

  #count(error: unknown, signal: AbortSignal | undefined): void {
    // Whoever gave up early has not learnt anything about the callee.
    if (signal?.aborted && !DeadlineExceeded.is(error)) this.breaker.ignored();
    // A transport of many instances has a breaker for each.
    else if (wasCounted(error)) this.breaker.ignored();
    else if (isCalleeFailure(error)) this.breaker.failed(this.#clock.monotonicMs());
    else if (isExhausted(error)) this.breaker.ignored();
    else this.breaker.succeeded(this.#clock.monotonicMs());
  }

  #open(nowMs: number): Error {
    const { service, operation } = this.#target;
    this.#counts?.refused.add();
    return BreakerOpen.with({
      service,
      operation,
      retryAfterMs: Math.ceil(this.breaker.retryAfterMs(nowMs)),
    });
  }

  #name(): string {
    return `${this.#target.service}.${this.#target.operation}`;
  }
}

function isExhausted(error: unknown): boolean {
  return typeof error === "object" && error !== null && "kind" in error && error.kind === "exhausted";
}
