/**
 * Where a consumer goes on reading after a restart.
 *
 * What holds across a crash: the stored position never passes an event that is neither done nor dead. It may lag: what
 * is read again is recognised by the inbox, so it is written now and then and not with each event.
 */
import type { Clock, Logger, Timer } from "../std/mod.ts";
import type { Transact } from "./dead-letters.ts";
import { NOTHING_HEARD, heardFrom, heardText, takeOver, wasHeard } from "./heard-types.ts";
import { type Place, readPlace, saveCursor, saveMissed } from "./inbox.ts";

/** What {@link Cursor} needs. */
export interface CursorOptions {
  readonly consumer: string;
  readonly source: string;
  /** The types that it hears. */
  readonly types: ReadonlySet<string>;
  readonly transact: Transact;
  readonly clock: Clock;
  readonly log: Logger;
  /** The longest that the stored position lags while it moves, in milliseconds. */
  readonly everyMs: number;
  /** Up to where everything is done or dead. */
  readonly position: () => number;
}

/** Where a consumer stood at its last end. */
export interface Stand extends Omit<Place, "heard"> {
  /** Whether it has never begun. */
  readonly isNew: boolean;
}

/** Loads and keeps a consumer's position. */
export class Cursor {
  readonly #options: CursorOptions;
  #saved = 0;
  #heard = NOTHING_HEARD;
  #timer: Timer | undefined;
  #saving: Promise<void> | undefined;

  constructor(options: CursorOptions) {
    this.#options = options;
  }

  /** The stored place; `head` is where the source's log ends, infinity when that is not known. */
  async load(head: number): Promise<Stand> {
    const { consumer, source, types, transact, clock, log } = this.#options;
    const [stand, heard] = await transact(`${consumer}.cursor`, async (connection) => {
      const place = await readPlace(connection, consumer, source);
      const isNew = place === undefined;
      const { position: cursor, missed } = place ?? { position: 0, missed: 0 };
      const taken = takeOver(cursor <= head ? heardFrom(place?.heard) : undefined, types, {
        position: Math.min(cursor, head),
        now: clock.now(),
      });
      const { position } = taken;
      const text = heardText(taken.heard);
      if (!isNew && (text !== place.heard || position !== cursor))
        await saveCursor(connection, { consumer, source, position, heard: text });
      if (cursor <= head) return [{ position, missed, isNew }, taken.heard] as const;
      // The source was restored from a backup: what it records from now on gets positions that were seen before.
      log.error("The log ends before the cursor; reading goes on from its end.", {
        consumer,
        source,
        cursor,
        head,
      });
      await saveMissed(connection, consumer, source, 0);
      return [{ position, missed: 0, isNew }, taken.heard] as const;
    });
    this.#saved = stand.position;
    this.#heard = heard;
    return stand;
  }

  /** Whether an event was heard before, by a build that heard fewer or other types. */
  hasHeard(event: { readonly type: string; readonly position: number }): boolean {
    return wasHeard(this.#heard, event);
  }

  /** Stores up to where it is known that something is missing. */
  async miss(upTo: number): Promise<void> {
    const { consumer, source, transact } = this.#options;
    await transact(`${consumer}.cursor`, (connection) => saveMissed(connection, consumer, source, upTo));
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
      const standing = { consumer, source, position, heard: heardText(this.#heard) };
      await transact(`${consumer}.cursor`, (connection) => saveCursor(connection, standing));
      this.#saved = position;
    } catch (error) {
      log.warn("Saving the cursor failed; it is saved later.", { consumer, source, error });
    }
    this.#saving = undefined;
  }
}
