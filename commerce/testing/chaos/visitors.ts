/** Visitors who look around a shop: as many as are told, whether it copes or not. See `visitors-worker.ts`. */
import { Worker } from "node:worker_threads";

/** Who they are, and where they go. */
export interface VisitorsOptions {
  readonly host: string;
  readonly port: number;
  /** What is asked for, in turn. */
  readonly paths: readonly string[];
  /** How many may wait for an answer at once: whoever comes then is not let onto the line. */
  readonly connectionsMax: number;
  /** How long each waits for an answer. */
  readonly patienceMs: number;
}

/** How they come: each when its time has come (open), or each when the one before has left (closed). */
export type VisitorsOrder =
  | {
      readonly way: "open";
      readonly perSecond: number;
      /** How often each asks again, at once, when he was refused: the worst of clients. Not at all unless said. */
      readonly again?: number;
    }
  | { readonly way: "closed"; readonly width: number };

/** What became of them in some time. */
export interface Tally {
  /** How many came. */
  offered: number;
  served: number;
  /** 503 or 429: to come back later. */
  shed: number;
  /** Nobody was sent, for the thread that sends them was late. */
  unasked: number;
  /** 504, or no answer at all. */
  late: number;
  /** How often somebody who was refused, or left, asked again. */
  again: number;
  /** Answers that nobody should get: the first few. */
  broken: string[];
  /** There was no connection left. */
  turnedAway: number;
  /** How long those took that were served, in milliseconds: all together, and the longest. */
  tookMs: number;
  longestMs: number;
}

/** Sums up. */
export function summed(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  return {
    offered: sum(({ offered }) => offered),
    served: sum(({ served }) => served),
    shed: sum(({ shed }) => shed),
    unasked: sum(({ unasked }) => unasked),
    late: sum(({ late }) => late),
    again: sum(({ again }) => again),
    broken: tallies.flatMap(({ broken }) => broken),
    turnedAway: sum(({ turnedAway }) => turnedAway),
    tookMs: sum(({ tookMs }) => tookMs),
    longestMs: Math.max(0, ...tallies.map(({ longestMs }) => longestMs)),
  };
}

/** Visitors, in a thread of their own. */
export class Visitors implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #tallies: Tally[] = [];

  constructor(options: VisitorsOptions) {
    this.#worker = new Worker(new URL("./visitors-worker.ts", import.meta.url), { workerData: options });
    this.#worker.on("message", (tally: Tally) => this.#tallies.push(tally));
  }

  /** How they come from now on. */
  send(order: VisitorsOrder): void {
    this.#worker.postMessage(order);
  }

  /** What became of them since this was asked last. */
  take(): Tally {
    return summed(this.#tallies.splice(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
