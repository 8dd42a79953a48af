/**
 * Who may come in: refuses calls early and cheaply when there is too much to do, the least important first. Two signs
 * of too much: more calls under way than the adaptive bound, and an event loop that runs late.
 */
import type { Criticality } from "../contract/mod.ts";
import type { CounterSeries, Metrics } from "../observe/mod.ts";
import type { Clock, Fault, Random } from "../std/mod.ts";
import { AdaptiveLimit, type AdaptiveLimitOptions } from "./adaptive-limit.ts";
import { DeadlineExceeded, Overloaded } from "./deadline.ts";
import type { EventLoopDelay } from "./event-loop-delay.ts";

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

/** Where calls of a criticality are refused. */
interface Threshold {
  /** The share of the bound on calls that they may fill. */
  readonly share: number;
  /** The delay of the event loop from which some are refused; from twice that on, all. In milliseconds. */
  readonly delayMs: number;
}

const THRESHOLDS: Readonly<Record<Criticality, Threshold>> = {
  sheddable: { share: 0.5, delayMs: 50 },
  normal: { share: 0.75, delayMs: 100 },
  high: { share: 0.9, delayMs: 200 },
  critical: { share: 1, delayMs: 400 },
};

/**
 * So few calls are not what makes the event loop late: a start does, or another process. Refusing them would help
 * nobody, and a host just started would turn its first visitor away.
 */
const FEW = 8;

/** The door of a host. */
export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #eventLoop: EventLoopDelay;
  readonly #label: string;
  readonly #limit: AdaptiveLimit;
  readonly #refused: Readonly<Record<Criticality, CounterSeries>> | undefined;
  #running = 0;

  constructor(options: AdmissionOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#eventLoop = options.eventLoop;
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
    const { share, delayMs } = THRESHOLDS[criticality];
    if (this.#running >= this.#limit.limit * share) throw this.#refuse(criticality);
    const lateMs = this.#eventLoop.delayMs();
    // Between none and all there is a ramp: refusing all at once would empty the host, then fill it, then empty it.
    const isLate = lateMs > delayMs && this.#running >= FEW;
    if (isLate && this.#random.next() < (lateMs - delayMs) / delayMs) throw this.#refuse(criticality);
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
    // Spread over a second, so that those who were refused together do not return together.
    return withoutStack(() => Overloaded.with({ retryAfterMs: Math.ceil(500 + this.#random.next() * 1_000) }));
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

/** A refusal must cost next to nothing, and collecting a stack costs more than all the rest. */
function withoutStack(make: () => Fault): Fault {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
