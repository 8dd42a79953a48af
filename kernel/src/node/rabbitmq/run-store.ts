/**
 * The runs of one service in a stream queue. A stream queue only gives messages one after another from an offset, and
 * does not say where it ends; so one consumer follows its end, and what it has heard of is what there is.
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { type KeptRun, type RunStore, eventsIn } from "../../events/mod.ts";
import type { Clock } from "../../std/mod.ts";
import type { RabbitLink } from "./link.ts";

/** The headers of a run: what it begins after, and where it ends. */
export const RUN_HEADERS = { after: "isomer-after", upTo: "isomer-up-to" } as const;
/** The queue that keeps a service's events. */
export const queueOf = (service: string): string => `isomer.${service}`;

/** How a stream queue is kept. */
export interface QueueOptions {
  /** How long events are kept, in seconds; for ever unless said. */
  readonly ageSecondsMax?: number;
  /** How much is kept, in bytes; 256 MiB unless said. */
  readonly bytesMax?: number;
}

/** How many messages are under way to a reader. */
const CREDIT = 64;
/** When nothing came for so long after the consumer began, the end is reached, in milliseconds. */
const QUIET_MS = 150;
/** The newest runs as they are heard of: the last message, and how far any of them goes. */
interface End {
  run: KeptRun | undefined;
  head: number;
}

/** A consumer at the end of the stream. */
interface Following {
  readonly channel: Channel;
  readonly end: End;
  isOver: boolean;
}

/** What a {@link RabbitRunStore} needs. */
export interface RabbitRunStoreOptions {
  readonly link: RabbitLink;
  readonly clock: Clock;
  readonly service: string;
  readonly queue: QueueOptions;
}

/** A service's stream queue. Made when it is not there. */
export class RabbitRunStore implements RunStore {
  readonly service: string;
  readonly #options: RabbitRunStoreOptions;
  readonly #listeners = new Set<(run: KeptRun | undefined) => void>();
  #following: Promise<Following> | undefined;
  #deaf: (() => void) | undefined;

  constructor(options: RabbitRunStoreOptions) {
    this.#options = options;
    this.service = options.service;
  }

  async last(): Promise<KeptRun | undefined> {
    return (await this.#followed()).end.run;
  }

  /** The position up to which there is everything. */
  async head(): Promise<number> {
    return (await this.#followed()).end.head;
  }

  /** Resolves when what was added up to a position has been heard of, too: then whoever asks here is given it. */
  async heard(upTo: number): Promise<void> {
    const following = await this.#followed();
    if (following.end.head >= upTo) return;
    const heard = new Promise<void>((resolve, reject) => {
      const end = this.follow(() => {
        if (!following.isOver && following.end.head < upTo) return;
        end();
        if (following.isOver) reject(new Error("the connection was lost"));
        else resolve();
      });
    });
    await this.#options.link.answer(`adding to ${queueOf(this.service)}`, heard);
  }

  async range(from: number, count: number): Promise<readonly KeptRun[]> {
    const { end } = await this.#followed();
    const place = Math.max(from, 1);
    const until = Math.min(place + count - 1, end.run?.place ?? 0);
    if (until < place) return [];
    const { link } = this.#options;
    const channel = await link.answer("opening a channel", link.connection().createChannel());
    const runs: KeptRun[] = [];
    try {
      const read = new Promise<void>((resolve, reject) => {
        channel.on("error", reject);
        channel.on("close", () => reject(new Error("the channel was closed")));
        const begun = this.#consume(channel, place - 1, (run) => {
          if (run === undefined) return reject(new Error("the queue is gone"));
          // A queue begins at the chunk that has the offset; what was cut off leaves a later beginning.
          if (run.place >= place && runs.length < count) runs.push(run);
          if (run.place >= until) resolve();
        });
        begun.catch(reject);
      });
      await link.answer(`reading ${queueOf(this.service)}`, read);
    } finally {
      await channel.close().catch(() => {});
    }
    return runs;
  }

  follow(listener: (run: KeptRun | undefined) => void): () => void {
    this.#listeners.add(listener);
    this.#deaf ??= this.#options.link.onUp(() => this.#tell(undefined));
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#deaf?.();
      this.#deaf = undefined;
    };
  }

  /** The consumer at the end: the one there is, or a new one that has reached the end. */
  async #followed(): Promise<Following> {
    const present = await this.#following?.catch(() => undefined);
    if (present?.isOver === false && this.#options.link.isUp) return present;
    this.#following = this.#begin();
    this.#following.catch(() => {});
    return this.#following;
  }

  async #begin(): Promise<Following> {
    const { link, clock } = this.#options;
    const channel = await link.answer("opening a channel", link.connection().createChannel());
    const following: Following = { channel, end: { run: undefined, head: 0 }, isOver: false };
    const over = (): void => {
      if (following.isOver) return;
      following.isOver = true;
      this.#tell(undefined);
    };
    channel.on("error", over);
    channel.on("close", over);
    await link.answer(
      `making ${queueOf(this.service)}`,
      channel.assertQueue(queueOf(this.service), { durable: true, arguments: argumentsOf(this.#options.queue) }),
    );
    await link.answer(
      `reading ${queueOf(this.service)}`,
      new Promise<void>((resolve, reject) => {
        let quiet = clock.after(QUIET_MS * 2, resolve);
        const begun = this.#consume(channel, "last", (run) => {
          if (run === undefined) return over();
          following.end.run = run;
          following.end.head = Math.max(following.end.head, run.upTo);
          quiet.cancel();
          quiet = clock.after(QUIET_MS, resolve);
          this.#tell(run);
        });
        begun.catch(reject);
      }),
    );
    return following;
  }

  async #consume(channel: Channel, offset: number | "last", heard: (run: KeptRun | undefined) => void): Promise<void> {
    await channel.prefetch(CREDIT);
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) return heard(undefined);
      channel.ack(message);
      heard(runFrom(message));
    };
    await channel.consume(queueOf(this.service), onMessage, { arguments: { "x-stream-offset": offset } });
  }

  #tell(run: KeptRun | undefined): void {
    for (const listener of this.#listeners) listener(run);
  }
}

function argumentsOf({ ageSecondsMax, bytesMax = 256 * 1_024 ** 2 }: QueueOptions): Record<string, unknown> {
  const age = ageSecondsMax === undefined ? {} : { "x-max-age": `${ageSecondsMax}s` };
  return { "x-queue-type": "stream", "x-max-length-bytes": bytesMax, ...age };
}

function runFrom({ content, properties }: ConsumeMessage): KeptRun {
  const about = (properties.headers ?? {}) as Record<string, unknown>;
  const [after, upTo] = [Number(about[RUN_HEADERS.after]), Number(about[RUN_HEADERS.upTo])];
  // Offsets begin at 0, places at 1.
  const place = Number(about["x-stream-offset"]) + 1;
  if (![place, after, upTo].every((number) => Number.isSafeInteger(number))) {
    throw new TypeError("A message of the stream is no run of events.");
  }
  return { place, after, upTo, bytes: content.length + 64, events: eventsIn(content.toString("utf8")) };
}
