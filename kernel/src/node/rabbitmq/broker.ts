/**
 * Events over RabbitMQ: a stream queue for each service, a message for each run, publisher confirms.
 *
 * What holds across a crash, of this host or of the server: what was confirmed is on disk, and what may be missing takes
 * the head back and is sent again. RabbitMQ cannot refuse a message that does not follow another one. So two relays of
 * one log leave runs twice; readers go by positions and leave out what they have had.
 */
import type { ConfirmChannel } from "amqplib";
import {
  type Broker,
  BrokerUnavailable,
  type EventSource,
  type LogRun,
  RunReader,
  piecesOf,
} from "../../events/mod.ts";
import type { Clock, Random } from "../../std/mod.ts";
import type { RabbitLink } from "./link.ts";
import { type QueueOptions, RUN_HEADERS, RabbitRunStore, queueOf } from "./run-store.ts";

/** What {@link rabbitBroker} needs. */
export interface RabbitBrokerOptions {
  readonly link: RabbitLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly queue?: QueueOptions;
  /** The most bytes of several events in a message; 256 KiB unless said. */
  readonly messageBytesMax?: number;
  /** The most bytes of one event: below what the server takes (`max_message_size`); 8 MiB unless said. */
  readonly eventBytesMax?: number;
}

/** Makes the broker over a link. Close it before the link. */
export function rabbitBroker(options: RabbitBrokerOptions): RabbitBroker {
  return new RabbitBroker(options);
}

interface Stream {
  readonly store: RabbitRunStore;
  readonly source: RunReader;
  /** One append after another. */
  turn: Promise<unknown>;
}

/** Events in stream queues of RabbitMQ. */
export class RabbitBroker implements Broker {
  readonly #options: RabbitBrokerOptions;
  readonly #streams = new Map<string, Stream>();
  #publishing: Promise<ConfirmChannel> | undefined;

  constructor(options: RabbitBrokerOptions) {
    this.#options = options;
  }

  append(run: LogRun): Promise<number> {
    const stream = this.#of(run.service);
    const turn = stream.turn.then(() => this.#append(run, stream));
    stream.turn = turn.catch(() => {});
    return turn;
  }

  head(service: string): Promise<number> {
    return this.#of(service).store.head();
  }

  source(service: string): EventSource {
    return this.#of(service).source;
  }

  /** Ends its sources: they tell nobody any more. */
  close(): void {
    for (const { source } of this.#streams.values()) source.close();
  }

  async #append(run: LogRun, { store }: Stream): Promise<number> {
    const head = await store.head();
    if (run.after > head || run.upTo <= head) return head;
    const { messageBytesMax: cutAt = 262_144, eventBytesMax = 8 * 1_024 ** 2 } = this.#options;
    for (const piece of piecesOf(run, head, { cutAt, bytesMax: Math.max(cutAt, eventBytesMax) })) {
      await this.#publish(run.service, piece.text, {
        [RUN_HEADERS.after]: piece.after,
        [RUN_HEADERS.upTo]: piece.upTo,
        ...(piece.holes === undefined ? {} : { [RUN_HEADERS.holes]: piece.holes }),
      });
    }
    await store.heard(run.upTo);
    return run.upTo;
  }

  async #publish(service: string, text: string, headers: Record<string, number | string>): Promise<void> {
    const { link } = this.#options;
    const channel = await this.#channel();
    const queue = queueOf(service);
    const confirmed = new Promise<void>((resolve, reject) => {
      // A message without a queue is confirmed, too; it comes back before that.
      const returned = (): void => reject(new Error("the queue is gone"));
      const closed = (): void => reject(new Error("the channel was closed"));
      channel.once("return", returned);
      channel.once("close", closed);
      channel.sendToQueue(
        queue,
        Buffer.from(text),
        { headers, persistent: true, mandatory: true },
        (error: unknown) => {
          channel.off("return", returned);
          channel.off("close", closed);
          if (error === null || error === undefined) resolve();
          else reject(new Error("the message was not confirmed"));
        },
      );
    });
    try {
      await link.answer(`adding to ${queue}`, confirmed);
    } catch (error) {
      // What becomes of the message is not known; nothing later may be taken for it.
      this.#publishing = undefined;
      void channel.close().catch(() => {});
      throw error;
    }
  }

  async #channel(): Promise<ConfirmChannel> {
    const { link } = this.#options;
    if (!link.isUp) throw BrokerUnavailable.with({ broker: "RabbitMQ", reason: "not connected" });
    const opening = (this.#publishing ??= this.#open());
    try {
      return await link.answer("opening a channel", opening);
    } catch (error) {
      if (this.#publishing === opening) this.#publishing = undefined;
      void opening.then((late) => late.close()).catch(() => {});
      throw error;
    }
  }

  async #open(): Promise<ConfirmChannel> {
    const channel = await this.#options.link.connection().createConfirmChannel();
    const over = (): void => {
      this.#publishing = undefined;
    };
    channel.on("error", over);
    channel.on("close", over);
    return channel;
  }

  #of(service: string): Stream {
    let stream = this.#streams.get(service);
    if (stream === undefined) {
      const { link, clock, random, queue = {} } = this.#options;
      const store = new RabbitRunStore({ link, clock, service, queue });
      stream = { store, source: new RunReader({ store, clock, random }), turn: Promise.resolve() };
      this.#streams.set(service, stream);
    }
    return stream;
  }
}
