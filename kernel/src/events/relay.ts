/**
 * Brings a service's log to the broker. It keeps no state of its own: where to go on is what the broker says it has.
 * So a crash at any point, here or there, costs at most some events sent twice, and a broker that forgot gets again
 * what it lacks.
 */
import { type Clock, type Logger, type Random, type Timer, toFault } from "../std/mod.ts";
import type { Broker } from "./broker.ts";
import type { LogSource } from "./log-source.ts";

/** What a {@link Relay} needs. */
export interface RelayOptions {
  readonly source: LogSource;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The mean pause between looks at the broker that nobody asked for, in milliseconds; 1,000 unless said. */
  readonly checkMs?: number;
}

/** How many rows of the log travel together. */
const RUN_MAX = 256;
/** The mean pause after a failure, in milliseconds. */
const RETRY_MS = 200;

/** Brings one log to the broker while it runs. */
export class Relay {
  readonly #options: RelayOptions;
  /** Up to where the broker has everything, as far as is known here; unknown at first and after a failure. */
  #head: number | undefined;
  #deaf: (() => void) | undefined;
  #timer: Timer | undefined;
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#deaf !== undefined) return;
    this.#deaf = this.#options.source.onAppend(() => this.wake());
    this.wake();
  }

  /** Ends when what is under way has ended. The next start goes on. */
  async stop(): Promise<void> {
    this.#deaf?.();
    this.#deaf = undefined;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Looks for something to send now. */
  wake(): void {
    this.#wanted = true;
    if (this.#running !== undefined || this.#deaf === undefined) return;
    this.#timer?.cancel();
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { clock, random, checkMs = 1_000, log, source } = this.#options;
    let pauseMs = checkMs;
    try {
      while (this.#wanted && this.#deaf !== undefined) {
        this.#wanted = false;
        await this.#bring();
      }
    } catch (error) {
      this.#head = undefined;
      const { code, kind, message } = toFault(error);
      // What will not mend itself is told of, and not asked for five times a second.
      if (kind === "unavailable") pauseMs = RETRY_MS;
      const level = kind === "unavailable" ? "debug" : "error";
      log[level]("Events could not be brought to the broker; they are sent again soon.", {
        ...{ service: source.service, code, reason: message },
      });
    }
    if (this.#deaf === undefined) return;
    this.#timer = clock.after(pauseMs * (0.5 + random.next()), () => {
      // The broker may have lost something meanwhile: only it knows.
      this.#head = undefined;
      this.wake();
    });
  }

  async #bring(): Promise<void> {
    const { source, broker } = this.#options;
    const { service } = source;
    this.#head ??= await broker.head(service);
    for (let more = true; more && this.#deaf !== undefined;) {
      const after: number = this.#head;
      const batch = await source.read({ after, limit: RUN_MAX });
      if (batch.upTo > after) {
        this.#head = await broker.append({ service, after, upTo: batch.upTo, events: batch.events });
      }
      more = batch.more;
    }
  }
}
