/**
 * Who may come in: refuses calls early and cheaply when there is too much to do, the least important first. Two signs
 * of too much: more calls under way than the adaptive bound, and an event loop that runs late.
 */
import type { Criticality } from "../contract/mod.ts";
import type { CounterSeries, Metrics } from "../observe/mod.ts";
import type { Clock, Fault, Random } from "../std/mod.ts";
import { AdaptiveLimit, type AdaptiveLimitOptions } from "./adaptive-limit.ts";
import { DeadlineExceeded } from "./deadline.ts";
import type { EventLoopDelay } from "./event-loop-delay.ts";
import { LateLoop, overloaded } from "./late-loop.ts";

/** What an admission needs. */
export interface AdmissionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly eventLoop: EventLoopDelay;
  /** What it guards, for faults: the host's name. */
  readonly label?: string;
  readonly limit?: AdaptiveLimitOptions;
  readonly metrics?: Metrics;
}

/** The share of the bound on calls that those of a criticality may fill. */
const SHARES: Readonly<Record<Criticality, number>> = { sheddable: 0.5, normal: 0.75, high: 0.9, critical: 1 };

/** The door of a host. */
export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #eventLoop: EventLoopDelay;
  readonly #lateLoop: LateLoop;
  readonly #label: string;
  readonly #limit: AdaptiveLimit;
  readonly #refused: Readonly<Record<Criticality, CounterSeries>> | undefined;
  #running = 0;

  constructor(options: AdmissionOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#eventLoop = options.eventLoop;
    this.#lateLoop = new LateLoop(options.eventLoop, options.random);
    this.#label = options.label ?? "The call";
    this.#limit = new AdaptiveLimit(options.limit);
    this.#refused = options.metrics === undefined ? undefined : this.#watch(options.metrics);
  }

  /** How many calls are under way. */
  get running(): number {
    return this.#running;
  }

  /** How many may be, if they are critical. */
  get limit(): number {
    return this.#limit.limit;
  }

  /**
   * Lets a call in; the function that it returns is called once, when the call is over.
   * @throws {Overloaded} when there is too much to do, {DeadlineExceeded} when the deadline (on the monotonic clock)
   *   has passed already. Nothing has happened then.
   */
  enter(criticality: Criticality, deadlineAt: number): () => void {
    if (this.#running >= this.#limit.limit * SHARES[criticality]) throw this.#refuse(criticality);
    if (this.#lateLoop.refuses(criticality, this.#running)) throw this.#refuse(criticality);
    const startedAt = this.#clock.monotonicMs();
    if (startedAt >= deadlineAt) throw DeadlineExceeded.with({ label: this.#label });
    this.#running += 1;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const nowMs = this.#clock.monotonicMs();
      this.#limit.record(nowMs - startedAt, this.#running, nowMs);
      this.#running -= 1;
    };
  }

  #refuse(criticality: Criticality): Fault {
    this.#refused?.[criticality].add();
    return overloaded(this.#random);
  }

  #watch(metrics: Metrics): Readonly<Record<Criticality, CounterSeries>> {
    metrics
      .gauge("isomer.admission.running", "Calls under way.", [])
      .with({})
      .from(() => this.#running);
    metrics
      .gauge("isomer.admission.limit", "How many calls may be.", [])
      .with({})
      .from(() => this.#limit.limit);
    const lateMs = metrics.gauge("isomer.event_loop.delay", "How late the event loop runs.", [], "s").with({});
    lateMs.from(() => this.#eventLoop.delayMs() / 1_000);
    const refused = metrics.counter("isomer.admission.refused", "Calls refused for load.", ["criticality"]);
    return {
      sheddable: refused.with({ criticality: "sheddable" }),
      normal: refused.with({ criticality: "normal" }),
      high: refused.with({ criticality: "high" }),
      critical: refused.with({ criticality: "critical" }),
    };
  }
}
