/**
 * One connection of a host to RabbitMQ. It connects for ever, with pauses that vary, and while it is down everything
 * that is asked fails at once with a fault of kind `unavailable`.
 */
import { type Channel, type ChannelModel, connect } from "amqplib";
import { BrokerUnavailable, ForeignMessages } from "../../events/mod.ts";
import type { Metrics } from "../../observe/mod.ts";
import { type Clock, type Fault, type Logger, type Random, isFault, sleep } from "../../std/mod.ts";

/** Where RabbitMQ is. */
export interface RabbitLinkOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://…`. */
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** How long an answer may take, in milliseconds; 2,000 unless said. */
  readonly requestMs?: number;
  /** How long connecting may take, in milliseconds; 5,000 unless said. */
  readonly connectMs?: number;
}

const HEARTBEAT_S = 5;
/** The bounds of the pause between attempts to connect, in milliseconds. */
const PAUSE_MS = { least: 100, most: 600 } as const;

/** Opens a link; it connects in the background. */
export function openRabbit(options: RabbitLinkOptions): RabbitLink {
  return new RabbitLink(options);
}

/** A connection to RabbitMQ that comes back. */
export class RabbitLink {
  readonly #options: RabbitLinkOptions;
  readonly #upListeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #foreign: ForeignMessages;
  readonly #running: Promise<void>;
  #connection: ChannelModel | undefined;

  constructor(options: RabbitLinkOptions) {
    this.#options = options;
    this.#foreign = new ForeignMessages(options.log);
    if (options.metrics !== undefined) this.#foreign.measure(options.metrics, "rabbitmq");
    this.#running = this.#run();
  }

  /** Whether there is a connection now. */
  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  /** The connection. @throws {BrokerUnavailable} while there is none. */
  connection(): ChannelModel {
    if (this.#connection === undefined) throw unavailable("not connected");
    return this.#connection;
  }

  /** Waits for what was asked, but not for ever. @throws faults of kind `unavailable`. */
  async answer<T>(what: string, asked: Promise<T>): Promise<T> {
    const { clock, requestMs = 2_000 } = this.#options;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = clock.after(requestMs, () => reject(unavailable(`${what}: no answer in ${requestMs} ms`)));
    });
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      throw isFault(error)
        ? error
        : unavailable(`${what}: ${error instanceof Error ? error.message : "unknown"}`, error);
    } finally {
      timer?.cancel();
    }
  }

  /** Opens a channel. One that comes too late is closed: there may be so many only. @throws {BrokerUnavailable}. */
  async channel(): Promise<Channel> {
    const opening = this.connection().createChannel();
    try {
      return await this.answer("opening a channel", opening);
    } catch (error) {
      void opening.then((late) => late.close()).catch(() => {});
      throw error;
    }
  }

  /** Resolves when it is connected, or closed. */
  up(): Promise<void> {
    const { signal } = this.#closing;
    if (this.isUp || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        deaf();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const deaf = this.onUp(done);
      signal.addEventListener("abort", done);
    });
  }

  /** Calls the listener each time that there is a connection again. Returns what ends it. */
  onUp(listener: () => void): () => void {
    const own = (): void => listener();
    this.#upListeners.add(own);
    return () => this.#upListeners.delete(own);
  }

  /** How many messages were found in streams that are no runs of events. */
  get foreignMessages(): number {
    return this.#foreign.count;
  }

  /** Tells that a message of a stream is no run of events: an error in the log, once for each. */
  foreign(stream: string, place: number, why: string): void {
    this.#foreign.found(stream, place, why);
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connection?.close().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { url, clock, random, log, connectMs: timeout = 5_000 } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        // Without it each confirmation of a reader's waits for the one before to be acknowledged: 40 ms for 64 messages.
        const connection = await connect(`${url}?heartbeat=${HEARTBEAT_S}`, { noDelay: true, timeout });
        const closed = new Promise<void>((resolve) => connection.once("close", resolve));
        connection.on("error", (error: unknown) => log.debug("RabbitMQ reported an error.", { error }));
        this.#connection = connection;
        if (signal.aborted) void connection.close().catch(() => {});
        else for (const listener of this.#upListeners) listener();
        await closed;
        if (!signal.aborted) log.warn("The connection to RabbitMQ is lost; it is made again.");
      } catch (error) {
        log.debug("RabbitMQ could not be reached; it is tried again soon.", { error });
      }
      this.#connection = undefined;
      await sleep(clock, PAUSE_MS.least + (PAUSE_MS.most - PAUSE_MS.least) * random.next(), signal);
    }
  }
}

function unavailable(reason: string, cause?: unknown): Fault {
  return BrokerUnavailable.with({ broker: "RabbitMQ", reason }, cause === undefined ? undefined : { cause });
}
