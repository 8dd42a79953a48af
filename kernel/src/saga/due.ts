/** Finds sagas whose moment has come. One timer, and one index over `wake_at`, serve them all. */
import type { Clock, Logger, Timer } from "../std/mod.ts";
import type { Database } from "../store/mod.ts";

/** Of what {@link DueSagas} is made. */
export interface DueSagasOptions {
  readonly service: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes a saga to be run; false when there is no room. One that runs already is left alone, and counts as taken. */
  readonly take: (id: string) => boolean;
  /** Called when the table has been looked at. */
  readonly polled: () => void;
  /** See {@link SagaEngineOptions}. */
  readonly lookAgainMs?: number | undefined;
}

interface DueRow {
  readonly id: string;
  readonly wake_at: number;
}

const FIND_DUE = `SELECT id, wake_at FROM isomer_saga
  WHERE wake_at IS NOT NULL AND wake_at <= ? AND (wake_at, id) > (?, ?) ORDER BY wake_at, id LIMIT ?`;
const FIND_NEXT = "SELECT MIN(wake_at) AS wake_at FROM isomer_saga WHERE wake_at IS NOT NULL AND wake_at > ?";
const PAGE = 200;
/** However far the next moment is: a clock that was set shows after at most so long. */
const LOOK_AGAIN_MS = 60_000;
const FAILED_MS = 1_000;

/** Watches the table for sagas that are due. */
export class DueSagas {
  readonly #options: DueSagasOptions;
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;
  #polling: Promise<void> | undefined;
  #pollAgain = false;
  /** Whether some that are due did not find room. */
  #more = false;
  #stopped = false;
  readonly #lookAgainMs: number;

  constructor(options: DueSagasOptions) {
    this.#options = options;
    this.#lookAgainMs = options.lookAgainMs ?? LOOK_AGAIN_MS;
  }

  get isPolling(): boolean {
    return this.#polling !== undefined || this.#more;
  }

  /** Sees to it that the table is looked at no later than at this moment. */
  arm(at: number): void {
    if (this.#stopped || at >= this.#at) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#at = at;
    const delayMs = Math.min(Math.max(0, at - clock.now()), this.#lookAgainMs);
    this.#timer = clock.after(delayMs, () => {
      this.#at = Number.POSITIVE_INFINITY;
      void this.poll();
    });
  }

  /** Some saga could not be taken: the table is looked at again when there is room. */
  more(): void {
    this.#more = true;
  }

  /** There is room. */
  room(): void {
    if (this.#more && this.#polling === undefined) void this.poll();
  }

  /** Takes all that are due, as far as there is room. */
  poll(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#pollAgain = this.#polling !== undefined;
    this.#polling ??= this.#pollAll();
    return this.#polling;
  }

  /** Looks no more; resolves when nothing is being read. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#polling;
  }

  async #pollAll(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      do {
        this.#pollAgain = false;
        this.#more = false;
        this.arm((await this.#pages()) ?? clock.now() + this.#lookAgainMs);
      } while (this.#pollAgain);
    } catch (error) {
      log.warn("The table of sagas could not be read; it is tried again.", { error });
      this.arm(clock.now() + FAILED_MS);
    } finally {
      this.#polling = undefined;
      this.#options.polled();
    }
  }

  /** Resolves to the next moment, if there is one. */
  async #pages(): Promise<number | undefined> {
    const { service, database, clock, take } = this.#options;
    const now = clock.now();
    let last: DueRow = { id: "", wake_at: -1 };
    for (;;) {
      const { wake_at, id } = last;
      const [rows, next] = await database.read({ label: `${service}.saga.due` }, async (connection) => {
        const page = await connection.all<DueRow>(FIND_DUE, [now, wake_at, id, PAGE]);
        return [page, page.length === PAGE ? [] : await connection.all<{ wake_at: number | null }>(FIND_NEXT, [now])];
      });
      for (const row of rows) {
        if (this.#stopped) return undefined;
        if (!take(row.id)) this.#more = true;
        if (this.#more) return undefined;
        last = row;
      }
      if (rows.length < PAGE) return next[0]?.wake_at ?? undefined;
    }
  }
}
