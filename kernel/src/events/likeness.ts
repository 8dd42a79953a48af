/**
 * Whether the broker's copy of a log is still one. A database that is restored from a backup, or fails over to a copy that
 * was behind, loses the log's end, and what is recorded then gets positions that the broker, and whoever hears it, has
 * seen with other events: nobody would ever hear of it. So the newest event of the broker is looked up in the log; when it
 * is not there, what the log has instead gets positions beyond all that the broker has.
 *
 * Nothing here survives a crash, or must: it is found again from what the broker and the log have.
 */
import type { Logger } from "../std/mod.ts";
import type { Broker } from "./broker.ts";
import { EventsExpired } from "./broker-faults.ts";
import type { EventRecord } from "./event.ts";
import { WHATEVER_IS_LEFT } from "./holes.ts";
import type { Mark } from "./log-positions.ts";
import type { LogSource } from "./log-source.ts";
import type { EventBatch } from "./source.ts";

/** What a {@link Likeness} needs. */
export interface LikenessOptions {
  readonly source: LogSource;
  readonly broker: Broker;
  readonly log: Logger;
}

/** How many positions are compared first; twice as many each time that nothing was alike. */
const WIDTH = 256;

/** Compares one log with what the broker has of it. */
export class Likeness {
  readonly #options: LikenessOptions;
  /** The newest event of the broker, when its head was `#head`. */
  #newest: Mark | undefined;
  #head = 0;
  #losses = 0;
  /** The head that was told of as beyond the log's end. */
  #told = 0;

  constructor(options: LikenessOptions) {
    this.#options = options;
  }

  /** Whether the log was seen to lose something since the last check. */
  get isLost(): boolean {
    return this.#options.source.losses !== this.#losses;
  }

  /** Remembers what was sent, and what the broker's head is then. */
  sent({ events, upTo }: Pick<EventBatch, "events" | "upTo">, head: number): void {
    if (head !== upTo) return;
    this.#newest = events.at(-1) ?? this.#newest;
    this.#head = head;
  }

  /**
   * Sees to it that whatever the log has and the broker has not is beyond the broker's head. Resolves to false while the
   * log ends before that head, by a loss: then what it records next must be checked again. @throws faults.
   */
  async check(head: number): Promise<boolean> {
    const { source, log } = this.#options;
    this.#losses = source.losses;
    if (head === 0) return true;
    if (this.#newest === undefined || this.#head !== head) this.#newest = await this.#newestUpTo(head);
    this.#head = head;
    const { service } = source;
    const newest = this.#newest;
    if (newest !== undefined) {
      const { position } = newest;
      const rows = await source.ids({ after: position - 1, upTo: Math.max(position, head) });
      if (rows.get(position) === newest.id && rows.size === 1 && position === head) return true;
      const after = rows.get(position) === newest.id ? position : await this.#alikeUpTo(position);
      const events = await source.raise({ after, above: head, lost: newest });
      if (events > 0) {
        log.error(
          "The log had lost events that the broker has: it was restored, or failed over. What was recorded since then " +
            "got higher positions and is brought to the broker. Subscribers have heard of what was lost: compare them.",
          { service, after, head, events },
        );
        return true;
      }
    }
    return await this.#reaches(head);
  }

  /** Whether the log goes as far as the broker's head; if not, that is told of once. */
  async #reaches(head: number): Promise<boolean> {
    const { source, log } = this.#options;
    const end = await source.head();
    if (end >= head) return true;
    if (this.#told === head) return false;
    this.#told = head;
    if (this.#newest === undefined) {
      log.error(
        "The broker's stream says that it ends beyond the log, and has no event to compare: it was rewound too far, or the " +
          "log lost its end. What is recorded up to there is not brought: rewind the stream to a position of the log.",
        { service: source.service, log: end, head },
      );
      return false;
    }
    log.error(
      "The broker has events that the log lost: it was restored, or failed over. Subscribers have heard of them: compare " +
        "them. What is recorded from now on is brought to the broker.",
      { service: source.service, log: end, head },
    );
    return false;
  }

  /** The broker's newest event. */
  async #newestUpTo(head: number): Promise<Mark | undefined> {
    for (let [after, width] = [head, WIDTH]; after > 0; width *= 2) {
      after = Math.max(0, after - width);
      const { events, first } = await this.#brokers(after, head);
      const newest = events.at(-1);
      if (newest !== undefined || first > after) return newest;
    }
    return undefined;
  }

  /** The last position up to which broker and log have the same, before one at which they have not. */
  async #alikeUpTo(position: number): Promise<number> {
    const { source } = this.#options;
    for (let [upTo, width] = [position, WIDTH]; upTo > 0; width *= 2) {
      const after = Math.max(0, upTo - width);
      const { events, first } = await this.#brokers(after, upTo);
      const ids = await source.ids({ after, upTo });
      const alike = events.findLast((event) => ids.get(event.position) === event.id);
      if (alike !== undefined) return alike.position;
      // What the broker has no more cannot be compared: it was heard long ago.
      if (first > after) return Math.min(first, upTo);
      upTo = after;
    }
    return 0;
  }

  /** The broker's events after a position up to another, and after which position it has any. */
  async #brokers(after: number, upTo: number): Promise<{ events: readonly EventRecord[]; first: number }> {
    const source = this.#options.broker.source(this.#options.source.service);
    const events: EventRecord[] = [];
    let first = after;
    for (let [at, more] = [after, true]; more && at < upTo;) {
      try {
        const batch = await source.read({ after: at, limit: upTo - at, missed: WHATEVER_IS_LEFT });
        events.push(...batch.events.filter(({ position }) => position > at && position <= upTo));
        more = batch.more && batch.upTo > at;
        at = batch.upTo;
      } catch (error) {
        if (!EventsExpired.is(error) || error.data.first <= at) throw error;
        first = at = error.data.first;
      }
    }
    return { events, first };
  }
}
