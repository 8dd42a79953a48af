/**
 * The runs of one service in a stream queue. A stream queue only gives messages one after another from an offset, and
 * does not say where it ends; so one consumer follows its end, and what it has heard of is what there is. A message that is
 * no run of events is told of and gone past: it keeps nobody from reading or adding what comes after it.
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { type KeptRun, type RunStore, readRun } from "../../events/mod.ts";
import type { Clock, Timer } from "../../std/mod.ts";
import type { RabbitLink } from "./link.ts";

/** The headers of a run: what it begins after, where it ends, and what the log had no more of it. */
export const RUN_HEADERS = { after: "isomer-after", upTo: "isomer-up-to", holes: "isomer-holes" } as const;
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
/** Where messages never stop coming, those that were there before are surely heard of after so long, in milliseconds. */
const END_MS = 1_000;
/** How many messages that are no runs are gone past at once. */
const LOOK_MAX = 512;
/** How many messages before the newest ones are looked at for a run that goes further. */
const BACK_MAX = 64;

/** A message of the stream, and the run in it if it is one. */
interface Message {
  readonly place: number;
  readonly run: KeptRun | undefined;
}

/** What a look found: the runs, and the places of the first and the last message. */
interface Look {
  readonly runs: readonly KeptRun[];
  readonly first: number;
  readonly last: number;
}

/** The newest runs as they are heard of: the last one, and the one that goes furthest. A relay that is late adds older ones. */
interface End {
  run: KeptRun | undefined;
  furthest: KeptRun | undefined;
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
  #present: Following | undefined;
  #beginning: Promise<Following> | undefined;
  #deaf: (() => void) | undefined;

  constructor(options: RabbitRunStoreOptions) {
    this.#options = options;
    this.service = options.service;
  }

  async last(): Promise<KeptRun | undefined> {
    return (await this.#followed()).end.furthest;
  }

  /** The position up to which there is everything. */
  async head(): Promise<number> {
    return headOf((await this.#followed()).end);
  }

  /** Resolves when what was added up to a position has been heard of, too: then whoever asks here is given it. */
  async heard(upTo: number): Promise<void> {
    const following = await this.#followed();
    if (headOf(following.end) >= upTo) return;
    const heard = new Promise<void>((resolve, reject) => {
      const end = this.follow(() => {
        if (!following.isOver && headOf(following.end) < upTo) return;
        end();
        if (following.isOver) reject(new Error("the connection was lost"));
        else resolve();
      });
    });
    await this.#options.link.answer(`adding to ${queueOf(this.service)}`, heard);
  }

  async range(place: number, count: number): Promise<readonly KeptRun[]> {
    const { end } = await this.#followed();
    const last = end.run?.place ?? 0;
    for (let [from, most] = [Math.max(place, 1), count]; from <= last; most = LOOK_MAX) {
      const found = await this.#look(from, { to: Math.min(from + most - 1, last), runsMax: count });
      // What is there is no run of events: what comes after it is, at the last run's place if not before.
      if (found.runs.length > 0) return found.runs;
      from = found.last + 1;
    }
    return [];
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
  #followed(): Promise<Following> {
    if (this.#present?.isOver === false && this.#options.link.isUp) return Promise.resolve(this.#present);
    // Begun once for all who wait for it: RabbitMQ refuses a queue that is just being made, and may end the connection.
    this.#beginning ??= this.#begin().finally(() => (this.#beginning = undefined));
    return this.#beginning;
  }

  async #begin(): Promise<Following> {
    const { link } = this.#options;
    const channel = await link.channel();
    const following: Following = { channel, end: { run: undefined, furthest: undefined }, isOver: false };
    const over = (): void => {
      if (following.isOver) return;
      following.isOver = true;
      this.#tell(undefined);
    };
    channel.on("error", over);
    channel.on("close", over);
    try {
      await link.answer(
        `making ${queueOf(this.service)}`,
        channel.assertQueue(queueOf(this.service), { durable: true, arguments: argumentsOf(this.#options.queue) }),
      );
      await this.#reachEnd(following, over);
    } catch (error) {
      // It would go on consuming, beside the one that is begun instead; and there may be so many channels only.
      following.isOver = true;
      void channel.close().catch(() => {});
      throw error;
    }
    this.#present = following;
    return following;
  }

  /** Begins to hear what is added; resolves when all is heard of that was there before. */
  async #reachEnd(following: Following, over: () => void): Promise<void> {
    const { link, clock } = this.#options;
    const { end, channel } = following;
    let first: number | undefined;
    await link.answer(
      `reading ${queueOf(this.service)}`,
      new Promise<void>((resolve, reject) => {
        let quiet = clock.after(QUIET_MS * 2, resolve);
        let passed: Timer | undefined;
        const begun = this.#consume(channel, "last", (message) => {
          if (following.isOver) return;
          if (message === undefined) return over();
          quiet.cancel();
          quiet = clock.after(QUIET_MS, resolve);
          passed ??= clock.after(END_MS, resolve);
          first ??= message.place;
          // What is no run changes nothing for readers: there is nothing more to read.
          if (message.run !== undefined) this.#tell(reach(end, message.run));
        });
        begun.catch(reject);
      }),
    );
    if (first === undefined) return;
    // What was heard may be no run, or what a late relay had added behind others that go further.
    for (const run of await this.#runsBefore(first)) reach(end, run);
  }

  /** Some of the newest runs before a place; none when there is none. */
  async #runsBefore(place: number): Promise<readonly KeptRun[]> {
    for (let [to, count] = [place - 1, BACK_MAX]; to > 0; to -= count, count = LOOK_MAX) {
      const from = Math.max(to - count + 1, 1);
      const { runs, first } = await this.#look(from, { to, runsMax: count });
      const before = runs.filter((one) => one.place <= to);
      // What begins later than what was asked for is the stream's beginning.
      if (before.length > 0 || first > from) return before;
    }
    return [];
  }

  /** Reads on from a place: to another one, or until there are so many runs. There must be something at the end. */
  async #look(from: number, { to, runsMax }: { to: number; runsMax: number }): Promise<Look> {
    const { link } = this.#options;
    const channel = await link.channel();
    const runs: KeptRun[] = [];
    let [first, last] = [0, 0];
    try {
      const read = new Promise<void>((resolve, reject) => {
        channel.on("error", reject);
        channel.on("close", () => reject(new Error("the channel was closed")));
        const begun = this.#consume(channel, from - 1, (message) => {
          if (message === undefined) return reject(new Error("the queue is gone"));
          // A queue begins at the chunk that has the offset; what was cut off leaves a later beginning.
          if (message.place < from || last >= to || runs.length === runsMax) return;
          if (first === 0) first = message.place;
          last = message.place;
          if (message.run !== undefined) runs.push(message.run);
          if (last >= to || runs.length === runsMax) resolve();
        });
        begun.catch(reject);
      });
      await link.answer(`reading ${queueOf(this.service)}`, read);
    } finally {
      // A server that hangs does not answer this either.
      void channel.close().catch(() => {});
    }
    return { runs, first, last };
  }

  async #consume(
    channel: Channel,
    offset: number | "last",
    heard: (message: Message | undefined) => void,
  ): Promise<void> {
    await channel.prefetch(CREDIT);
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) return heard(undefined);
      channel.ack(message);
      heard(this.#messageFrom(message));
    };
    await channel.consume(queueOf(this.service), onMessage, { arguments: { "x-stream-offset": offset } });
  }

  /** The place of a message, and the run in it if it is one. What is none is told of, once for each message. */
  #messageFrom({ content, properties }: ConsumeMessage): Message {
    const { service } = this;
    const about = (properties.headers ?? {}) as Record<string, unknown>;
    // Offsets begin at 0, places at 1. The server says them, not who published.
    const place = Number(about["x-stream-offset"]) + 1;
    const [after, upTo] = [positionIn(about[RUN_HEADERS.after]), positionIn(about[RUN_HEADERS.upTo])];
    const holes = about[RUN_HEADERS.holes];
    try {
      const claim = { service, after, upTo, text: content.toString("utf8") };
      const run = readRun(typeof holes === "string" ? { ...claim, holes } : claim);
      return { place, run: { place, bytes: content.length + 64, ...run } };
    } catch (error) {
      this.#options.link.foreign(queueOf(service), place, (error as Error).message);
      return { place, run: undefined };
    }
  }

  #tell(run: KeptRun | undefined): void {
    for (const listener of this.#listeners) listener(run);
  }
}

/** Notes a run that was heard of. */
function reach(end: End, run: KeptRun): KeptRun {
  if (run.place > (end.run?.place ?? 0)) end.run = run;
  if (run.upTo >= headOf(end)) end.furthest = run;
  return run;
}

/** The position up to which there is everything. */
function headOf({ furthest }: End): number {
  return furthest?.upTo ?? 0;
}

function argumentsOf({ ageSecondsMax, bytesMax = 256 * 1_024 ** 2 }: QueueOptions): Record<string, unknown> {
  const age = ageSecondsMax === undefined ? {} : { "x-max-age": `${ageSecondsMax}s` };
  return { "x-queue-type": "stream", "x-max-length-bytes": bytesMax, ...age };
}

function positionIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
