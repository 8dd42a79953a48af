/**
 * Answers that several hosts share: a place beside their own caches. Whatever happens to it, nobody waits long for it
 * and nothing fails: then each host asks for itself. All are held to `guard/testing/answers-conformance.ts`.
 */
import type { Clock } from "../std/mod.ts";

/** An answer that was kept. */
export interface SharedAnswer {
  readonly value: string;
  /** For how long it is still good, in milliseconds; more than 0. */
  readonly freshMs: number;
}

/** Keeps answers by key. Keys may be personal: whoever keeps them elsewhere keeps a digest. */
export interface SharedAnswers {
  /** The answer, or `undefined` when there is none or the place does not answer soon. Never rejects. */
  get(key: string): Promise<SharedAnswer | undefined>;
  /** Keeps an answer for `freshMs` milliseconds, if the place can be reached. Returns at once. */
  put(key: string, value: string, freshMs: number): void;
}

/** Gives a service what the hosts with its replicas share, and nobody else; undefined where they share nothing. */
export type AnswersOf = (service: string) => SharedAnswers | undefined;

/** How many answers are kept. */
const ANSWERS_MAX = 10_000;
/** An answer longer than this is not shared, in UTF-16 units. */
export const ANSWER_LENGTH_MAX = 256 * 1_024;

/** Answers kept in memory: for hosts in one process, and in simulation. The oldest goes first. */
export class MemoryAnswers implements SharedAnswers {
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly value: string; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string): Promise<SharedAnswer | undefined> {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    const freshMs = found.untilMs - this.#clock.monotonicMs();
    if (freshMs > 0) return { value: found.value, freshMs };
    this.#kept.delete(key);
    return undefined;
  }

  put(key: string, value: string, freshMs: number): void {
    if (freshMs <= 0 || value.length > ANSWER_LENGTH_MAX) return;
    this.#kept.delete(key);
    this.#kept.set(key, { value, untilMs: this.#clock.monotonicMs() + freshMs });
    if (this.#kept.size <= ANSWERS_MAX) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }
}
