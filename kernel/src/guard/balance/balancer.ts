/**
 * Which instance gets a call: the cheaper of two drawn ones, by how long calls to it take and how many are under way.
 * Nothing here knows of connections or registries; times and chance come in.
 *
 * Nothing survives a crash: whoever starts anew learns within seconds.
 */
import type { Random } from "../../std/mod.ts";
import type { BreakerOptions } from "../breaker.ts";
import { Endpoint, type EndpointOptions, type Member, type Reach } from "./endpoint.ts";
import { ANSWERED, type CallOutcome } from "./outcome.ts";
import { type OutlierOptions } from "./outlier.ts";
import { hash32, rank } from "./rendezvous.ts";
import { chosenByLocality } from "./locality.ts";
import { Roster } from "./roster.ts";

/** The bounds of a balancer. Times in milliseconds. */
export interface BalancerOptions {
  readonly random: Random;
  /** Where the caller is: instances there come first. */
  readonly zone?: string | undefined;
  /** How fast what was is forgotten; 10,000 unless said. */
  readonly decayMs?: number;
  /** How long a new instance takes to get its full share; 10,000 unless said. */
  readonly rampMs?: number;
  /** How many times the mean of calls the instance of a key may have before another gets it; 1.25 unless said. */
  readonly affinityFactor?: number;
  readonly outlier?: OutlierOptions;
  readonly breaker?: BreakerOptions;
}

/** A call that needs an instance. */
export interface PickRequest {
  readonly operation: string;
  /** Calls with the same key go to the same instance while that is well and not busier than others. */
  readonly affinity?: string | undefined;
  /** Whether it must not be the one that tries out an instance that failed. */
  readonly isPrecious?: boolean;
  /** Who was tried already. */
  readonly tried?: readonly Endpoint[];
}

/** What a balancer tells of its decisions. */
export interface BalancerEvents {
  /** An instance is left out from now on. */
  onEject?(endpoint: Endpoint): void;
  /** An instance that was left out is back. */
  onRecover?(endpoint: Endpoint): void;
}

/** How long it takes for a call to an instance nobody knows anything about, in milliseconds. */
const UNKNOWN_COST_MS = 10;

/** So often an instance that was left out is tried at once when it can be reached again, not after its time. */
const RETURNS_MAX = 3;

/** How often it is looked at whether those who were left out are needed, in milliseconds. */
const REPRIEVE_MS = 1_000;

/** Chooses among the instances of one service, as one caller sees them. */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #events: BalancerEvents;
  readonly #endpointOptions: EndpointOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #roster: Roster;
  #isDirty = true;
  #reprieveAtMs = Number.NEGATIVE_INFINITY;
  /** A stream of its own, seeded once: the port's numbers are too dear for every call. */
  #chance: number;

  constructor(options: BalancerOptions, events: BalancerEvents = {}) {
    const { decayMs = 10_000, rampMs = 10_000, outlier, breaker } = options;
    this.#options = options;
    this.#events = events;
    this.#endpointOptions = { decayMs, rampMs, outlier, breaker };
    this.#roster = new Roster(options.zone);
    this.#chance = Math.floor(options.random.next() * 0xffff_fffe) + 1;
  }

  /** All instances that are known, by id. */
  get endpoints(): ReadonlyMap<string, Endpoint> {
    return this.#endpoints;
  }

  /** Takes in who there is. What is known of those who stay is kept. */
  update(members: readonly Member[], nowMs: number): void {
    const ids = new Set(members.map(({ id }) => id));
    for (const id of this.#endpoints.keys()) if (!ids.has(id)) this.#endpoints.delete(id);
    const initialMs = this.#usualMs();
    for (const member of members) {
      const known = this.#endpoints.get(member.id);
      if (known === undefined) {
        this.#endpoints.set(member.id, new Endpoint(member, this.#endpointOptions, initialMs, nowMs));
      } else {
        known.zone = member.zone;
        known.weight = member.weight ?? 1;
        known.isDraining = member.isDraining ?? false;
      }
    }
    this.#isDirty = true;
  }

  /**
   * Takes in whether calls can get to an instance. One that could not be reached and can again is most often a new
   * process: what the old one did wrong is not held against it, up to the third time.
   */
  setReach(id: string, reach: Reach, nowMs: number): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined || endpoint.reach === reach) return;
    if (reach === "broken") endpoint.wasBroken = true;
    if (reach === "ready" && endpoint.wasBroken) {
      endpoint.wasBroken = false;
      endpoint.forgive(nowMs);
      const { outlier } = endpoint;
      if (outlier.state.name === "ejected" && outlier.times <= RETURNS_MAX) outlier.beginProbation();
    }
    endpoint.reach = reach;
    this.#isDirty = true;
  }

  /**
   * Chooses an instance, or none when there is none that may be called. For each that is chosen exactly one of
   * {@link succeeded} and {@link ended} follows.
   */
  pick(request: PickRequest, nowMs: number): Endpoint | undefined {
    if (this.#isDirty || nowMs >= this.#roster.dueMs) this.#refresh(nowMs);
    const chosen = this.#choose(request, nowMs);
    if (chosen !== undefined) chosen.inFlight += 1;
    return chosen;
  }

  /** How long until some instance may be called for an operation, in milliseconds; 0 when that is not known. */
  retryAfterMs(operation: string, nowMs: number): number {
    let shortest = Number.POSITIVE_INFINITY;
    for (const endpoint of this.#endpoints.values()) {
      shortest = Math.min(shortest, endpoint.retryAfterMs(operation, nowMs));
    }
    return Number.isFinite(shortest) ? shortest : 0;
  }

  /** A call was answered. */
  succeeded(endpoint: Endpoint, operation: string, startedMs: number, nowMs: number): void {
    this.ended(endpoint, { operation, outcome: ANSWERED, startedMs }, nowMs);
  }

  /** A call is over. */
  ended(
    endpoint: Endpoint,
    call: { readonly operation: string; readonly outcome: CallOutcome; readonly startedMs: number },
    nowMs: number,
  ): void {
    const { operation, outcome, startedMs } = call;
    const tookMs = nowMs - startedMs;
    endpoint.inFlight -= 1;
    if (outcome.kind === "answered") endpoint.succeeded(operation, tookMs, nowMs);
    else if (outcome.kind === "failed") endpoint.failed(operation, nowMs);
    else if (outcome.kind === "refused") endpoint.refused(operation, outcome.retryAfterMs, nowMs);
    else if (outcome.kind === "unreached") endpoint.unreached(operation, nowMs);
    else endpoint.ignored(operation, tookMs, nowMs);
    if (this.#endpoints.get(endpoint.id) === endpoint) this.#judge(endpoint, outcome, nowMs);
  }

  /** The states of the instances, for metrics. */
  states(nowMs: number): Readonly<Record<"ready" | "ejected" | "probation" | "draining" | "unreached", number>> {
    const states = { ready: 0, ejected: 0, probation: 0, draining: 0, unreached: 0 };
    if (nowMs >= this.#roster.dueMs) this.#refresh(nowMs);
    for (const { isDraining, reach, outlier } of this.#endpoints.values()) {
      if (isDraining) states.draining += 1;
      else if (outlier.state.name !== "healthy") states[outlier.state.name] += 1;
      else states[reach === "ready" ? "ready" : "unreached"] += 1;
    }
    return states;
  }

  #choose(request: PickRequest, nowMs: number): Endpoint | undefined {
    const { healthy, probation } = this.#roster;
    const { operation, tried, affinity } = request;
    if (probation.length > 0 && (request.isPrecious !== true || healthy.length === 0)) {
      const probed = this.#probe(request, nowMs);
      if (probed !== undefined) return probed;
    }
    if (tried === undefined || tried.length === 0) {
      const chosen = affinity === undefined ? this.#cheaperOfTwo(nowMs) : this.#ofKey(affinity, nowMs);
      if (chosen?.enter(operation, nowMs) === true) return chosen;
    }
    return this.#cheapest(healthy, request, nowMs) ?? this.#cheapest(this.#roster.others, request, nowMs);
  }

  #cheaperOfTwo(nowMs: number): Endpoint | undefined {
    const { near, far, nearShare } = this.#roster;
    if (far.length === 0) return this.#drawTwo(near, nowMs);
    if (near.length === 0 || this.#draw() >= nearShare) return this.#drawTwo(far, nowMs);
    const here = this.#drawTwo(near, nowMs);
    const there = far[this.#below(far.length)];
    return here === undefined || there === undefined ? here : chosenByLocality(here, there, nowMs);
  }

  #drawTwo(from: readonly Endpoint[], nowMs: number): Endpoint | undefined {
    const { length } = from;
    if (length === 0) return undefined;
    if (length === 1) return from[0];
    const first = this.#below(length);
    const other = this.#below(length - 1);
    const one = this.#accepted(from, first, nowMs);
    const two = this.#accepted(from, other >= first ? other + 1 : other, nowMs);
    return two.load(nowMs) < one.load(nowMs) ? two : one;
  }

  /** The drawn one, or the next: who has a smaller share, for good or for now, is passed over accordingly often. */
  #accepted(from: readonly Endpoint[], index: number, nowMs: number): Endpoint {
    const { shareMax } = this.#roster;
    let at = index;
    for (let step = 0; step < from.length; step += 1) {
      const endpoint = from[at] as Endpoint;
      const share = endpoint.weight * endpoint.ramp(nowMs);
      if (share >= shareMax || this.#draw() * shareMax < share) return endpoint;
      at = at + 1 === from.length ? 0 : at + 1;
    }
    return from[index] as Endpoint;
  }

  /** The instance of a key: the first in the key's order that is not much busier than the mean. */
  #ofKey(key: string, nowMs: number): Endpoint | undefined {
    const { healthy } = this.#roster;
    const keyHash = hash32(key);
    let running = 1;
    for (const { inFlight } of healthy) running += inFlight;
    const most = Math.ceil(((this.#options.affinityFactor ?? 1.25) * running) / Math.max(1, healthy.length));
    let best: Endpoint | undefined;
    let bestRank = -1;
    for (const endpoint of healthy) {
      if (endpoint.inFlight >= most) continue;
      const its = rank(keyHash, endpoint.hash, endpoint.weight);
      if (its > bestRank) [best, bestRank] = [endpoint, its];
    }
    return best ?? this.#drawTwo(healthy, nowMs);
  }

  /** The cheapest of those that were not tried and may be called: when the first choice cannot be had. */
  #cheapest(from: readonly Endpoint[], { tried, operation }: PickRequest, nowMs: number): Endpoint | undefined {
    const left = from.filter((endpoint) => tried?.includes(endpoint) !== true);
    // Those who cannot be reached come last, whatever they cost.
    const order = left.toSorted((a, b) => reachRank(a) - reachRank(b) || a.load(nowMs) - b.load(nowMs));
    return order.find((endpoint) => endpoint.enter(operation, nowMs));
  }

  /** An instance on probation that nobody tries out yet. */
  #probe({ tried, operation }: PickRequest, nowMs: number): Endpoint | undefined {
    for (const endpoint of this.#roster.probation) {
      const { state } = endpoint.outlier;
      if (state.name !== "probation" || state.isProbing || tried?.includes(endpoint) === true) continue;
      if (endpoint.isAvoided(nowMs) || !endpoint.enter(operation, nowMs)) continue;
      state.isProbing = true;
      return endpoint;
    }
    return undefined;
  }

  #judge(endpoint: Endpoint, { kind }: CallOutcome, nowMs: number): void {
    const { outlier } = endpoint;
    const { state } = outlier;
    const failed = kind === "failed";
    if (failed || kind === "refused") this.#reprieve(nowMs);
    if (state.name === "probation") {
      if (kind === "unknown" || kind === "refused" || kind === "unreached") state.isProbing = false;
      else if (failed) this.#eject(endpoint, nowMs);
      else this.#recover(endpoint, nowMs);
    } else if (kind === "refused") {
      outlier.recordRefusal(nowMs);
    } else if (kind === "answered" || failed) {
      const isOutlier = outlier.record(failed, nowMs);
      if (isOutlier && state.name === "healthy" && this.#mayEject(endpoint, nowMs)) this.#eject(endpoint, nowMs);
    }
  }

  /**
   * Not more than half are left out, and nobody while the others fail or refuse half of their calls: then it is not its own
   * fault, and they could not take its calls.
   */
  #mayEject(endpoint: Endpoint, nowMs: number): boolean {
    if (this.#isDirty) this.#refresh(nowMs);
    return this.#roster.ejectedCount < this.#roster.ejectedMax && !this.#areTroubled(endpoint, nowMs);
  }

  /** Whether those who are not left out fail or refuse more than half of their calls; `except` is not looked at. */
  #areTroubled(except: Endpoint | undefined, nowMs: number): boolean {
    let calls = 0;
    let troubled = 0;
    for (const endpoint of this.#roster.healthy) {
      if (endpoint === except) continue;
      const counts = endpoint.outlier.counts(nowMs);
      calls += counts.calls;
      troubled += counts.troubled;
    }
    return troubled * 2 > calls;
  }

  /**
   * When load rises, one instance is always the first to fail, and is left out. Once the others are no better it is needed:
   * one call finds out whether it was the load.
   */
  #reprieve(nowMs: number): void {
    if (this.#roster.ejectedCount === 0 || nowMs < this.#reprieveAtMs) return;
    this.#reprieveAtMs = nowMs + REPRIEVE_MS;
    if (!this.#areTroubled(undefined, nowMs)) return;
    for (const { isDraining, outlier } of this.#endpoints.values()) if (!isDraining) outlier.reprieve();
    this.#isDirty = true;
  }

  #eject(endpoint: Endpoint, nowMs: number): void {
    endpoint.outlier.eject(nowMs);
    this.#isDirty = true;
    this.#events.onEject?.(endpoint);
  }

  #recover(endpoint: Endpoint, nowMs: number): void {
    endpoint.outlier.recover();
    endpoint.forgive(nowMs);
    this.#isDirty = true;
    this.#events.onRecover?.(endpoint);
  }

  #refresh(nowMs: number): void {
    this.#roster.refresh([...this.#endpoints.values()], nowMs);
    this.#isDirty = false;
  }

  /** What calls to an instance usually take: where a new one begins. */
  #usualMs(): number {
    let sum = 0;
    let count = 0;
    for (const { latency, outlier } of this.#endpoints.values()) {
      if (outlier.state.name !== "healthy") continue;
      sum += latency.measuredMs;
      count += 1;
    }
    return count === 0 ? UNKNOWN_COST_MS : sum / count;
  }

  /** A number in [0, 1), by xorshift. */
  #draw(): number {
    let x = this.#chance;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#chance = x;
    return (x >>> 0) / 2 ** 32;
  }

  #below(count: number): number {
    return Math.floor(this.#draw() * count);
  }
}

const REACH_RANK: Readonly<Record<Reach, number>> = { ready: 0, connecting: 1, broken: 3 };

function reachRank({ reach, outlier }: Endpoint): number {
  return REACH_RANK[reach] + (outlier.state.name === "healthy" ? 0 : 2);
}
