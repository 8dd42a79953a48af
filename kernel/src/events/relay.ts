/**
 * Brings a service's log to the broker. It keeps no state of its own: where to go on is what the broker says it has.
 * So a crash at any point, here or there, costs at most some events sent twice, and a broker that forgot gets again
 * what it lacks, as far as the log still has it: what was deleted meanwhile is told of with what is left.
 */
import { type Clock, type Fault, type Logger, type Random, type Timer, toFault } from "../std/mod.ts";
import type { Broker } from "./broker.ts";
import { WHATEVER_IS_LEFT } from "./holes.ts";
import { Likeness } from "./likeness.ts";
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
/** A broker that does not answer is told of when that has lasted for so long, in milliseconds: short outages are usual. */
const TOLD_AFTER_MS = 10_000;

/** Brings one log to the broker while it runs. */
export class Relay {
  readonly #options: RelayOptions;
  /** Up to where the broker has everything, as far as is known here; unknown at first and after a failure. */
  #head: number | undefined;
  readonly #likeness: Likeness;
  #deaf: (() => void) | undefined;
  #timer: Timer | undefined;
  #wanted = false;
  #running: Promise<void> | undefined;
  /** Since when nothing can be brought; undefined while it can. */
  #failingSince: number | undefined;
  #isTold = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#likeness = new Likeness(options);
  }

  /** For how long it could bring nothing, in milliseconds; 0 while it can, and while it does not run. */
  get failingMs(): number {
    return this.#failingSince === undefined ? 0 : this.#options.clock.monotonicMs() - this.#failingSince;
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
    this.#failingSince = undefined;
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
    const { clock, random, checkMs = 1_000 } = this.#options;
    let pauseMs = checkMs;
    try {
      while (this.#wanted && this.#deaf !== undefined) {
        this.#wanted = false;
        await this.#bring();
      }
      this.#succeeded();
    } catch (error) {
      this.#head = undefined;
      const fault = toFault(error);
      // What will not mend itself is told of, and not asked for five times a second.
      if (fault.kind === "unavailable") pauseMs = RETRY_MS;
      this.#failed(fault);
    }
    if (this.#deaf === undefined) return;
    this.#timer = clock.after(pauseMs * (0.5 + random.next()), () => {
      // The broker may have lost something meanwhile: only it knows.
      this.#head = undefined;
      this.wake();
    });
  }

  #succeeded(): void {
    const { log, source } = this.#options;
    if (this.#isTold) log.info("Events are brought to the broker again.", { service: source.service });
    this.#failingSince = undefined;
    this.#isTold = false;
  }

  #failed({ code, kind, message }: Fault): void {
    const { clock, log, source } = this.#options;
    this.#failingSince ??= clock.monotonicMs();
    const about = { service: source.service, code, reason: message };
    if (kind !== "unavailable") {
      log.error("Events could not be brought to the broker; they are sent again soon.", about);
    } else if (!this.#isTold && this.failingMs >= TOLD_AFTER_MS) {
      // A link that is up says nothing of a stream that is missing.
      this.#isTold = true;
      log.warn("Events cannot be brought to the broker. Nothing is lost: the log has them, and it is tried on.", about);
    } else log.debug("Events could not be brought to the broker; they are sent again soon.", about);
  }

  async #bring(): Promise<void> {
    const { source, broker } = this.#options;
    const { service } = source;
    if (this.#head === undefined) {
      const head = await broker.head(service);
      // A log that ends before that has nothing to bring; what it records next is looked at before it is read.
      if (!(await this.#likeness.check(head))) return;
      this.#head = head;
    }
    for (let more = true; more && this.#deaf !== undefined;) {
      const after: number = this.#head;
      const batch = await source.read({ after, limit: RUN_MAX, missed: WHATEVER_IS_LEFT });
      const { upTo, events, holes } = batch;
      if (this.#likeness.isLost) {
        // What was read is of a log that lost something: first it is looked up to where the broker has the same.
        this.#head = undefined;
        this.#wanted = true;
        return;
      }
      if (upTo > after) {
        const run = { service, after, upTo, events };
        this.#head = await broker.append(holes === undefined ? run : { ...run, holes });
        this.#likeness.sent(batch, this.#head);
      }
      more = batch.more;
    }
  }
}
