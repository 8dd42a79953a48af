/**
 * Where a consumer goes on reading after a restart.
 *
 * What holds across a crash: the stored position never passes an event that is neither done nor dead. It may lag: what
 * is read again is recognised by the inbox, so it is written now and then and not with each event.
 */
import type { Clock, Logger, Timer } from "../std/mod.ts";
import type { Transact } from "./dead-letters.ts";
import { readCursor, saveCursor } from "./inbox.ts";

/** What {@link Cursor} needs. */
export interface CursorOptions {
  readonly consumer: string;
  readonly source: string;
  readonly transact: Transact;
  readonly clock: Clock;
  readonly log: Logger;
  /** The longest that the stored position lags while it moves, in milliseconds. */
  readonly everyMs: number;
  /** Up to where everything is done or dead. */
  readonly position: () => number;
}

/** Loads and keeps a consumer's position. */
export class Cursor {
  readonly #options: CursorOptions;
  #saved = 0;
  #timer: Timer | undefined;
  #saving: Promise<void> | undefined;

  constructor(options: CursorOptions) {
    this.#options = options;
  }

  /** The stored position; `head` is where the source's log ends, infinity when that is not known. */
  async load(head: number): Promise<number> {
    const { consumer, source, transact, log } = this.#options;
    this.#saved = await transact(`${consumer}.cursor`, async (connection) => {
      const cursor = await readCursor(connection, consumer, source);
      if (cursor <= head) return cursor;
      // The source was restored from a backup: what it records from now on gets positions that were seen before.
      log.error("The log ends before the cursor; reading goes on from its end.", {
        consumer,
        source,
        cursor,
        head,
      });
      await saveCursor(connection, consumer, source, head);
      return head;
    });
    return this.#saved;
  }

  /** Tells that the position may have moved. */
  moved(): void {
    const { clock, everyMs, position } = this.#options;
    if (this.#timer !== undefined || position() <= this.#saved) return;
    this.#timer = clock.after(everyMs, () => {
      this.#timer = undefined;
      void this.#save();
    });
  }

  /** Stores the position now; resolves when nothing is being stored any more. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#save();
  }

  /** One after another, so that an older position never comes last. */
  async #save(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
    const position = this.#options.position();
    if (position <= this.#saved) return;
    this.#saving = this.#store(position);
    await this.#saving;
  }

  async #store(position: number): Promise<void> {
    const { consumer, source, transact, log } = this.#options;
    try {
      await transact(`${consumer}.cursor`, (connection) => saveCursor(connection, consumer, source, position));
      this.#saved = position;
    } catch (error) {
      log.warn("Saving the cursor failed; it is saved later.", { consumer, source, error });
    }
    this.#saving = undefined;
  }
}
