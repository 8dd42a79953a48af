/**
 * A connection to Redis that nobody waits for. Each question has a few milliseconds; when many were in vain, a breaker
 * answers for it at once. It connects again by itself for as long as it is open.
 *
 * Across a crash, of this process or of Redis: nothing has to survive. What is in Redis is made again by its users.
 */
import { type RedisClientType, createClient } from "@redis/client";
import { Breaker } from "../../guard/mod.ts";
import type { CounterSeries, Metrics } from "../../observe/mod.ts";
import type { Clock, Logger, Random } from "../../std/mod.ts";

/** What a link needs. */
export interface RedisLinkOptions {
  /** `redis://:password@host:port`, or `rediss://` for TLS. A secret, when there is a password in it. */
  readonly url: string;
  /** Who signs in; whom the URL names, or Redis' user `default`, unless said. */
  readonly login?: { readonly user: string; readonly password: string };
  /** For which workload of the process it is, in metrics; `host` unless said. */
  readonly workload?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** How long a question may take, in milliseconds; 10 unless said. */
  readonly askMs?: number;
}

/** What may be asked of Redis. */
export type RedisClient = RedisClientType;

type Outcome = "answered" | "late" | "failed" | "refused";
const OUTCOMES: readonly Outcome[] = ["answered", "late", "failed", "refused"];
const ASK_MS = 10;
const CONNECT_MS = 1_000;
const RECONNECT_MS = { least: 50, most: 1_000 };
/** How long a connection may be silent under questions before it is given up for a new one. */
const SILENT_MS = 3_000;
const QUEUE_MAX = 10_000;
const LATE = Symbol("no answer in time");

/** A link to one Redis server. */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #breaker = new Breaker({
    callsMin: 5,
    windowMs: 2_000,
    openMs: 200,
    openMaxMs: 1_000,
    probes: 1,
    graceMs: 0,
  });
  readonly #counts: ReadonlyMap<Outcome, CounterSeries> | undefined;
  #client: RedisClient;
  #silentSince: number | undefined;
  #complained = false;
  #closed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#counts = options.metrics && this.#watch(options.metrics);
    this.#client = this.#connect();
  }

  /** Whether there is a connection over which questions are answered, as far as is known. */
  get isUp(): boolean {
    return this.#client.isReady && this.#breaker.state.name === "closed";
  }

  /**
   * Asks something; `undefined` when there is no answer within `timeoutMs`, whatever the reason. Never rejects. What was
   * asked for may have happened nevertheless.
   */
  async ask<T>(
    question: (client: RedisClient) => Promise<T>,
    timeoutMs = this.#options.askMs ?? ASK_MS,
  ): Promise<T | undefined> {
    const { clock } = this.#options;
    if (!this.#client.isReady || !this.#breaker.enter(clock.monotonicMs())) {
      this.#count("refused");
      return undefined;
    }
    try {
      const answer = await this.#inTime(question(this.#client), timeoutMs);
      if (answer === LATE) {
        this.#count("late");
        this.#late();
        return undefined;
      }
      this.#count("answered");
      this.#silentSince = undefined;
      this.#breaker.succeeded(clock.monotonicMs());
      return answer;
    } catch (error) {
      this.#count("failed");
      this.#breaker.failed(clock.monotonicMs());
      this.#complain(error);
      return undefined;
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#closed = true;
    this.#client.destroy();
  }

  async #inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T | typeof LATE> {
    let stop: (() => void) | undefined;
    const late = new Promise<typeof LATE>((resolve) => {
      const timer = this.#options.clock.after(timeoutMs, () => resolve(LATE));
      stop = () => timer.cancel();
    });
    // One that fails after it was given up fails unheard.
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      stop?.();
    }
  }

  /** A server that was stopped, or a network that swallows, leaves a connection that looks sound: it is replaced. */
  #late(): void {
    const now = this.#options.clock.monotonicMs();
    this.#breaker.failed(now);
    this.#silentSince ??= now;
    if (now - this.#silentSince < SILENT_MS || this.#closed) return;
    this.#silentSince = undefined;
    this.#client.destroy();
    this.#client = this.#connect();
  }

  #connect(): RedisClient {
    const { url, login, random, log, workload } = this.#options;
    const client: RedisClient = createClient({
      url,
      ...(login === undefined ? {} : { username: login.user, password: login.password }),
      // Nothing is asked that a user with few rights may not.
      disableClientInfo: true,
      maintNotifications: "disabled",
      disableOfflineQueue: true,
      commandsQueueMaxLength: QUEUE_MAX,
      socket: {
        connectTimeout: CONNECT_MS,
        reconnectStrategy: (tries) =>
          Math.min(RECONNECT_MS.most, RECONNECT_MS.least * 2 ** Math.min(tries, 10)) * (0.5 + random.next() / 2),
      },
    });
    client.on("error", (error) => this.#complain(error));
    client.on("ready", () => {
      if (this.#complained) log.info("Redis answers again.", { workload });
      this.#complained = false;
    });
    // Its failures are told by the event.
    client.connect().catch(() => undefined);
    return client;
  }

  /** Says once that it is lost, and nothing more until it is back. */
  #complain(error: unknown): void {
    if (this.#complained || this.#closed) return;
    this.#complained = true;
    const { log, workload } = this.#options;
    log.warn("Redis does not answer; each host does without.", { workload, error });
  }

  #count(outcome: Outcome): void {
    this.#counts?.get(outcome)?.add(1);
  }

  #watch(metrics: Metrics): ReadonlyMap<Outcome, CounterSeries> {
    const { workload = "host" } = this.#options;
    const help = "Questions to Redis by what came of them.";
    const asked = metrics.counter("isomer.redis.asked", help, ["workload", "outcome"]);
    const up = metrics.gauge("isomer.redis.up", "1 while Redis answers.", ["workload"]);
    up.with({ workload }).from(() => (this.isUp ? 1 : 0));
    return new Map(OUTCOMES.map((outcome) => [outcome, asked.with({ workload, outcome })]));
  }
}
