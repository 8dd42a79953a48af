/**
 * Buyers who come one after another, whether the shop copes or not, and do as a good client does: asked to come back
 * later, they come back later, with the same key. What they were told of each request on the first try is noted.
 */
import type { Answer, ShopClient } from "../client.ts";
import { type PersistentSend, type Told, type Wish, shopFor } from "./shopper.ts";

/** What became of buyers in some time. */
export interface BuyersTally {
  /** Requests, each counted once however often it was made. */
  requests: number;
  /** Requests that were refused, or not answered, on the first try. */
  refusedAtFirst: number;
  /** Purchases that began, and that ended: with an order, or a refusal for a reason of the shop's. */
  begun: number;
  placed: number;
  refused: number;
  /** Purchases that were given up, with the last answer. */
  givenUp: string[];
  /** Purchases that were not begun: too many were under way. */
  turnedAway: number;
  /** Answers that nobody should get. */
  broken: string[];
  longestMs: number;
}

/** Sums up. */
export function summedBuyers(tallies: readonly BuyersTally[]): BuyersTally {
  const sum = (of: (tally: BuyersTally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  return {
    requests: sum(({ requests }) => requests),
    refusedAtFirst: sum(({ refusedAtFirst }) => refusedAtFirst),
    begun: sum(({ begun }) => begun),
    placed: sum(({ placed }) => placed),
    refused: sum(({ refused }) => refused),
    givenUp: tallies.flatMap(({ givenUp }) => givenUp),
    turnedAway: sum(({ turnedAway }) => turnedAway),
    broken: tallies.flatMap(({ broken }) => broken),
    longestMs: Math.max(0, ...tallies.map(({ longestMs }) => longestMs)),
  };
}

/** How buyers come. */
export interface BuyersOptions {
  readonly client: ShopClient;
  readonly wishes: Iterator<Wish>;
  /** How long one request may take over all repetitions. */
  readonly patienceMs: number;
  /** How many may be in the shop at once. */
  readonly widthMax: number;
}

const PAUSE_MS = 200;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Buyers of a shop. */
export class Buyers {
  /** What all of them were told in the end. */
  readonly told: Told[] = [];
  readonly #options: BuyersOptions;
  readonly #inside = new Set<Promise<void>>();
  #tally = nothing();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BuyersOptions) {
    this.#options = options;
  }

  /** So many begin each second from now on. */
  come(perSecond: number): void {
    clearInterval(this.#timer);
    const begun = performance.now();
    let sent = 0;
    if (perSecond === 0) return;
    this.#timer = setInterval(() => {
      for (; sent < ((performance.now() - begun) * perSecond) / 1_000; sent += 1) this.#enter();
    }, 20);
  }

  /** What became of them since this was asked last. */
  take(): BuyersTally {
    const tally = this.#tally;
    this.#tally = nothing();
    return tally;
  }

  /** Resolves when nobody comes, and all who are inside have left. */
  async gone(): Promise<void> {
    this.come(0);
    await Promise.all(this.#inside);
  }

  #enter(): void {
    if (this.#inside.size >= this.#options.widthMax) {
      this.#tally.turnedAway += 1;
      return;
    }
    const visit = this.#buy().finally(() => this.#inside.delete(visit));
    this.#inside.add(visit);
  }

  async #buy(): Promise<void> {
    const { client, wishes } = this.#options;
    const begunAt = performance.now();
    this.#tally.begun += 1;
    try {
      const told = await shopFor(client, wishes.next().value as Wish, this.#send);
      this.told.push(told);
      this.#tally[told.kind] += 1;
      this.#tally.longestMs = Math.max(this.#tally.longestMs, performance.now() - begunAt);
    } catch (error) {
      this.#tally.givenUp.push(error instanceof Error ? error.message : String(error));
    }
  }

  readonly #send: PersistentSend = async (client, method, path, ask): Promise<Answer> => {
    const givenUpAt = performance.now() + this.#options.patienceMs;
    this.#tally.requests += 1;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await client.ask(method, path, ask).catch((error: unknown) => error as Error);
      const isAnswer = !(answer instanceof Error);
      if (isAnswer && answer.status === 500)
        this.#tally.broken.push(`${method} ${path}: ${JSON.stringify(answer.body)}`);
      const isBusy = isAnswer && answer.body?.code === "kernel/key-in-flight";
      if (isAnswer && !isBusy && answer.status < 500 && answer.status !== 429) return answer;
      if (attempt === 1 && !isBusy) this.#tally.refusedAtFirst += 1;
      if (performance.now() > givenUpAt) {
        const last = isAnswer ? `${answer.status} ${JSON.stringify(answer.body)}` : answer.message;
        throw new Error(`${method} ${path} was given up: ${last}`);
      }
      await pause(waitOf(answer));
    }
  };
}

/** What the shop asks for, spread so that those who were turned away together do not return together. */
function waitOf(answer: Answer | Error): number {
  const seconds = answer instanceof Error ? 0 : Number(answer.headers["retry-after"] ?? 0);
  return seconds === 0 ? PAUSE_MS : seconds * 1_000 * (0.5 + Math.random());
}

function nothing(): BuyersTally {
  return {
    ...{ requests: 0, refusedAtFirst: 0, begun: 0, placed: 0, refused: 0, turnedAway: 0, longestMs: 0 },
    givenUp: [],
    broken: [],
  };
}
