/** One instance as a balancer sees it. */
import { Breaker, type BreakerOptions } from "../breaker.ts";
import { Outlier, type OutlierOptions } from "./outlier.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { hash32 } from "./rendezvous.ts";

/** What a balancer is told of an instance. */
export interface Member {
  readonly id: string;
  readonly zone?: string | undefined;
  /** Its share beside others; 1 unless said. */
  readonly weight?: number | undefined;
  /** Whether it takes new calls; true unless said. */
  readonly isDraining?: boolean;
  /** Whether it has only just started: then its share grows slowly. */
  readonly isNew?: boolean;
}

/** Whether calls can get there now. */
export type Reach = "ready" | "connecting" | "broken";

/** How long things take to be forgotten, and when. Times in milliseconds. */
export interface EndpointOptions {
  readonly decayMs: number;
  readonly rampMs: number;
  readonly outlier: OutlierOptions | undefined;
  readonly breaker: BreakerOptions | undefined;
}

/** A failed call counts as if it had taken so long, in milliseconds: otherwise who fails fast looks best. */
export const PENALTY_MS = 5_000;
/** The longest that an instance's wish to be left alone is kept, in milliseconds. */
const AVOID_MAX_MS = 30_000;
/** How long an instance is left alone that a call did not get to, in milliseconds. */
const UNREACHED_MS = 1_000;
/** Below this, differences of latency mean nothing, in milliseconds. */
const COST_MIN_MS = 0.1;
/** The share that a new instance begins with. */
const RAMP_FROM = 0.1;
/** How many operations have a breaker at the most. */
const BREAKERS_MAX = 500;

/** What is known about one instance. Times on the monotonic clock. */
export class Endpoint {
  readonly id: string;
  readonly hash: number;
  readonly outlier: Outlier;
  zone: string | undefined;
  weight: number;
  isDraining: boolean;
  reach: Reach = "connecting";
  /** Whether it could not be reached since it last could. */
  wasBroken = false;
  /** How many calls are under way to it from here. */
  inFlight = 0;
  readonly latency: PeakEwma;
  readonly #options: EndpointOptions;
  #penaltyMs = 0;
  #penaltyAtMs = 0;
  #avoidUntilMs = Number.NEGATIVE_INFINITY;
  #rampAtMs: number;
  /** By operation, from its first failure on. */
  #breakers: Map<string, Breaker> | undefined;

  constructor(member: Member, options: EndpointOptions, initialMs: number, nowMs: number) {
    this.id = member.id;
    this.hash = hash32(member.id);
    this.zone = member.zone;
    this.weight = member.weight ?? 1;
    this.isDraining = member.isDraining ?? false;
    this.#options = options;
    this.outlier = new Outlier(options.outlier);
    this.latency = new PeakEwma(options.decayMs, initialMs, nowMs);
    this.#rampAtMs = member.isNew === true ? nowMs : Number.NEGATIVE_INFINITY;
  }

  /** What a call to it costs: latency, and penalties for failures. In milliseconds. */
  costMs(nowMs: number): number {
    const cost = Math.max(COST_MIN_MS, this.latency.costMs(nowMs));
    if (this.#penaltyMs === 0 && nowMs >= this.#avoidUntilMs) return cost;
    return cost + this.#penalty(nowMs) + (nowMs < this.#avoidUntilMs ? PENALTY_MS : 0);
  }

  /** What decides between two: the cost, for each call that is under way and the one to come. */
  load(nowMs: number): number {
    return this.costMs(nowMs) * (this.inFlight + 1);
  }

  /** The share of calls that are for it, beside its weight: grows to 1 after a start or an ejection. */
  ramp(nowMs: number): number {
    const done = (nowMs - this.#rampAtMs) / this.#options.rampMs;
    return done >= 1 ? 1 : Math.max(RAMP_FROM, done);
  }

  /** Begins anew with a small share. */
  startRamp(nowMs: number): void {
    this.#rampAtMs = nowMs;
  }

  /** Whether a call of an operation may go there. If so, its end must be told. */
  enter(operation: string, nowMs: number): boolean {
    return this.#breakers?.get(operation)?.enter(nowMs) ?? true;
  }

  /** How long until a call of an operation may go there, in milliseconds. */
  retryAfterMs(operation: string, nowMs: number): number {
    return this.#breakers?.get(operation)?.retryAfterMs(nowMs) ?? 0;
  }

  /** A call did its work. */
  succeeded(operation: string, tookMs: number, nowMs: number): void {
    this.latency.observe(tookMs, nowMs);
    // An odd failure among many successes must not move all calls elsewhere.
    if (this.#penaltyMs > 0) this.#punish(this.#penalty(nowMs) / 2, nowMs);
    // Who refuses some and serves others has room again as soon as it serves: left alone, it would soon be idle.
    this.#avoidUntilMs = Number.NEGATIVE_INFINITY;
    this.#breakers?.get(operation)?.succeeded(nowMs);
  }

  /** A call failed. */
  failed(operation: string, nowMs: number): void {
    this.#punish(PENALTY_MS, nowMs);
    this.#breakers ??= new Map();
    let breaker = this.#breakers.get(operation);
    if (breaker === undefined) {
      if (this.#breakers.size >= BREAKERS_MAX) this.#breakers.clear();
      breaker = new Breaker(this.#options.breaker);
      this.#breakers.set(operation, breaker);
    }
    breaker.failed(nowMs);
  }

  /** A call was refused for load. */
  refused(operation: string, retryAfterMs: number, nowMs: number): void {
    this.#punish(PENALTY_MS, nowMs);
    this.#avoidUntilMs = Math.max(this.#avoidUntilMs, nowMs + Math.min(AVOID_MAX_MS, retryAfterMs));
    this.#breakers?.get(operation)?.ignored();
  }

  /** A call did not get there: soon it is tried again, for a connection may only have been replaced. */
  unreached(operation: string, nowMs: number): void {
    this.#avoidUntilMs = Math.max(this.#avoidUntilMs, nowMs + UNREACHED_MS);
    this.#breakers?.get(operation)?.ignored();
  }

  /** Whether it is left alone if there are others. */
  isAvoided(nowMs: number): boolean {
    return nowMs < this.#avoidUntilMs;
  }

  /** Nothing can be said, but that a call took at least so long. */
  ignored(operation: string, tookMs: number, nowMs: number): void {
    this.latency.observeAtLeast(tookMs, nowMs);
    this.#breakers?.get(operation)?.ignored();
  }

  /** Its probation went well: it is as good as others, and begins with a small share. */
  forgive(nowMs: number): void {
    this.#penaltyMs = 0;
    this.#avoidUntilMs = Number.NEGATIVE_INFINITY;
    this.startRamp(nowMs);
  }

  #punish(penaltyMs: number, nowMs: number): void {
    this.#penaltyMs = penaltyMs < 1 ? 0 : penaltyMs;
    this.#penaltyAtMs = nowMs;
  }

  #penalty(nowMs: number): number {
    if (this.#penaltyMs === 0) return 0;
    return this.#penaltyMs * Math.exp(Math.min(0, this.#penaltyAtMs - nowMs) / this.#options.decayMs);
  }
}
