/**
 * What a consumer can hear no more. One that begins hears what is left of what was told before, and goes on; that some of it
 * was deleted is said once. One that had begun and finds a hole before it does not go past it by itself: it says so, asks
 * again now and then, and goes on when an operator says so (`skip`), or when what it needs is there again.
 *
 * Across a crash: up to where something is known to be missing is stored before it is read past.
 */
import { type Fault, type Logger, isFault } from "../std/mod.ts";
import { EventsExpired } from "./broker-faults.ts";
import { endOf } from "./holes.ts";
import { EventsPruned } from "./log-pruning.ts";
import type { EventBatch } from "./source.ts";

/** What {@link Losses} needs of its consumer. */
export interface LossesOptions {
  readonly consumer: string;
  readonly source: string;
  readonly log: Logger;
  /** Stores up to where it is known that something is missing. */
  readonly miss: (upTo: number) => Promise<void>;
}

/** What is gone that one consumer would hear. */
export class Losses {
  readonly #options: LossesOptions;
  #missed = 0;
  #isTold = false;
  /** Whether it takes what is left, whatever that is: until it has caught up. */
  #isLenient = false;
  #stuck: Fault | undefined;

  constructor(options: LossesOptions) {
    this.#options = options;
  }

  /** What was deleted up to here is known to be missing. */
  get missed(): number {
    return this.#missed;
  }

  /** Why it cannot go on; undefined when it can. */
  get stuck(): Fault | undefined {
    return this.#stuck;
  }

  /** Begins with what was stored; one that is new takes what is left. */
  begin(missed: number, isNew: boolean): void {
    this.#missed = missed;
    this.#isLenient = isNew;
    this.#stuck = undefined;
  }

  /** It could read. */
  passed({ holes, more, upTo }: EventBatch): void {
    this.#stuck = undefined;
    if (!more && upTo > 0) this.#isLenient = false;
    if (holes === undefined || this.#isTold) return;
    this.#isTold = true;
    const { consumer, source, log } = this.#options;
    log.warn(
      "Events that this subscriber has not heard were deleted when their time was over; it hears what is left.",
      {
        ...{ consumer, source, deletedUpTo: endOf(holes) },
      },
    );
  }

  /** It could not read: resolves to whether it may try at once. Of what is gone it is told here, once; of nothing else. */
  async failed(error: unknown): Promise<boolean> {
    if (EventsPruned.is(error) && this.#isLenient) {
      await this.#pass(error.data.pruned);
      return true;
    }
    const isGone = EventsPruned.is(error) || EventsExpired.is(error);
    if (!isGone || !isFault(error)) return false;
    const { consumer, source, log } = this.#options;
    if (this.#stuck?.message !== error.message) {
      log.error("A subscriber cannot go on: what comes next is gone.", { consumer, source, error });
    }
    this.#stuck = error;
    return false;
  }

  /** Gives up what is gone. Resolves to where it can go on reading; undefined when nothing keeps it. */
  async skip(after: number): Promise<number | undefined> {
    const stuck = this.#stuck;
    if (stuck === undefined) return undefined;
    const { consumer, source, log } = this.#options;
    log.warn("A subscriber goes on without what is gone, as it was told to.", {
      consumer,
      source,
      after,
      error: stuck,
    });
    if (EventsPruned.is(stuck)) await this.#pass(stuck.data.pruned);
    this.#isLenient = true;
    this.#stuck = undefined;
    return EventsExpired.is(stuck) ? Math.max(after, stuck.data.first) : after;
  }

  async #pass(upTo: number): Promise<void> {
    await this.#options.miss(upTo);
    this.#missed = upTo;
  }
}
