/** The instances of one service as one caller uses them: registry, balancer and links together. */
import {
  Balancer,
  type BalancerOptions,
  BreakerOpen,
  DeadlineExceeded,
  type Endpoint,
  type Member,
  type Reach,
  UNREACHED,
  markCounted,
  outcomeOf,
} from "../guard/mod.ts";
import { type Clock, type Logger, type Random, sleep } from "../std/mod.ts";
import type { ChannelFactory } from "./channel.ts";
import type { Envelope, Reply } from "./envelope.ts";
import { Unreachable, wasNotStarted } from "./faults.ts";
import { Link } from "./fleet-link.ts";
import type { PoolCounts } from "./fleet-metrics.ts";
import { chosenInstances, missingToKeep } from "./fleet-members.ts";
import type { Instance, Registry, Snapshot } from "./registry.ts";

/** What a pool is made of. */
export interface PoolParts {
  readonly service: string;
  /** Tells callers apart: which instances each one uses when there are very many. */
  readonly client: string;
  readonly registry: Registry;
  readonly channels: ChannelFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly zone: string | undefined;
  readonly balance: Omit<BalancerOptions, "random" | "zone"> | undefined;
  readonly counts: PoolCounts | undefined;
}

/** To how many instances one after another a call is sent that surely was not begun. */
const HOPS_MAX = 3;
/** How long calls wait for the registry's first word, in milliseconds, and how many. */
const FIRST_WORD_MS = 1_000;
const WAITING_MAX = 1_000;
/** An instance that started no longer ago than this is new, in milliseconds. */
const NEW_MS = 60_000;

/** Sends the calls for one service. */
export class Pool {
  readonly #parts: PoolParts;
  readonly #balancer: Balancer;
  readonly #links = new Map<string, Link>();
  readonly #endWatch: () => void;
  #listed = new Map<string, Instance>();
  #isCurrent = false;
  #waiting = 0;
  #firstWord: Promise<void> | undefined;
  #heardFirst: () => void = () => {};
  readonly #leaving = new Set<Promise<void>>();
  #isClosed = false;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    const { random, zone, balance, counts } = parts;
    this.#balancer = new Balancer(
      { ...balance, random, zone },
      {
        onEject: (endpoint) => this.#tell(endpoint, "leaves out", true),
        onRecover: (endpoint) => this.#tell(endpoint, "takes back", false),
      },
    );
    counts?.watch(() => this.#balancer.states(parts.clock.monotonicMs()));
    this.#firstWord = new Promise((resolve) => (this.#heardFirst = resolve));
    this.#endWatch = parts.registry.watch(parts.service, (snapshot) => this.#heard(snapshot));
  }

  /** The instances and what is known of them, for operators. */
  get balancer(): Balancer {
    return this.#balancer;
  }

  /** Whether the registry answers. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Sends a call to an instance. @throws as {@link Transport} says. */
  async send(envelope: Envelope, userToken: string | undefined, affinity: string | undefined): Promise<Reply> {
    if (this.#firstWord !== undefined) await this.#awaitFirstWord(envelope);
    let tried: Endpoint[] | undefined;
    let failure: unknown;
    for (let hop = 0; hop < HOPS_MAX; hop += 1) {
      const startedMs = this.#parts.clock.monotonicMs();
      const endpoint = this.#pick(envelope, affinity, tried, startedMs);
      const link = endpoint === undefined ? undefined : this.#links.get(endpoint.id);
      if (endpoint === undefined || link === undefined) {
        failure ??= this.#nobody(envelope, startedMs);
        break;
      }
      try {
        const reply = await link.channel.send(envelope, userToken);
        this.#balancer.succeeded(endpoint, envelope.operation, startedMs, this.#parts.clock.monotonicMs());
        return reply;
      } catch (error) {
        failure = error;
        this.#failed(endpoint, envelope, error, startedMs);
        if (!wasNotStarted(error)) break;
        (tried ??= []).push(endpoint);
      }
    }
    markCounted(failure);
    throw failure;
  }

  /** Ends the watch and all channels: when the calls under way are over, or at once. */
  async close(atOnce: boolean): Promise<void> {
    this.#isClosed = true;
    this.#endWatch();
    this.#heardFirst();
    const links = [...this.#links.values()];
    await Promise.all([...links.map((link) => (atOnce ? link.close() : link.drain())), ...this.#leaving]);
    this.#links.clear();
    this.#balancer.update([], this.#parts.clock.monotonicMs());
  }

  #pick(
    { operation, criticality, attempt }: Envelope,
    key: string | undefined,
    tried: readonly Endpoint[] | undefined,
    nowMs: number,
  ): Endpoint | undefined {
    // A further attempt goes where chance says: the instance of its key may be what is wrong.
    const affinity = attempt > 1 ? undefined : key;
    const isPrecious = criticality === "critical";
    const endpoint = this.#balancer.pick(
      { operation, affinity, isPrecious, ...(tried === undefined ? {} : { tried }) },
      nowMs,
    );
    if (endpoint !== undefined) this.#parts.counts?.picked(tried !== undefined);
    return endpoint;
  }

  #failed(endpoint: Endpoint, { operation, signal }: Envelope, error: unknown, startedMs: number): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const { aborted = false } = signal ?? {};
    const outcome = wasNotStarted(error) ? UNREACHED : outcomeOf(error, aborted, nowMs - startedMs);
    this.#balancer.ended(endpoint, { operation, outcome, startedMs }, nowMs);
  }

  #nobody({ operation }: Envelope, nowMs: number): Error {
    const { service } = this.#parts;
    this.#parts.counts?.nobody.add();
    const retryAfterMs = this.#balancer.retryAfterMs(operation, nowMs);
    if (retryAfterMs > 0) return BreakerOpen.with({ service, operation, retryAfterMs: Math.ceil(retryAfterMs) });
    const why = this.#isCurrent ? "no instance of it is registered: start one" : "the registry has not named one yet";
    return Unreachable.with({ service, reason: this.#isClosed ? "this host stops" : why });
  }

  async #awaitFirstWord({ service, operation, deadlineAt, signal }: Envelope): Promise<void> {
    if (this.#waiting >= WAITING_MAX)
      throw Unreachable.with({ service, reason: "too many calls wait for the registry" });
    const { clock } = this.#parts;
    const leftMs = deadlineAt - clock.monotonicMs();
    const done = new AbortController();
    const isOver = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
    this.#waiting += 1;
    try {
      await Promise.race([this.#firstWord, sleep(clock, Math.min(FIRST_WORD_MS, leftMs), isOver)]);
    } finally {
      this.#waiting -= 1;
      done.abort();
    }
    if (clock.monotonicMs() >= deadlineAt || signal?.aborted === true) {
      throw DeadlineExceeded.with({ label: `${service}.${operation}` });
    }
  }

  #heard({ instances, isCurrent }: Snapshot): void {
    if (this.#isClosed) return;
    const isFirst = this.#firstWord !== undefined;
    // A registry that is lost from the start knows nobody; it may have more to say soon.
    if (isCurrent || instances.length > 0) {
      this.#firstWord = undefined;
      this.#heardFirst();
    }
    this.#isCurrent = isCurrent;
    if (!isCurrent && !isFirst) return;
    const chosen = chosenInstances(instances, this.#parts.client);
    this.#listed = new Map(chosen.map((instance) => [instance.id, instance]));
    for (const instance of chosen) this.#link(instance);
    const keep = missingToKeep([...this.#links.values()], this.#listed);
    for (const [id, link] of this.#links) {
      if (this.#listed.has(id)) continue;
      if (keep.has(id)) link.abandon();
      else this.#leave(id, link);
    }
    this.#updateBalancer(isFirst);
  }

  #link(instance: Instance): void {
    const known = this.#links.get(instance.id);
    if (known !== undefined) return known.update(instance);
    const { channels, clock, random } = this.#parts;
    this.#links.set(
      instance.id,
      new Link(instance, { channels, clock, random, onState: (link) => this.#reached(link) }),
    );
  }

  #leave(id: string, link: Link): void {
    this.#links.delete(id);
    const leaving = link.drain().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #reached(link: Link): void {
    const { id } = link.instance;
    if (this.#links.get(id) !== link) return;
    // Nobody names it any more, and now it does not answer: it is gone.
    if (!this.#listed.has(id) && link.state !== "ready") {
      this.#leave(id, link);
      return this.#updateBalancer(false);
    }
    this.#balancer.setReach(id, reachOf(link), this.#parts.clock.monotonicMs());
  }

  #updateBalancer(isFirst: boolean): void {
    const { clock } = this.#parts;
    const members = [...this.#links.values()].map(({ instance }): Member => {
      const { id, zone, weight, health, startedAt } = instance;
      const isNew = !isFirst && (startedAt === 0 || Math.abs(clock.now() - startedAt) < NEW_MS);
      return { id, zone, weight, isDraining: health === "draining", isNew };
    });
    this.#balancer.update(members, clock.monotonicMs());
    for (const [id, link] of this.#links) this.#balancer.setReach(id, reachOf(link), this.#parts.clock.monotonicMs());
  }

  #tell({ id, outlier }: Endpoint, does: string, isEjection: boolean): void {
    const { log, counts, service } = this.#parts;
    if (isEjection) counts?.ejections.add();
    const times = outlier.times;
    log[isEjection ? "warn" : "info"](`the balancer ${does} an instance`, { service, instance: id, times });
  }
}

/** A channel that drains takes no calls, as one that is broken; its successor is on the way. */
function reachOf({ state }: Link): Reach {
  return state === "draining" ? "broken" : state;
}
